import type { Frame } from '../../buffer/frame.ts';
import { type MaskLogits, positiveExtent } from '../../mask/mask-logits.ts';
import { chooseNewObjects } from '../../prompting/candidate-filter.ts';
import { associate, maskBits } from '../association.ts';
import { type NewObject, ObjectTable } from '../object-table.ts';
import { type CellGrid, createMotionField } from '../propagation/motion-field.ts';
import { PropagatedMask } from '../propagation/propagated-mask.ts';
import type { Candidate, FoundObject, SegmentationResult } from '../segmentation.ts';
import type { TrackedObject } from '../tracked-object.ts';

/** What is asked of the frame on which an object is shown. */
export type ShownFrame = Pick<Frame, 'index' | 'timestampNs' | 'lumaWidth' | 'lumaHeight'>;

type MaskGrid = SegmentationResult['grid'];

/** The objects of one stream, continued from look to look by the overlap of their masks. */
export class PairedObjects {
  readonly table: ObjectTable;
  /** Where each object was seen last; lost objects have no place. */
  readonly #lastPlaces = new Map<number, MaskLogits>();
  readonly #rejected: Record<string, number> = {};
  #cells: CellGrid | null = null;

  constructor(streamId: string, limit: number, firstId: number) {
    this.table = new ObjectTable(streamId, limit, firstId);
  }

  /** Candidates that became no object, by why. */
  get rejected(): Readonly<Record<string, number>> {
    return { ...this.#rejected };
  }

  /** Where objects that are seen or may come back were seen last. */
  get lastPlaces(): readonly MaskLogits[] {
    return [...this.#lastPlaces.values()];
  }

  find(objectId: number): TrackedObject | undefined {
    return this.table.find(objectId);
  }

  /** At the limit the table gives up a hidden object, whose place must not claim a candidate any more. */
  create(options: NewObject): TrackedObject {
    const object = this.table.create(options);
    for (const objectId of [...this.#lastPlaces.keys()]) {
      if (this.table.find(objectId) === undefined) this.#lastPlaces.delete(objectId);
    }
    return object;
  }

  /** Shows an object where a person says it is. */
  give(object: TrackedObject, logits: MaskLogits, frame: ShownFrame): void {
    this.#show(object, logits, 1, frame);
    object.correctedOn = frame.index;
  }

  /** Throws `TRACKCAST_OBJECT_UNKNOWN`. */
  remove(objectId: number): void {
    this.table.remove(objectId);
    this.#lastPlaces.delete(objectId);
  }

  clear(): void {
    this.table.clear();
    this.#lastPlaces.clear();
  }

  /** Takes in a look: who was found, who was missed, who is new. */
  integrate(result: SegmentationResult, frame: ShownFrame): void {
    const { grid } = result;
    const occupied = new Uint8Array(grid.width * grid.height);
    const settled = this.#settleGiven(result.frameIndex, occupied);
    for (const found of result.objects) {
      const object = this.table.find(found.objectId);
      if (object === undefined || settled.has(object.id)) continue;
      settled.add(object.id);
      this.#settlePrompted(object, found, grid, frame, occupied);
    }
    const candidates = this.#choose(result, occupied);
    const tracked = [...this.#lastPlaces].flatMap(([objectId, place]) =>
      settled.has(objectId) ? [] : [{ object: this.table.get(objectId), place }],
    );
    const { matches, unmatchedTracks, unmatchedCandidates } = associate(
      tracked.map(({ place }) => maskBits(place, grid)),
      candidates.map(({ logits }) => maskBits({ ...grid, data: logits }, grid)),
    );
    for (const { track, candidate } of matches) {
      const object = tracked[track]?.object;
      const continued = candidates[candidate];
      if (object === undefined || continued === undefined) continue;
      object.label ??= continued.detection?.label ?? null;
      this.#show(object, { ...grid, data: continued.logits }, scoreOf(continued), frame);
    }
    for (const track of unmatchedTracks) {
      const object = tracked[track]?.object;
      if (object !== undefined) this.#miss(object, frame);
    }
    for (const position of unmatchedCandidates) {
      const candidate = candidates[position];
      if (candidate !== undefined) this.#begin(candidate, grid, frame);
    }
  }

  /** Hidden objects become lost and are given up; overlap cannot tell a lost one from a new one. */
  letTimePass(frame: ShownFrame): void {
    for (const object of this.table.all()) {
      if (object.mask !== null) continue;
      this.table.note(object.observe({ kind: 'none' }, frame.index, frame.timestampNs));
      if (object.state === 'lost') this.#lastPlaces.delete(object.id);
    }
    this.table.expire(frame.timestampNs);
  }

  countRejection(reason: string): void {
    this.#rejected[reason] = (this.#rejected[reason] ?? 0) + 1;
  }

  /** Objects whose given mask is at least as new as a look. */
  #settleGiven(lookedAt: number, occupied: Uint8Array): Set<number> {
    const settled = new Set<number>();
    for (const { id, correctedOn } of this.table.all()) {
      if (correctedOn < lookedAt) continue;
      settled.add(id);
      const place = this.#lastPlaces.get(id);
      if (place?.data.length === occupied.length) occupy(occupied, place.data);
    }
    return settled;
  }

  #settlePrompted(
    object: TrackedObject,
    { logits, score }: FoundObject,
    grid: MaskGrid,
    frame: ShownFrame,
    occupied: Uint8Array,
  ): void {
    const drawn = logits === null ? null : { ...grid, data: logits };
    if (drawn === null || positiveExtent(drawn) === null) {
      this.#miss(object, frame);
      return;
    }
    occupy(occupied, drawn.data);
    this.#show(object, drawn, score, frame);
  }

  /** Candidates that are objects, best first. */
  #choose({ candidates, grid }: SegmentationResult, occupied: Uint8Array): Candidate[] {
    return chooseNewObjects(candidates, grid, occupied, candidates.length, undefined, (reason) =>
      this.countRejection(reason),
    ).flatMap((index) => candidates[index] ?? []);
  }

