import type { MaskLogits } from '../../mask/mask-logits.ts';
import type { CameraMotion } from '../../prompting/camera-motion.ts';
import { colourLikeness } from '../appearance.ts';
import { maskGrid, type SegmentationRequest, type SegmentationResult } from '../segmentation.ts';
import type { TrackedObject } from '../tracked-object.ts';
import { AppearanceGallery } from './appearance-gallery.ts';
import type { Descriptor } from './descriptor.ts';
import { HiddenPlace, type LumaSize } from './hidden-place.ts';
import { type MaskShape, shapeOf } from './mask-shape.ts';
import {
  type IdentityDecision,
  isBelieved,
  type KnownObject,
  resolveIdentities,
  seniorityOfPeople,
} from './resolve-identities.ts';

/** How fast what is usual of an object follows what it is at present, per look. */
const usualPace = 0.3;
/** Looks that confirm an object until it is as good as any other. */
const looksToSettle = 3;

/** What a person shows on the very frame outdoes whatever else claims it. */
const seniorityOfShown = 3;

/** What is kept of one object to know it again. */
interface IdentityRecord {
  readonly gallery: AppearanceGallery;
  usualArea: number | null;
  usualSimilarity: number | null;
  hidden: HiddenPlace | null;
}

/** What was expected when a look began. */
interface BegunLook {
  readonly frameIndex: number;
  /** By object: what lies on the frame of the look; null for those with no place. */
  readonly expected: ReadonlyMap<number, MaskShape | null>;
  /** Objects that a person shows on that frame: they are what they are shown to be. */
  readonly prompted: ReadonlySet<number>;
}

/** What a look says of the objects that were known when it began. */
export interface ResolvedLook {
  readonly decisions: ReadonlyMap<number, IdentityDecision>;
  /** Of the candidates that were given, those that are no known object. */
  readonly unknown: readonly number[];
}

/** The objects of a stream, as far as identities need them. */
interface Objects {
  all(): Iterable<TrackedObject>;
  find(id: number): TrackedObject | undefined;
}

/**
 * Knows the objects of one stream again: keeps how each has looked, how large it is and where it was hidden, and
 * decides look by look which sighting is which object. Bounded by the objects that exist.
 */
export class IdentityKeeper {
  readonly #objects: Objects;
  readonly #records = new Map<number, IdentityRecord>();
  #look: BegunLook | null = null;

  constructor(objects: Objects) {
    this.#objects = objects;
  }

  /**
   * Lets the places of hidden objects follow the camera to the next frame.
   *
   * @param carried motion that led to the frame and what of it is the camera's; null where that is not known
   */
  moveTo(carried: { readonly motion: LumaSize | null; readonly camera: CameraMotion | null }): void {
    this.#prune();
    const hidden: HiddenPlace[] = [];
    for (const object of this.#objects.all()) {
      const record = this.#recordOf(object.id);
      if (object.mask !== null) record.hidden = null;
      else if (object.lastMask !== null) record.hidden ??= new HiddenPlace(object.lastMask);
      if (record.hidden !== null) hidden.push(record.hidden);
    }
    if (hidden.length === 0) return;
    const { motion, camera } = carried;
    if (motion !== null && camera !== null) for (const place of hidden) place.moveWith(camera, motion);
  }

  /** Notes where everything is expected on the frame that is about to be looked at. */
  beginLook({ frameIndex, pixels, pixelSize, targets, prompted }: SegmentationRequest): void {
    const grid = maskGrid(pixelSize);
    const shown = new Set(prompted.map(({ objectId }) => objectId));
    const expected = new Map<number, MaskShape | null>();
    for (const { id } of this.#objects.all()) {
      // Without a picture only prompts are decoded: nothing is learned of other objects.
      if (pixels === null && !shown.has(id)) continue;
      const prior = targets.find(({ objectId }) => objectId === id)?.prior ?? null;
      expected.set(
        id,
        prior === null ? this.#hiddenShape(id, grid) : shapeOf({ ...grid, data: prior }, grid),
      );
    }
    this.#look = { frameIndex, expected, prompted: shown };
  }

  /** Forgets a look that came to nothing. */
  abandonLook(): void {
    this.#look = null;
  }

  /**
   * Decides which sighting of a look is which object. Objects that a person has corrected since, and those that did
   * not exist when the look began, have no part in it.
   *
   * @param choose positions of the look's candidates that pass as objects, given the look's mask grid with 1 where
   *   a search has found its object
   */
  resolve(
    result: SegmentationResult,
    timestampNs: bigint,
    choose: (occupied: Uint8Array) => readonly number[],
  ): ResolvedLook {
    const known = this.#known(result, timestampNs);
    const viable = choose(occupiedCells(result, known)).flatMap((position) => {
      const candidate = result.candidates[position];
      const shape = candidate && shapeOf({ ...result.grid, data: candidate.logits }, result.grid);
      return shape ? [{ position, shape, descriptor: candidate.descriptor }] : [];
    });
    const { decisions, unknown } = resolveIdentities(known, viable);
    const positionOf = (at: number) => viable[at]?.position ?? -1;
    this.#look = null;
    return {
      decisions: new Map(
        known.map(({ id }, at): [number, IdentityDecision] => {
          const decision = decisions[at] ?? { kind: 'not_looked_for' };
          if (decision.kind !== 'recognised') return [id, decision];
          return [id, { ...decision, candidate: positionOf(decision.candidate) }];
        }),
      ),
      unknown: unknown.map(positionOf),
    };
  }

