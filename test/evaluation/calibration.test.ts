import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { reliability } from '../../src/evaluation/calibration.ts';

const share = fc.double({ min: 0, max: 1, noNaN: true });

describe('reliability', () => {
  it('sorts scores into bins and compares their means with those of the IoUs', () => {
    const { bins, expectedError } = reliability([
      { score: 0.95, iou: 0.8 },
      { score: 0.91, iou: 0.7 },
      { score: 0.25, iou: 0.5 },
      { score: 0.2, iou: 0.4 },
    ]);
    expect(bins).toHaveLength(10);
    expect(bins[9]).toMatchObject({ from: 0.9, to: 1, count: 2 });
    expect(bins[9]?.meanScore).toBeCloseTo(0.93, 12);
    expect(bins[9]?.meanIou).toBeCloseTo(0.75, 12);
    expect(bins[2]).toMatchObject({ from: 0.2, count: 2 });
    expect(bins[5]).toEqual({ from: 0.5, to: 0.6, count: 0, meanScore: Number.NaN, meanIou: Number.NaN });
    // Half of the pairs are 0.18 too high, half 0.225 too low.
    expect(expectedError).toBeCloseTo((0.18 + 0.225) / 2, 12);
  });

  it('takes in the ends of the scale, and refuses what lies beyond', () => {
    const { bins } = reliability([
      { score: 0, iou: 0 },
      { score: 1, iou: 1 },
    ]);
    expect([bins[0]?.count, bins[9]?.count]).toEqual([1, 1]);
    expect(() => reliability([{ score: 1.01, iou: 1 }])).toThrow(RangeError);
    expect(() => reliability([{ score: Number.NaN, iou: 1 }])).toThrow(RangeError);
  });

  it('counts every pair once, errs by nothing where scores are the IoUs, and never by more than 1', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ score: share, iou: share }), { minLength: 1 }), (pairs) => {
        const { bins, expectedError } = reliability(pairs);
        expect(bins.reduce((sum, { count }) => sum + count, 0)).toBe(pairs.length);
        expect(expectedError).toBeGreaterThanOrEqual(0);
        expect(expectedError).toBeLessThanOrEqual(1 + 1e-9);
        const honest = pairs.map(({ iou }) => ({ score: iou, iou }));
        expect(reliability(honest).expectedError).toBeCloseTo(0, 12);
      }),
    );
  });

  it('has no error without pairs', () => {
    expect(reliability([]).expectedError).toBeNaN();
  });
});
