import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { regionSimilarity } from '../../src/evaluation/region-similarity.ts';

const region = (text: string) => Uint8Array.from(text, (character) => (character === '#' ? 1 : 0));
const regions = fc
  .integer({ min: 0, max: 40 })
  .chain((length) =>
    fc.tuple(
      fc.uint8Array({ minLength: length, maxLength: length, max: 1 }),
      fc.uint8Array({ minLength: length, maxLength: length, max: 1 }),
    ),
  );

describe('regionSimilarity', () => {
  it.each([
    { name: 'two empty regions', prediction: '....', truth: '....', expected: 1 },
    { name: 'equal regions', prediction: '.##.', truth: '.##.', expected: 1 },
    { name: 'regions apart', prediction: '##..', truth: '..##', expected: 0 },
    { name: 'a missed object', prediction: '....', truth: '..##', expected: 0 },
    { name: 'a third in common', prediction: '##..', truth: '.##.', expected: 1 / 3 },
  ])('gives $expected for $name', ({ prediction, truth, expected }) => {
    expect(regionSimilarity(region(prediction), region(truth))).toBeCloseTo(expected, 12);
  });

  it('leaves ignored pixels out of both regions', () => {
    expect(regionSimilarity(region('###.'), region('.##.'), region('#...'))).toBe(1);
    expect(regionSimilarity(region('#...'), region('.#..'), region('##..'))).toBe(1);
  });

  it('takes any byte but 0 as inside', () => {
    expect(regionSimilarity(Uint8Array.of(255, 0), Uint8Array.of(7, 0))).toBe(1);
  });

  it('is symmetric, within 0 and 1, and 1 only for equal regions', () => {
    fc.assert(
      fc.property(regions, ([one, other]) => {
        const similarity = regionSimilarity(one, other);
        expect(similarity).toBe(regionSimilarity(other, one));
        expect(similarity).toBeGreaterThanOrEqual(0);
        expect(similarity).toBeLessThanOrEqual(1);
        expect(similarity === 1).toBe(one.every((value, at) => value === other[at]));
      }),
    );
  });

  it('refuses regions of different sizes', () => {
    expect(() => regionSimilarity(region('#'), region('##'))).toThrow(RangeError);
    expect(() => regionSimilarity(region('#'), region('#'), region('##'))).toThrow(RangeError);
  });
});
