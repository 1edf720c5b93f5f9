import type { MaskLogits } from '../../mask/mask-logits.ts';

/**
 * The place inside a mask that is nearest to its centroid, in parts of the picture; null for an empty mask. For
 * a crescent or a ring, whose centroid is outside, it is on the border next to it.
 */
export function innerPoint(logits: MaskLogits): { readonly x: number; readonly y: number } | null {
  const columns = Math.min(logits.width, Math.ceil(logits.spanX));
  const rows = Math.min(logits.height, Math.ceil(logits.spanY));
  let count = 0;
  let sumX = 0;
  let sumY = 0;
  const forEachInside = (visit: (x: number, y: number) => void): void => {
    for (let y = 0; y < rows; y++) {
      for (let x = 0; x < columns; x++) if ((logits.data[y * logits.width + x] as number) > 0) visit(x, y);
    }
  };
  forEachInside((x, y) => {
    count++;
    sumX += x;
    sumY += y;
  });
  if (count === 0) return null;
  const centre = { x: sumX / count, y: sumY / count };
  let nearest = { x: 0, y: 0 };
  let least = Number.POSITIVE_INFINITY;
  forEachInside((x, y) => {
    const distance = (x - centre.x) ** 2 + (y - centre.y) ** 2;
    if (distance >= least) return;
    least = distance;
    nearest = { x, y };
  });
  return {
    x: Math.min(1, (nearest.x + 0.5) / logits.spanX),
    y: Math.min(1, (nearest.y + 0.5) / logits.spanY),
  };
}
