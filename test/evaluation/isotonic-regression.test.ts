import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isotonicRegression, valueAt } from '../../src/evaluation/isotonic-regression.ts';

const points = (...pairs: readonly (readonly [number, number])[]) =>
  pairs.map(([score, value]) => ({ score, value }));

describe('isotonicRegression', () => {
  it.each([
    { name: 'no points', given: points(), expected: [] },
    {
      name: 'points in order',
      given: points([0.3, 0.2], [0.1, 0.1], [0.5, 0.9]),
      expected: points([0.1, 0.1], [0.3, 0.2], [0.5, 0.9]),
    },
    {
      name: 'points that fall',
      given: points([0.1, 0.9], [0.2, 0.5], [0.3, 0.1]),
      expected: points([0.1, 0.5]),
    },
    {
      name: 'a violation that reaches back',
      given: points([1, 1], [2, 3], [3, 2], [4, 1], [5, 5]),
      expected: points([1, 1], [2, 2], [5, 5]),
    },
    {
      name: 'equal scores',
      given: points([0.5, 0.2], [0.5, 0.6], [0.7, 0.8]),
      expected: points([0.5, 0.4], [0.7, 0.8]),
    },
  ])('fits $name', ({ given, expected }) => {
    const steps = isotonicRegression(given);
    expect(steps).toEqual(
      expected.map(({ score, value }) => ({ from: score, value: expect.closeTo(value, 12) })),
    );
  });

  it('never falls, keeps the mean, and errs no more than any monotone power of the score', () => {
    const share = fc.integer({ min: 0, max: 20 }).map((value) => value / 20);
    fc.assert(
      fc.property(
        fc.array(fc.record({ score: share, value: share }), { minLength: 1, maxLength: 40 }),
        fc.double({ min: 0.1, max: 5, noNaN: true }),
        (given, power) => {
          const steps = isotonicRegression(given);
          for (const [at, { value }] of steps.entries()) {
            if (at > 0) expect(value).toBeGreaterThan(steps[at - 1]?.value ?? Number.NaN);
          }
          const total = (map: (score: number) => number) =>
            given.reduce((sum, { score }) => sum + map(score), 0);
          const error = (map: (score: number) => number) =>
            given.reduce((sum, { score, value }) => sum + (map(score) - value) ** 2, 0);
          const fitted = (score: number) => valueAt(steps, score);
          expect(total(fitted)).toBeCloseTo(
            given.reduce((sum, { value }) => sum + value, 0),
            9,
          );
          expect(error(fitted)).toBeLessThanOrEqual(error((score) => score ** power) + 1e-9);
        },
      ),
    );
  });
});

describe('valueAt', () => {
  it('holds each step up to the next, and the ends beyond', () => {
    const steps = isotonicRegression(points([0.2, 0.1], [0.6, 0.7]));
    expect([0, 0.2, 0.59, 0.6, 1].map((score) => valueAt(steps, score))).toEqual([0.1, 0.1, 0.1, 0.7, 0.7]);
    expect(valueAt([], 0.5)).toBeNaN();
  });
});
