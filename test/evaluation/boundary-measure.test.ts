import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { boundaryMeasure, boundaryPixels } from '../../src/evaluation/boundary-measure.ts';

function picture(rows: readonly string[]) {
  return Uint8Array.from(rows.join(''), (character) => (character === '#' ? 1 : 0));
}

/** A filled rectangle in an empty picture. */
function rectangle(width: number, height: number, x: number, y: number, w: number, h: number) {
  const region = new Uint8Array(width * height);
  for (let row = y; row < y + h; row++) region.fill(1, row * width + x, row * width + x + w);
  return region;
}

describe('boundaryPixels', () => {
  it.each([
    { name: 'nothing in an empty picture', rows: ['...', '...', '...'], expected: [] },
    { name: 'nothing in a full picture', rows: ['###', '###', '###'], expected: [] },
    {
      name: 'the half pixel towards the origin around one pixel',
      rows: ['...', '.#.', '...'],
      expected: [0, 1, 3, 4],
    },
    { name: 'only rightward changes in the last row', rows: ['...', '...', '#..'], expected: [3, 6] },
    { name: 'only downward changes in the last column', rows: ['..#', '...', '...'], expected: [1, 2] },
    { name: 'never the last pixel', rows: ['...', '...', '..#'], expected: [4, 5, 7] },
  ])('finds $name', ({ rows, expected }) => {
    expect([...boundaryPixels(picture(rows), 3, 3)]).toEqual(expected);
  });
});

describe('boundaryMeasure', () => {
  const square = rectangle(100, 100, 30, 30, 20, 20);

  it.each([
    // The diagonal of 100x100 is 141.4, so that 0.008 of it rounds up to 2 pixels.
    { name: 'the same square', prediction: square, expected: 1 },
    { name: 'a shift within the tolerance', prediction: rectangle(100, 100, 32, 30, 20, 20), expected: 1 },
    { name: 'a square elsewhere', prediction: rectangle(100, 100, 70, 70, 20, 20), expected: 0 },
    { name: 'nothing predicted', prediction: new Uint8Array(10_000), expected: 0 },
    // Computed with the DAVIS-2017 toolkit.
    { name: 'a shift beyond the tolerance', prediction: rectangle(100, 100, 33, 30, 20, 20), expected: 0.55 },
  ])('judges $name', ({ prediction, expected }) => {
    expect(boundaryMeasure(prediction, square, 100, 100)).toBeCloseTo(expected, 12);
  });

  it('agrees with the official toolkit on overlapping rectangles', () => {
    const truth = rectangle(64, 48, 10, 8, 30, 25);
    const prediction = rectangle(64, 48, 14, 9, 30, 27);
    expect(boundaryMeasure(prediction, truth, 64, 48)).toBeCloseTo(0.28109946160385374, 12);
  });

  it('calls two empty pictures equal', () => {
    const empty = new Uint8Array(100);
    expect(boundaryMeasure(empty, empty, 10, 10)).toBe(1);
  });

  it('takes ignored pixels as background of both', () => {
    const ignored = rectangle(100, 100, 60, 0, 40, 100);
    const withIgnoredPart = square.map((value, at) => value | (rectangle(100, 100, 70, 70, 9, 9)[at] ?? 0));
    expect(boundaryMeasure(withIgnoredPart, square, 100, 100)).toBeLessThan(1);
    expect(boundaryMeasure(withIgnoredPart, square, 100, 100, ignored)).toBe(1);
  });

  it('is symmetric, between 0 and 1, and 1 for a region and itself', () => {
    const region = fc.uint8Array({ minLength: 12 * 9, maxLength: 12 * 9, max: 1 });
    fc.assert(
      fc.property(region, region, (one, other) => {
        const score = boundaryMeasure(one, other, 12, 9);
        expect(score).toBeCloseTo(boundaryMeasure(other, one, 12, 9), 12);
        expect(score).toBeGreaterThanOrEqual(0);
        expect(score).toBeLessThanOrEqual(1);
        expect(boundaryMeasure(one, one, 12, 9)).toBe(1);
      }),
    );
  });

  it('refuses pictures that do not fit the size', () => {
    expect(() => boundaryMeasure(square, square, 100, 99)).toThrow(RangeError);
  });
});
