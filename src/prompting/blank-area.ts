import type { Frame } from '../buffer/frame.ts';

/** Half the side of the square that is looked at, luma pixels. */
const reach = 5;
/** Letterboxes and the surroundings of an endoscope's round picture are darker than this, grey levels. */
export const blackLevel = 14;

/**
 * Whether a point lies in a black border: every pixel around it is nearly black. Position in parts of the
 * picture, 0 to 1.
 */
export function isBlank(
  frame: Pick<Frame, 'luma' | 'lumaWidth' | 'lumaHeight'>,
  x: number,
  y: number,
): boolean {
  const { luma, lumaWidth, lumaHeight } = frame;
  const centreX = Math.min(lumaWidth - 1, Math.floor(x * lumaWidth));
  const centreY = Math.min(lumaHeight - 1, Math.floor(y * lumaHeight));
  for (let row = Math.max(0, centreY - reach); row <= Math.min(lumaHeight - 1, centreY + reach); row++) {
    for (
      let column = Math.max(0, centreX - reach);
      column <= Math.min(lumaWidth - 1, centreX + reach);
      column++
    ) {
      if ((luma[row * lumaWidth + column] as number) > blackLevel) return false;
    }
  }
  return true;
}
