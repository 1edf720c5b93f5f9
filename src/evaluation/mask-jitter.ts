import { absentLogit, logitsFromMask, type MaskLogits } from '../mask/mask-logits.ts';
import { decodeRunLength, type RunLengthMask } from '../mask/run-length.ts';
import { MotionEstimator, type MotionInput } from '../tracker/propagation/motion-estimator.ts';
import { createMotionField } from '../tracker/propagation/motion-field.ts';
import { PropagatedMask } from '../tracker/propagation/propagated-mask.ts';
import { quantile } from './quantile.ts';

/** How restless the masks of a sequence are; NaN where no object was shown on two consecutive frames. */
export interface MaskJitter {
  readonly median: number;
  /** 95th percentile. */
  readonly p95: number;
  /** Pairs of consecutive masks that were compared. */
  readonly pairs: number;
}

/** An object's mask on one frame, source pixels; null while it is not seen. */
export interface ShownMask {
  readonly id: number;
  readonly mask: RunLengthMask | null;
}

/**
 * Temporal stability without annotations: 1 - IoU of an object's mask with its mask on the frame before, after that
 * one was carried along by the motion between the two pictures (in the spirit of the temporal consistency of Lai et
 * al., ECCV 2018, section 3, which compares pictures after such a warp). What motion explains costs nothing; what
 * flickers does. Masks are compared at the size of the luma plane. Nothing is compared across a scene cut.
 *
 * The motion is estimated as a tracker does it, so masks that a tracker has carried itself score next to nothing.
 */
export class JitterMeter {
  readonly #estimator = new MotionEstimator();
  readonly #values: number[] = [];
  #before = new Map<number, MaskLogits>();
  #carried = new Float32Array(0);
  #pixels = new Uint8Array(0);

  /** Takes in the masks of the next frame. */
  observe(frame: MotionInput, shown: readonly ShownMask[]): void {
    const field = createMotionField(frame.lumaWidth, frame.lumaHeight);
    const isContinued = this.#estimator.estimate(frame, field) && !field.isSceneCut;
    const present = new Map<number, MaskLogits>();
    for (const { id, mask } of shown) {
      if (mask === null) continue;
      const logits = this.#logitsOf(mask, frame);
      present.set(id, logits);
      const before = this.#before.get(id);
      if (!isContinued || before === undefined) continue;
      if (this.#carried.length !== logits.data.length) this.#carried = new Float32Array(logits.data.length);
      this.#carried.fill(absentLogit);
      const carried = new PropagatedMask(before, field);
      carried.step(field);
      carried.render(this.#carried);
      const difference = jaccardDistance(this.#carried, logits.data);
      if (difference !== null) this.#values.push(difference);
    }
    this.#before = present;
  }

  /** Of all frames so far. */
  measure(): MaskJitter {
    const sorted = this.#values.toSorted((one, other) => one - other);
    return { median: quantile(sorted, 0.5), p95: quantile(sorted, 0.95), pairs: sorted.length };
  }

  #logitsOf(mask: RunLengthMask, { lumaWidth, lumaHeight }: MotionInput): MaskLogits {
    const [height, width] = mask.size;
    if (this.#pixels.length !== width * height) this.#pixels = new Uint8Array(width * height);
    const grid = { width: lumaWidth, height: lumaHeight, spanX: lumaWidth, spanY: lumaHeight };
    return logitsFromMask(decodeRunLength(mask, this.#pixels), width, height, grid);
  }
}

/** 1 - IoU of what is positive; null where nothing is. */
function jaccardDistance(one: Float32Array, other: Float32Array): number | null {
  let shared = 0;
  let either = 0;
  for (let at = 0; at < one.length; at++) {
    const inOne = (one[at] as number) > 0 ? 1 : 0;
    const inOther = (other[at] as number) > 0 ? 1 : 0;
    shared += inOne & inOther;
    either += inOne | inOther;
  }
  return either === 0 ? null : 1 - shared / either;
}
