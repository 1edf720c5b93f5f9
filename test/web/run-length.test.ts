import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeRunLength } from '../../src/mask/run-length.ts';
import { paintMask, readRuns } from '../../web/run-length.js';

describe('run lengths on the page', () => {
  it.each([
    // By hand: one character per number below 16, two from there on, and differences from the fourth number on.
    ['4', [4]],
    ['04', [0, 4]],
    ['132', [1, 3, 2]],
    ['1320', [1, 3, 2, 3]],
    ['132N4', [1, 3, 2, 1, 6]],
    ['`0', [16]],
    ['P1', [32]],
  ])('"%s" is read', (counts, runs) => {
    const pixels = runs.reduce((sum, run) => sum + run, 0);
    expect(readRuns(counts, pixels)).toEqual(runs);
  });

  it.each([
    ['cut off within a number', 'P', 16],
    ['too few pixels', '132', 7],
    ['too many pixels', '132', 5],
    ['characters of another kind', '1 2', 6],
    ['a run below zero', 'O', 4],
    ['a number without end', 'oooooooo', 4],
  ])('refuses %s', (_, counts, pixels) => {
    expect(() => readRuns(counts, pixels)).toThrow(RangeError);
  });

  it('paints what the service encoded', () => {
    const picture = fc
      .record({ width: fc.integer({ min: 1, max: 40 }), height: fc.integer({ min: 1, max: 40 }) })
      .chain(({ width, height }) =>
        fc.record({
          width: fc.constant(width),
          height: fc.constant(height),
          mask: fc.uint8Array({ min: 0, max: 1, minLength: width * height, maxLength: width * height }),
        }),
      );
    fc.assert(
      fc.property(picture, ({ width, height, mask }) => {
        const map = new Uint8Array(width * height);
        paintMask(encodeRunLength(mask, width, height), map, width, height, 1);
        expect(map).toEqual(mask);
      }),
    );
  });

  it('paints at half size by picking pixels, and at any size nothing but the mask', () => {
    const [width, height] = [64, 36];
    const mask = new Uint8Array(width * height);
    for (let y = 10; y < 30; y++) mask.fill(1, y * width + 20, y * width + 50);
    const encoded = encodeRunLength(mask, width, height);
    const half = new Uint8Array((width * height) / 4);
    paintMask(encoded, half, width / 2, height / 2, 7);
    expect(half.filter((value) => value === 7)).toHaveLength(15 * 10);
    expect(half[5 * 32 + 10]).toBe(7);
    expect(half[4 * 32 + 10]).toBe(0);
    expect(half[14 * 32 + 24]).toBe(7);
    expect(half[15 * 32 + 24]).toBe(0);
    const double = new Uint8Array(width * height * 4);
    paintMask(encoded, double, width * 2, height * 2, 7);
    expect(double.filter((value) => value === 7)).toHaveLength(60 * 40);
  });
});
