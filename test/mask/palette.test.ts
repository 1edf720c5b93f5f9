import { describe, expect, it } from 'vitest';
import { colourOf, textColourOn } from '../../src/mask/palette.ts';

describe('colourOf', () => {
  it('gives the first 21 ids colours of their own', () => {
    const colours = Array.from({ length: 21 }, (_, index) => colourOf(index + 1).join());
    expect(new Set(colours).size).toBe(21);
  });

  it('gives an id the same colour always, and colours to any id', () => {
    expect(colourOf(1)).toEqual([230, 159, 0]);
    expect(colourOf(22)).toEqual(colourOf(1));
    for (const id of [0, -3, 1_000_003]) {
      for (const value of colourOf(id)) {
        expect(value).toBeGreaterThanOrEqual(0);
        expect(value).toBeLessThanOrEqual(255);
      }
    }
  });
});

describe('textColourOn', () => {
  it.each([
    { on: [240, 228, 66], text: [0, 0, 0] },
    { on: [0, 68, 107], text: [255, 255, 255] },
    { on: [0, 0, 0], text: [255, 255, 255] },
    { on: [255, 255, 255], text: [0, 0, 0] },
  ] as const)('is $text on $on', ({ on, text }) => {
    expect(textColourOn(on)).toEqual(text);
  });
});