  #begin(candidate: Candidate, grid: MaskGrid, frame: ShownFrame): void {
    if (this.table.room() === 0) {
      this.countRejection('limit');
      return;
    }
    const { index: frameIndex, timestampNs } = frame;
    const score = scoreOf(candidate);
    // Every frame is looked at by itself here: what it shows is told at once.
    const isCertain = true;
    const object = this.create({
      author: 'strategy',
      label: candidate.detection?.label ?? null,
      frameIndex,
      timestampNs,
      score,
      isCertain,
    });
    this.#show(object, { ...grid, data: candidate.logits }, score, frame);
  }

  #show(object: TrackedObject, logits: MaskLogits, score: number, frame: ShownFrame): void {
    if (this.#cells?.lumaWidth !== frame.lumaWidth || this.#cells.lumaHeight !== frame.lumaHeight) {
      this.#cells = createMotionField(frame.lumaWidth, frame.lumaHeight);
    }
    const isConfirmed = object.author === 'person' || this.#lastPlaces.has(object.id);
    this.#lastPlaces.set(object.id, logits);
    object.show(new PropagatedMask(logits, this.#cells), score, isConfirmed);
    this.table.note(object.observe({ kind: 'seen' }, frame.index, frame.timestampNs));
  }

  /** An automatic object that is not found even once again was no object. */
  #miss(object: TrackedObject, frame: ShownFrame): void {
    if (object.isAutomatic && object.confirmations === 0) {
      this.countRejection('not_found_again');
      this.remove(object.id);
      return;
    }
    this.table.note(object.observe({ kind: 'absent' }, frame.index, frame.timestampNs));
  }
}

function occupy(occupied: Uint8Array, logits: Float32Array): void {
  for (let at = 0; at < occupied.length; at++) if ((logits[at] as number) > 0) occupied[at] = 1;
}

function scoreOf(candidate: Candidate): number {
  return candidate.predictedIou * candidate.stability;
}