  /** Takes in how a known object looks on a frame on which it was seen for sure. */
  learn(objectId: number, mask: MaskLogits, descriptor: Descriptor | null): void {
    const record = this.#recordOf(objectId);
    if (descriptor !== null) {
      const similarity = record.gallery.similarity(descriptor);
      if (similarity !== null) record.usualSimilarity = towards(record.usualSimilarity, similarity);
      record.gallery.learn(descriptor);
    }
    let cells = 0;
    for (const logit of mask.data) if (logit > 0) cells++;
    const area = cells / (mask.spanX * mask.spanY);
    if (area === 0) return;
    record.usualArea = towards(record.usualArea, area);
  }

  #known({ frameIndex, grid, objects }: SegmentationResult, timestampNs: bigint): KnownObject[] {
    const look = this.#look?.frameIndex === frameIndex ? this.#look : null;
    const known: KnownObject[] = [];
    for (const object of this.#objects.all()) {
      const found = objects.find(({ objectId }) => objectId === object.id);
      // Where nobody noted the beginning, at least what was looked for is known.
      const took = look === null ? found !== undefined : look.expected.has(object.id);
      if (!took || frameIndex <= object.correctedOn) continue;
      const { gallery, usualArea, usualSimilarity } = this.#recordOf(object.id);
      const logits = found?.logits ?? null;
      const shape = logits === null ? null : shapeOf({ ...grid, data: logits }, grid);
      const isShown = look?.prompted.has(object.id) ?? false;
      known.push({
        id: object.id,
        state: object.state,
        hiddenSeconds: object.mask === null ? object.hiddenSeconds(timestampNs) : 0,
        seniority: isShown ? seniorityOfShown : seniorityOf(object),
        expected: look?.expected.get(object.id) ?? null,
        usualArea,
        usualSimilarity,
        similarity: (descriptor) => (isShown ? null : gallery.similarity(descriptor)),
        search:
          found === undefined
            ? { kind: 'not_looked_for' }
            : shape === null
              ? { kind: 'not_found' }
              : {
                  kind: 'found',
                  shape,
                  score: found.score,
                  descriptor: found.descriptor,
                  colours:
                    object.appearance === null || found.appearance === null
                      ? null
                      : colourLikeness(object.appearance, found.appearance),
                  isPresumed: found.isPresumed ?? false,
                },
      });
    }
    return known;
  }

  #hiddenShape(objectId: number, grid: ReturnType<typeof maskGrid>): MaskShape | null {
    const place = this.#recordOf(objectId).hidden;
    if (place === null) return null;
    const data = new Float32Array(grid.width * grid.height);
    place.render(grid, data);
    return shapeOf({ ...grid, data }, grid);
  }

  #recordOf(objectId: number): IdentityRecord {
    let record = this.#records.get(objectId);
    if (record === undefined) {
      record = { gallery: new AppearanceGallery(), usualArea: null, usualSimilarity: null, hidden: null };
      this.#records.set(objectId, record);
    }
    return record;
  }

  #prune(): void {
    for (const objectId of this.#records.keys()) {
      if (this.#objects.find(objectId) === undefined) this.#records.delete(objectId);
    }
  }
}

/** Where searches found their objects, as far as that is to be believed; what no known object claims counts too. */
function occupiedCells({ grid, objects }: SegmentationResult, known: readonly KnownObject[]): Uint8Array {
  const doubted = new Set(known.filter((object) => !isBelieved(object)).map(({ id }) => id));
  const occupied = new Uint8Array(grid.width * grid.height);
  for (const { objectId, logits } of objects) {
    if (logits === null || doubted.has(objectId)) continue;
    for (let cell = 0; cell < occupied.length; cell++) if ((logits[cell] as number) > 0) occupied[cell] = 1;
  }
  return occupied;
}

function towards(usual: number | null, present: number): number {
  return usual === null ? present : usual + usualPace * (present - usual);
}

/** How far an object has proved to be one, 0 to 1: people's word counts most. */
function seniorityOf({ author, isLocked, confirmations }: TrackedObject): number {
  if (author === 'person' || isLocked) return seniorityOfPeople;
  return (0.6 * Math.min(looksToSettle, confirmations)) / looksToSettle;
}
