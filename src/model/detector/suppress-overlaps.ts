import { boxIou, type Detection } from './detection.ts';

/** More boxes than this are not compared with each other: the worst of them would be given up anyway. */
const maxCompared = 1000;

/**
 * Greedy non-maximum suppression within each class: of boxes of one class that overlap by more than `iou`, the one with
 * the best score stays.
 *
 * @returns at most `limit`, best first
 */
export function suppressOverlaps(detections: readonly Detection[], iou: number, limit: number): Detection[] {
  const ranked = detections.toSorted((a, b) => b.score - a.score).slice(0, maxCompared);
  const kept: Detection[] = [];
  for (const candidate of ranked) {
    if (kept.length >= limit) break;
    const isRepeated = kept.some(
      (better) => better.classIndex === candidate.classIndex && boxIou(better.box, candidate.box) > iou,
    );
    if (!isRepeated) kept.push(candidate);
  }
  return kept;
}
