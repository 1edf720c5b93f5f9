import { BoxMotion } from './box-motion.ts';
import { boxIou, maskShape } from './mask-shape.ts';
import {
  type FrameOutcome,
  type MemoryPolicy,
  type ObjectPolicy,
  type PolicyContext,
  type RecalledMemory,
  rankedByAge,
  type StoredMemory,
} from './memory-policy.ts';

/** Share of motion in the choice of a mask; the rest is the decoder's own estimate. */
const motionWeight = 0.15;
/** Frames in a row that an object must have been found well before its motion is trusted. */
const steadyFrames = 15;
/** Predicted IoU below which a frame was not found well. */
const minSteadyIou = 0.3;

/** What a frame must exceed to be remembered. */
const minMemoryIou = 0.5;
const minMemoryObjectScore = 0;
const minMemoryMotionScore = 0;

/**
 * SAMURAI (Yang et al. 2024, arXiv 2411.11922): a Kalman filter says where the object should be (section 4.1). It has
 * its share in which of the three masks is taken, and a frame is only remembered if its mask, its presence and its
 * motion are all credible (section 4.2), so that bad stretches leave the older, good memories in place.
 */
export const motionAwarePolicy: MemoryPolicy = {
  wantsCandidates: true,
  open: (context) => new MotionAwareMemories(context),
};

class MotionAwareMemories implements ObjectPolicy {
  readonly #context: PolicyContext;
  readonly #motion = new BoxMotion();
  /** Frames in a row on which the object was found well. */
  #steady = 0;
  #kept: StoredMemory[] = [];

  constructor(context: PolicyContext) {
    this.#context = context;
  }

  get size(): number {
    return this.#kept.length;
  }

  choose(outcome: FrameOutcome, time: number): number {
    const { candidates, ious, maskIndex, objectScore } = outcome;
    const expected = this.#steady < steadyFrames ? null : this.#motion.expect(time);
    if (expected === null || candidates === undefined || objectScore <= 0) return maskIndex;
    const { maskSize } = this.#context;
    const pixels = maskSize ** 2;
    let best = maskIndex;
    let bestScore = Number.NEGATIVE_INFINITY;
    for (let index = 1; index <= candidates.masks.length / pixels; index++) {
      const shape = maskShape(candidates.masks.subarray((index - 1) * pixels, index * pixels), maskSize);
      const motionScore = shape === null ? 0 : boxIou(shape.box, expected);
      const score = motionWeight * motionScore + (1 - motionWeight) * (ious[index] as number);
      if (score > bestScore) [best, bestScore] = [index, score];
    }
    return best;
  }

  restart(time: number, outcome: FrameOutcome): void {
    this.#steady = 0;
    this.#motion.forget();
    this.#follow(time, outcome);
  }

  keep(memory: StoredMemory, outcome: FrameOutcome): void {
    const motionScore = this.#follow(memory.time, outcome);
    const isCredible =
      (outcome.ious[outcome.maskIndex] as number) > minMemoryIou &&
      outcome.objectScore > minMemoryObjectScore &&
      (motionScore === null || motionScore > minMemoryMotionScore);
    // What a person says is credible.
    if (!isCredible && outcome.provenance !== 'refined') {
      this.#context.release(memory.memory);
      return;
    }
    this.#kept.push(memory);
    if (this.#kept.length >= this.#context.rows)
      this.#context.release((this.#kept.shift() as StoredMemory).memory);
  }

  recall(): RecalledMemory[] {
    return rankedByAge(this.#kept);
  }

  clear(): void {
    for (const { memory } of this.#kept) this.#context.release(memory);
    this.#kept = [];
  }

  /** Takes in where the object was, and returns how far that was expected; null while motion is not trusted. */
  #follow(
    time: number,
    { lowResMask, objectScore, ious, maskIndex, provenance }: FrameOutcome,
  ): number | null {
    const shape = objectScore <= 0 ? null : maskShape(lowResMask, this.#context.maskSize);
    const isWell = provenance !== 'tracked' || (ious[maskIndex] as number) >= minSteadyIou;
    if (shape === null || !isWell) {
      this.#steady = 0;
      this.#motion.forget();
      return null;
    }
    const expected = this.#steady < steadyFrames ? null : this.#motion.expect(time);
    this.#motion.observe(time, shape.box);
    this.#steady++;
    return expected === null ? null : boxIou(shape.box, expected);
  }
}
