import type { Candidate, CandidateOrigin } from '../segmentation.ts';

/** An object that may have been made of a candidate, or recognised by one. */
interface OriginatingObject {
  readonly objectId: number;
  readonly origin?: CandidateOrigin | undefined;
}

/** What a look proposed, as long as its frame can be prompted, and which objects have been shown by it. */
export class ProposedLook {
  readonly #frameIndex: number;
  readonly #candidates: readonly Candidate[];
  /** Place of the candidate by which an object was shown last. */
  readonly #shown = new Map<number, number>();

  constructor(frameIndex: number, candidates: readonly Candidate[]) {
    this.#frameIndex = frameIndex;
    this.#candidates = candidates;
  }

  /** Masks, as logits, of objects that a candidate of this look is and that have not been shown by it yet. */
  unshown(
    objects: readonly OriginatingObject[],
  ): { readonly objectId: number; readonly logits: Float32Array }[] {
    return objects.flatMap(({ objectId, origin }) => {
      if (origin === undefined || origin.frameIndex !== this.#frameIndex) return [];
      if (this.#shown.get(objectId) === origin.candidate) return [];
      const logits = this.#candidates[origin.candidate]?.logits;
      return logits === undefined ? [] : [{ objectId, logits }];
    });
  }

  /** Notes that these objects have been shown by the candidates that they are now. */
  noteShown(objects: readonly OriginatingObject[]): void {
    for (const { objectId, origin } of objects) {
      if (origin?.frameIndex === this.#frameIndex) this.#shown.set(objectId, origin.candidate);
    }
  }
}
