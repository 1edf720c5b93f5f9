import { maskShape } from './mask-shape.ts';
import type {
  FrameOutcome,
  MemoryPolicy,
  ObjectPolicy,
  PolicyContext,
  RecalledMemory,
  StoredMemory,
} from './memory-policy.ts';

/** Part of the picture from which on a mask counts as all of it. */
const wholeFrame = 0.9;
/** How much larger a mask must be than the object was when it was last seen. */
const minGrowth = 4;

/**
 * Guards any policy against a known fault: after a model has lost an object, it sometimes takes the whole picture for
 * it, remembers that, and never recovers. A mask of nearly the whole picture is not believed if it comes right
 * after an absence and the object was far smaller before. The published predictor has no such guard, so results
 * may differ from its own.
 */
export function withWholeFrameGate(policy: MemoryPolicy): MemoryPolicy {
  return {
    wantsCandidates: policy.wantsCandidates,
    open: (context) => new GatedMemories(policy.open(context), context),
  };
}

class GatedMemories implements ObjectPolicy {
  readonly #policy: ObjectPolicy;
  readonly #side: number;
  /** Area when the object was last seen, low-resolution pixels; null before it was. */
  #lastArea: number | null = null;
  #isLost = false;

  constructor(policy: ObjectPolicy, { maskSize }: PolicyContext) {
    this.#policy = policy;
    this.#side = maskSize;
  }

  get size(): number {
    return this.#policy.size;
  }

  choose(outcome: FrameOutcome, time: number): number {
    return this.#policy.choose?.(outcome, time) ?? outcome.maskIndex;
  }

  believes(outcome: FrameOutcome): boolean {
    if (this.#isLost && this.#lastArea !== null && outcome.objectScore > 0) {
      const area = maskShape(outcome.lowResMask, this.#side)?.area ?? 0;
      if (area >= wholeFrame * this.#side ** 2 && area >= minGrowth * this.#lastArea) return false;
    }
    return this.#policy.believes?.(outcome) ?? true;
  }

  restart(time: number, outcome: FrameOutcome): void {
    this.#watch(outcome);
    this.#policy.restart?.(time, outcome);
  }

  keep(memory: StoredMemory, outcome: FrameOutcome): void {
    this.#watch(outcome);
    this.#policy.keep(memory, outcome);
  }

  recall(now: number, unselected: readonly StoredMemory[]): readonly RecalledMemory[] {
    return this.#policy.recall(now, unselected);
  }

  clear(): void {
    this.#policy.clear();
  }

  #watch({ objectScore, lowResMask }: FrameOutcome): void {
    const area = objectScore > 0 ? (maskShape(lowResMask, this.#side)?.area ?? 0) : 0;
    this.#isLost = area === 0;
    if (area > 0) this.#lastArea = area;
  }
}
