import type { MaskLogits } from '../../src/mask/mask-logits.ts';
import { createMotionField } from '../../src/tracker/propagation/motion-field.ts';
import { PropagatedMask } from '../../src/tracker/propagation/propagated-mask.ts';

/** Motion over the luma plane of `stillMask`. */
export const stillField = () => createMotionField(64, 48);

/** Logits of a rectangle on a grid of 32 x 24. */
export function stillLogits(x = 4, y = 3, width = 8, height = 6): MaskLogits {
  const data = new Float32Array(32 * 24).fill(-8);
  for (let row = y; row < y + height; row++) data.fill(8, row * 32 + x, row * 32 + x + width);
  return { width: 32, height: 24, spanX: 32, spanY: 24, data };
}

/** A rectangle that motion may carry. */
export function stillMask(x?: number, y?: number, width?: number, height?: number): PropagatedMask {
  return new PropagatedMask(stillLogits(x, y, width, height), stillField());
}
