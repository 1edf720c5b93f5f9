import { logitsIou } from '../../mask/mask-iou.ts';
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
    if (!points.has(point) && logitsIou(logits, chosen.logits) >= sameMask) points.add(point);
  }
  return points.size;
}
