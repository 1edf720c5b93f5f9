import type { LumaPicture } from './prompt-strategy.ts';

/** Reflections of a lamp are nearly as bright as can be, grey levels. */
const highlightLevel = 235;
/** Half side of the square in which a point's brightness is looked for, luma pixels. */
const nearby = 1;
/** Half side of the square around it, luma pixels. */
const around = 8;
/** Part of that square that may be as bright: a larger white area is a thing. */
const maxShare = 0.25;

/**
 * Whether a point lies on a small reflection of the lamp, as wet tissue and metal are full of: brighter than
 * anything around it. Position in parts of the picture, 0 to 1.
 */
export function isSpecularHighlight(
  { luma, lumaWidth, lumaHeight }: LumaPicture,
  x: number,
  y: number,
): boolean {
  const column = Math.min(lumaWidth - 1, Math.floor(x * lumaWidth));
  const row = Math.min(lumaHeight - 1, Math.floor(y * lumaHeight));
  const brightShare = (reach: number): number => {
    let bright = 0;
    let pixels = 0;
    for (let v = Math.max(0, row - reach); v <= Math.min(lumaHeight - 1, row + reach); v++) {
      for (let u = Math.max(0, column - reach); u <= Math.min(lumaWidth - 1, column + reach); u++) {
        pixels++;
        if ((luma[v * lumaWidth + u] as number) >= highlightLevel) bright++;
      }
    }
    return bright / pixels;
  };
  return brightShare(nearby) > 0 && brightShare(around) <= maxShare;
}
