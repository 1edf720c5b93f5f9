import type { SegmentationResult } from '../segmentation.ts';

/** IoU from which two points mean the same mask. */
const sameMask = 0.8;

/** How many points of a look proposed the mask of one of its candidates, that candidate's own included. */
export function agreeingPoints(
  { candidates }: Pick<SegmentationResult, 'candidates'>,
  position: number,
): number {
  const chosen = candidates[position];
  if (chosen === undefined) return 0;
  const points = new Set<string>();
  for (const { logits, x, y } of candidates) {
    const point = `${x} ${y}`;
    if (!points.has(point) && overlap(logits, chosen.logits) >= sameMask) points.add(point);
  }
  return points.size;
}

function overlap(a: Float32Array, b: Float32Array): number {
  let [shared, either] = [0, 0];
  for (let cell = 0; cell < a.length; cell++) {
    const inA = (a[cell] as number) > 0;
    const inB = (b[cell] as number) > 0;
    if (inA && inB) shared++;
    if (inA || inB) either++;
  }
  return either === 0 ? 0 : shared / either;
}
