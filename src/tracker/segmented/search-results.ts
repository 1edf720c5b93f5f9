import type { Frame } from '../../buffer/frame.ts';
import { type CandidateGates, chooseNewObjects } from '../../prompting/candidate-filter.ts';
import type { IdentityKeeper } from '../identity/identity-keeper.ts';
import type { IdentityDecision } from '../identity/resolve-identities.ts';
import type { ObjectTable } from '../object-table.ts';
import type { Candidate, SegmentationResult } from '../segmentation.ts';
import type { TrackedObject } from '../tracked-object.ts';
import { agreeingPoints } from './agreeing-points.ts';
import type { MaskCarrier } from './mask-carrier.ts';

/** What became of a look's result. */
type Integration =
  /** Its masks wait for their landing. */
  | 'integrated'
  /** Motion does not lead from its frame to the present: the scene or the picture's size has changed. */
  | 'unreachable'
  /** It is from before a reset. */
  | 'unwanted';

/** How often looks decided what about known objects; `adopted` counts new ones. */
export type IdentityCounts = Readonly<Record<IdentityDecision['kind'] | 'adopted' | 'doubted', number>>;

/** Looks in a row that find nothing of an object whose mask motion still carries well, before it counts as hidden. */
const missesToHide = 2;
/** Support of a carried mask from which one miss is not believed. */
const doubtsMissFrom = 0.5;
/** Looks in a row after which an automatic object that shows only what another one is, is given up. */
const mergesToGiveUp = 4;
/** Score from which a mask is good enough to learn an object's looks from. */
const minScoreToLearn = 0.6;
/** Points of one look that must agree on a candidate, and its merit, for it to need no second look. */
const pointsToBeCertain = 2;
const meritToBeCertain = 0.93;

