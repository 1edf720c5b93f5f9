import { expect, it } from 'vitest';
import { quantile } from '../../src/evaluation/quantile.ts';

it.each([
  { values: [7], share: 0.5, expected: 7 },
  { values: [1, 2, 3, 4], share: 0.5, expected: 2 },
  { values: [1, 2, 3], share: 0.5, expected: 2 },
  { values: Array.from({ length: 100 }, (_, at) => at + 1), share: 0.95, expected: 95 },
  { values: [1, 2, 3], share: 1, expected: 3 },
  { values: [1, 2, 3], share: 0, expected: 1 },
  { values: [], share: 0.5, expected: Number.NaN },
])('the quantile at $share of $values.length values is $expected', ({ values, share, expected }) => {
  expect(quantile(values, share)).toBe(expected);
});
