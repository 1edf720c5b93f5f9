import type { Frame } from '../../buffer/frame.ts';
import { chooseNewObjects } from '../../prompting/candidate-filter.ts';
import type { ObjectTable } from '../object-table.ts';
import type { FoundObject, SegmentationResult } from '../segmentation.ts';
import type { MaskCarrier } from './mask-carrier.ts';

/** What became of a look's result. */
export type Integration =
  /** Its masks wait for their landing. */
  | 'integrated'
  /** Motion does not lead from its frame to the present: the scene or the picture's size has changed. */
  | 'unreachable'
  /** It is from before a reset. */
  | 'unwanted';

/** Makes what a segmentation found into masks that land, objects that are hidden, and new objects. */
export class SearchResults {
  readonly #objects: ObjectTable;
  readonly #carrier: MaskCarrier;
  readonly #rejected: Record<string, number> = {};
  #outdatedUpTo = -1;

  constructor(objects: ObjectTable, carrier: MaskCarrier) {
    this.#objects = objects;
    this.#carrier = carrier;
  }

  /** Candidates that were not made into objects and looks that came to nothing, by why. */
  get rejected(): Readonly<Record<string, number>> {
    return { ...this.#rejected };
  }

  countRejection(reason: string): void {
    this.#rejected[reason] = (this.#rejected[reason] ?? 0) + 1;
  }

  /** Ignores whatever is found on this frame or before. */
  ignoreUpTo(frameIndex: number): void {
    this.#outdatedUpTo = frameIndex;
  }

  /** @param frame the present one; the result is about an earlier one or this */
  integrate(result: SegmentationResult, frame: Frame): Integration {
    const isUnwanted = result.frameIndex <= this.#outdatedUpTo;
    if (isUnwanted || !this.#carrier.reachesBackTo(result.frameIndex)) {
      this.countRejection('outdated');
      return isUnwanted ? 'unwanted' : 'unreachable';
    }
    for (const found of result.objects) this.#integrateObject(found, result, frame);
    this.#adopt(result, frame);
    return 'integrated';
  }

  #integrateObject(found: FoundObject, result: SegmentationResult, frame: Frame): void {
    const object = this.#objects.find(found.objectId);
    const { objectId, score, appearance } = found;
    const { frameIndex } = result;
    // A person's newer mask is not overridden by an older look.
    if (object === undefined || frameIndex <= object.correctedOn) return;
    if (found.logits !== null) {
      const logits = { ...result.grid, data: found.logits };
      this.#carrier.addLate({ objectId, logits, score, appearance, frameIndex, isNew: false });
      return;
    }
    this.#carrier.drop(objectId);
    if (object.author === 'strategy' && object.confirmations === 0) {
      // An automatic object that is not found even once again was no object.
      this.countRejection('not_found_again');
      this.#objects.remove(objectId);
      return;
    }
    this.#objects.note(object.observe({ kind: 'absent' }, frame.index, frame.timestampNs));
  }

  /** Makes objects of the candidates that are new and good enough. */
  #adopt(result: SegmentationResult, frame: Frame): void {
    const occupied = new Uint8Array(result.grid.width * result.grid.height);
    for (const { logits } of result.objects) {
      if (logits === null) continue;
      for (let at = 0; at < occupied.length; at++) if ((logits[at] as number) > 0) occupied[at] = 1;
    }
    const room = this.#objects.room();
    const chosen = chooseNewObjects(result.candidates, result.grid, occupied, room, undefined, (reason) =>
      this.countRejection(reason),
    );
    for (const index of chosen) {
      const candidate = result.candidates[index];
      if (candidate === undefined) continue;
      const score = candidate.predictedIou * candidate.stability;
      const { frameIndex } = result;
      const { id } = this.#objects.create({
        author: 'strategy',
        label: null,
        frameIndex: frame.index,
        timestampNs: frame.timestampNs,
        score,
        origin: { frameIndex, candidate: index },
      });
      const logits = { ...result.grid, data: candidate.logits };
      this.#carrier.addLate({ objectId: id, logits, score, appearance: null, frameIndex, isNew: true });
    }
  }
}
