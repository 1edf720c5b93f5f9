import { describe, expect, it } from 'vitest';
import { BlankArea } from '../../src/prompting/blank-area.ts';

const [lumaWidth, lumaHeight] = [160, 96];

/** A picture whose pixels are as bright as said at each place of the unit picture. */
function blankOf(brightness: (x: number, y: number) => number): BlankArea {
  const luma = Uint8Array.from({ length: lumaWidth * lumaHeight }, (_, at) =>
    brightness(((at % lumaWidth) + 0.5) / lumaWidth, (Math.floor(at / lumaWidth) + 0.5) / lumaHeight),
  );
  return new BlankArea({ luma, lumaWidth, lumaHeight });
}

/** Distance from the middle in heights of the picture. */
const fromMiddle = (x: number, y: number) => Math.hypot(((x - 0.5) * lumaWidth) / lumaHeight, y - 0.5);

describe('the blank area of a picture', () => {
  it('is what surrounds a round picture, its edge included', () => {
    const blank = blankOf((x, y) => (fromMiddle(x, y) < 0.45 ? 120 : 3));
    expect(blank.includes(0.02, 0.05)).toBe(true);
    expect(blank.includes(0.5, 0.5)).toBe(false);
    for (let angle = 0; angle < 360; angle += 5) {
      const [x, y] = [Math.cos((angle * Math.PI) / 180), Math.sin((angle * Math.PI) / 180)];
      const at = (radius: number): [number, number] => [
        0.5 + (x * radius * lumaHeight) / lumaWidth,
        0.5 + y * radius,
      ];
      expect(blank.includes(...at(0.46))).toBe(true);
      expect(blank.includes(...at(0.3))).toBe(false);
    }
    expect(blank.seenShare).toBeCloseTo((Math.PI * 0.45 ** 2 * lumaHeight) / lumaWidth, 1);
  });

  it('is a letterbox', () => {
    const blank = blankOf((_, y) => (y < 0.125 || y > 0.875 ? 0 : 90));
    expect(blank.includes(0.5, 0.06)).toBe(true);
    expect(blank.includes(0.5, 0.95)).toBe(true);
    expect(blank.includes(0.5, 0.5)).toBe(false);
    expect(blank.seenShare).toBeCloseTo(0.75, 1);
  });

  it('has no part in dark things inside the picture', () => {
    const blank = blankOf((x, y) => (fromMiddle(x, y) < 0.2 ? 2 : 90));
    expect(blank.includes(0.5, 0.5)).toBe(false);
    expect(blank.seenShare).toBe(1);
  });

  it('is everything where all is black, and nothing where all is bright', () => {
    expect(blankOf(() => 0).includes(0.3, 0.7)).toBe(true);
    expect(blankOf(() => 0).seenShare).toBe(0);
    expect(blankOf(() => 200).includes(0, 0)).toBe(false);
  });
});
