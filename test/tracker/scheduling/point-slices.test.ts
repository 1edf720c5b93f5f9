import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dealPoints } from '../../../src/tracker/scheduling/point-slices.ts';

describe('dealPoints', () => {
  const waiting = (...points: number[]) =>
    points.map((count, at) => ({ streamId: `s${at}`, points: count, sinceMs: -at }));
  const dealt = (affordable: number, ...points: number[]) => {
    const result = dealPoints(waiting(...points), affordable);
    return points.map((_, at) => result.get(`s${at}`) ?? 0);
  };

  it.each([
    ['evenly', 9, [10, 10, 10], [3, 3, 3]],
    ['what some do not need to the others', 12, [2, 10, 10], [2, 5, 5]],
    ['what is left over to those that have waited longest', 8, [10, 10, 10], [2, 3, 3]],
    ['all where there is enough', 100, [2, 0, 3], [2, 0, 3]],
    ['nothing where nothing is affordable', 0.9, [2, 3], [0, 0]],
  ])('deals %s', (_, affordable, points, expected) => {
    expect(dealt(affordable, ...points)).toEqual(expected);
  });

  it('deals all that is affordable, and nobody who wants more gets two less than another', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(60), { maxLength: 12 }), fc.nat(300), (points, affordable) => {
        const shares = dealt(affordable, ...points);
        const wanted = points.reduce((sum, count) => sum + count, 0);
        expect(shares.reduce((sum, count) => sum + count, 0)).toBe(Math.min(affordable, wanted));
        const most = Math.max(0, ...shares);
        for (const [at, share] of shares.entries()) {
          expect(share).toBeLessThanOrEqual(points[at] ?? 0);
          if (share < (points[at] ?? 0)) expect(share).toBeGreaterThanOrEqual(most - 1);
        }
      }),
    );
  });
});
