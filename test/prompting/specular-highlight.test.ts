import { describe, expect, it } from 'vitest';
import { isSpecularHighlight } from '../../src/prompting/specular-highlight.ts';

/** Grey with a bright disc in the middle, luma pixels. */
function pictureWithDisc(radius: number, brightness: number) {
  const [lumaWidth, lumaHeight] = [160, 90];
  const luma = Uint8Array.from({ length: lumaWidth * lumaHeight }, (_, at) =>
    Math.hypot((at % lumaWidth) - 80, Math.floor(at / lumaWidth) - 45) <= radius ? brightness : 120,
  );
  return { luma, lumaWidth, lumaHeight };
}

describe('specular highlights', () => {
  it('are small spots as bright as can be', () => {
    expect(isSpecularHighlight(pictureWithDisc(2, 255), 0.5, 0.5)).toBe(true);
  });

  it('are not found beside such spots', () => {
    expect(isSpecularHighlight(pictureWithDisc(2, 255), 0.4, 0.5)).toBe(false);
  });

  it('are not large white things, nor small ones that are merely bright', () => {
    expect(isSpecularHighlight(pictureWithDisc(20, 255), 0.5, 0.5)).toBe(false);
    expect(isSpecularHighlight(pictureWithDisc(2, 220), 0.5, 0.5)).toBe(false);
  });
});