/** Makes what a segmentation found into masks that land, objects that are hidden, and new objects. */
export class SearchResults {
  readonly #objects: ObjectTable;
  readonly #carrier: MaskCarrier;
  readonly #identities: IdentityKeeper;
  readonly #gates: CandidateGates;
  readonly #rejected: Record<string, number> = {};
  readonly #counts: Record<keyof IdentityCounts, number> = {
    found: 0,
    recognised: 0,
    merged: 0,
    unlike: 0,
    not_found: 0,
    not_looked_for: 0,
    adopted: 0,
    doubted: 0,
  };
  #outdatedUpTo = -1;
  /** Part of the picture that shows anything, on the frame of the newest look. */
  #seenShare = 1;

  constructor(objects: ObjectTable, carrier: MaskCarrier, identities: IdentityKeeper, gates: CandidateGates) {
    this.#objects = objects;
    this.#carrier = carrier;
    this.#identities = identities;
    this.#gates = gates;
  }

  /** Candidates that were not made into objects and looks that came to nothing, by why. */
  get rejected(): Readonly<Record<string, number>> {
    return { ...this.#rejected };
  }

  get identityCounts(): IdentityCounts {
    return { ...this.#counts };
  }

  countRejection(reason: string): void {
    this.#rejected[reason] = (this.#rejected[reason] ?? 0) + 1;
  }

  /** Ignores whatever is found on this frame or before. */
  ignoreUpTo(frameIndex: number): void {
    this.#outdatedUpTo = frameIndex;
  }

  /** @param seenShare part of the picture that shows anything: what fills most of that is a backdrop */
  lookBegan(seenShare: number): void {
    this.#seenShare = seenShare;
  }

  /** @param frame the present one; the result is about an earlier one or this */
  integrate(result: SegmentationResult, frame: Frame): Integration {
    if (typeof result.detection?.failure === 'string') this.countRejection('detector_failed');
    const isUnwanted = result.frameIndex <= this.#outdatedUpTo;
    if (isUnwanted || !this.#carrier.reachesBackTo(result.frameIndex)) {
      this.countRejection('outdated');
      return isUnwanted ? 'unwanted' : 'unreachable';
    }
    const { decisions, unknown } = this.#identities.resolve(result, frame.timestampNs, (occupied) =>
      chooseNewObjects(
        result.candidates,
        result.grid,
        occupied,
        result.candidates.length,
        { ...this.#gates, maxArea: this.#gates.maxArea * this.#seenShare },
        (reason) => this.countRejection(reason),
      ),
    );
    for (const [objectId, decision] of decisions) {
      const object = this.#objects.find(objectId);
      if (object === undefined) continue;
      this.#counts[decision.kind]++;
      // What a person has locked stays itself, whatever it looks like.
      if (object.isLocked && (decision.kind === 'merged' || decision.kind === 'unlike')) continue;
      this.#follow(object, decision, result, frame);
    }
    for (const position of unknown) this.#adopt(position, result, frame);
    this.#name(result);
    return 'integrated';
  }

  /** Calls objects what the detector has seen in their place; what a person called them stays. */
  #name({ detection }: SegmentationResult): void {
    for (const { objectId, label } of detection?.sightings ?? []) {
      const object = this.#objects.find(objectId);
      if (object !== undefined) object.label ??= label;
    }
  }

  #follow(object: TrackedObject, decision: IdentityDecision, result: SegmentationResult, frame: Frame): void {
    switch (decision.kind) {
      case 'found':
        this.#showFound(object, result);
        break;
      case 'recognised':
        this.#showRecognised(object, decision.candidate, result);
        break;
      case 'merged':
        this.#objects.disown(object.id, result.frameIndex);
        this.#hide(object, frame, object.mergedWith(decision.into) >= mergesToGiveUp);
        break;
      case 'unlike':
        // What motion carries now belongs to that other thing.
        this.#objects.disown(object.id, result.frameIndex);
        this.#miss(object, frame, false);
        break;
      case 'not_found':
        this.#miss(object, frame, isPresumed(object.id, result));
        break;
      case 'not_looked_for':
        break;
    }
  }

  #showFound(object: TrackedObject, { objects, grid, frameIndex }: SegmentationResult): void {
    const found = objects.find(({ objectId }) => objectId === object.id);
    if (found === undefined || found.logits === null) return;
    const logits = { ...grid, data: found.logits };
    const { score, appearance } = found;
    object.found();
    this.#carrier.addLate({ objectId: object.id, logits, score, appearance, frameIndex, isNew: false });
    if (score >= minScoreToLearn) this.#identities.learn(object.id, logits, found.descriptor);
  }

  /** A candidate turned out to be a known object: it goes on under its old identity. */
  #showRecognised(object: TrackedObject, position: number, result: SegmentationResult): void {
    const candidate = result.candidates[position];
    if (candidate === undefined) return;
    const { frameIndex, grid } = result;
    const logits = { ...grid, data: candidate.logits };
    object.found();
    object.origin = { frameIndex, candidate: position };
    object.label ??= candidate.detection?.label ?? null;
    const score = meritOf(candidate);
    this.#carrier.addLate({ objectId: object.id, logits, score, appearance: null, frameIndex, isNew: false });
    this.#identities.learn(object.id, logits, candidate.descriptor);
  }

  /** @param isDoubtful whether motion may know better; what a model has judged by itself is believed */
  #miss(object: TrackedObject, frame: Frame, isDoubtful: boolean): void {
    const misses = object.missed();
    const isCarriedWell = object.mask !== null && object.mask.support >= doubtsMissFrom;
    if (isDoubtful && isCarriedWell && !object.isOnProbation && misses < missesToHide) {
      this.#counts.doubted++;
      return;
    }
    this.#hide(object, frame, false);
  }

  #hide(object: TrackedObject, frame: Frame, isGivenUp: boolean): void {
    this.#carrier.drop(object.id);
    const isNoObject = object.isAutomatic && object.confirmations === 0;
    if (isNoObject || (isGivenUp && object.isAutomatic)) {
      // An automatic object that is not found even once again was no object.
      this.countRejection(isNoObject ? 'not_found_again' : 'merged');
      this.#objects.remove(object.id);
      return;
    }
    this.#objects.note(object.observe({ kind: 'absent' }, frame.index, frame.timestampNs));
  }

  /** Makes an object of a candidate that is none of the known ones. */
  #adopt(position: number, result: SegmentationResult, frame: Frame): void {
    const candidate = result.candidates[position];
    if (candidate === undefined) return;
    if (this.#objects.room() === 0) {
      this.countRejection('limit');
      return;
    }
    this.#counts.adopted++;
    const { frameIndex, grid } = result;
    const score = meritOf(candidate);
    const { id } = this.#objects.create({
      author: 'strategy',
      label: candidate.detection?.label ?? null,
      frameIndex: frame.index,
      timestampNs: frame.timestampNs,
      score,
      origin: { frameIndex, candidate: position },
      isCertain:
        candidate.detection !== undefined ||
        (score >= meritToBeCertain && agreeingPoints(result, position) >= pointsToBeCertain),
    });
    const logits = { ...grid, data: candidate.logits };
    this.#carrier.addLate({ objectId: id, logits, score, appearance: null, frameIndex, isNew: true });
    this.#identities.learn(id, logits, candidate.descriptor);
  }
}

function isPresumed(objectId: number, { objects }: SegmentationResult): boolean {
  return objects.find((found) => found.objectId === objectId)?.isPresumed ?? false;
}

function meritOf({ predictedIou, stability }: Candidate): number {
  return predictedIou * stability;
}
