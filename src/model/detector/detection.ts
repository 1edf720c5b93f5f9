import type { Box } from '../../mask/box.ts';

/** Something that a detector has seen. */
export interface Detection {
  /** Parts of the picture, 0 to 1, inside of it and not empty. */
  readonly box: Box;
  readonly classIndex: number;
  /** 0 to 1. */
  readonly score: number;
}

/** Overlap of two boxes: intersection over union. 0 for boxes without area. */
export function boxIou(a: Box, b: Box): number {
  const width = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
  const height = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
  if (!(width > 0) || !(height > 0)) return 0;
  const shared = width * height;
  return shared / (a.width * a.height + b.width * b.height - shared);
}
