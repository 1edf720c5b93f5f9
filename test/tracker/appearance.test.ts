import { describe, expect, it } from 'vitest';
import { type ColourGrid, evidenceAt, learnAppearance } from '../../src/tracker/appearance.ts';

const side = 120;

/** A picture of noise in which a square of 20 cells is red, with that square as a mask. */
function picture(left: number, top: number) {
  const colours = Uint8Array.from({ length: side * side * 3 }, (_, at) => (at * 2654435761) >>> 25);
  const logits = new Float32Array(side * side).fill(-8);
  for (let y = top; y < top + 20; y++) {
    for (let x = left; x < left + 20; x++) {
      const cell = y * side + x;
      logits[cell] = 8;
      colours.set([230, 20, 20], cell * 3);
    }
  }
  const grid: ColourGrid = { width: side, height: side, colours };
  return { grid, logits };
}

const paint = ({ colours }: ColourGrid, isThere: (x: number, y: number) => boolean, colour: number[]) => {
  for (let cell = 0; cell < side * side; cell++) {
    if (isThere(cell % side, Math.floor(cell / side))) colours.set(colour, cell * 3);
  }
};

describe('learnAppearance', () => {
  it('tells an object from its surroundings by colour', () => {
    const { grid, logits } = picture(50, 40);
    const appearance = learnAppearance(grid, logits);
    expect(appearance.reliability).toBeGreaterThan(0.9);
    expect(evidenceAt(grid, appearance, 50 * side + 60)).toBeGreaterThan(1);
    expect(evidenceAt(grid, appearance, 38 * side + 60)).toBeLessThan(-1);
  });

  it('is not reliable where both look the same, and says nothing of an empty mask', () => {
    const { grid, logits } = picture(50, 40);
    paint(grid, () => true, [90, 90, 90]);
    expect(learnAppearance(grid, logits).reliability).toBe(0);
    const nothing = learnAppearance(grid, logits.fill(-1));
    expect(nothing.reliability).toBe(0);
    expect(nothing.evidence.every((value) => value === 0)).toBe(true);
  });

  it.each([
    { name: 'in the middle', left: 50, top: 40 },
    { name: 'at the border', left: 0, top: 100 },
  ])('learns from all that is near, and from nothing else ($name)', ({ left, top }) => {
    const { grid, logits } = picture(left, top);
    const before = learnAppearance(grid, logits);
    const distance = (x: number, y: number) =>
      Math.max(left - x, x - (left + 19), top - y, y - (top + 19), 0);
    paint(grid, (x, y) => distance(x, y) > 21, [230, 20, 20]);
    expect(learnAppearance(grid, logits)).toEqual(before);
    paint(grid, (x, y) => distance(x, y) === 20, [230, 20, 20]);
    expect(learnAppearance(grid, logits)).not.toEqual(before);
  });
});
