import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assign } from '../../src/tracker/assignment.ts';

const none = Number.POSITIVE_INFINITY;

/** Most pairs first, then the least cost, by trying everything. */
function bestByTrial(cost: readonly number[], rows: number, columns: number) {
  let best = { pairs: 0, cost: 0 };
  const visit = (row: number, used: ReadonlySet<number>, pairs: number, total: number) => {
    if (row === rows) {
      if (pairs > best.pairs || (pairs === best.pairs && total < best.cost)) best = { pairs, cost: total };
      return;
    }
    visit(row + 1, used, pairs, total);
    for (let column = 0; column < columns; column++) {
      const value = cost[row * columns + column] ?? none;
      if (used.has(column) || value === none) continue;
      visit(row + 1, new Set([...used, column]), pairs + 1, total + value);
    }
  };
  visit(0, new Set(), 0, 0);
  return best;
}

describe('assign', () => {
  it.each([
    { name: 'an empty table', cost: [], rows: 0, columns: 0, expected: [] },
    { name: 'rows without columns', cost: [], rows: 2, columns: 0, expected: [-1, -1] },
    { name: 'one pair', cost: [7], rows: 1, columns: 1, expected: [0] },
    { name: 'a case where greed loses', cost: [1, 2, 2, 9], rows: 2, columns: 2, expected: [1, 0] },
    { name: 'more columns than rows', cost: [4, 1, 4, 2, 0, 5], rows: 2, columns: 3, expected: [1, 0] },
    { name: 'more rows than columns', cost: [4, 1, 3], rows: 3, columns: 1, expected: [-1, 0, -1] },
    { name: 'negative costs', cost: [-1, -5, -2, -3], rows: 2, columns: 2, expected: [1, 0] },
    { name: 'a forbidden table', cost: [none, none], rows: 1, columns: 2, expected: [-1] },
    {
      name: 'forbidden pairs that are left unpaired',
      cost: [none, 5, none, 1],
      rows: 2,
      columns: 2,
      expected: [-1, 1],
    },
    {
      name: 'a dear pair rather than none',
      cost: [1, 1000, 2, none],
      rows: 2,
      columns: 2,
      expected: [1, 0],
    },
  ])('solves $name', ({ cost, rows, columns, expected }) => {
    expect([...assign(cost, rows, columns)]).toEqual(expected);
  });

  it('is as good as trying every pairing', () => {
    const table = fc
      .tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 5 }))
      .chain(([rows, columns]) =>
        fc.record({
          rows: fc.constant(rows),
          columns: fc.constant(columns),
          cost: fc.array(
            fc.oneof(
              { weight: 4, arbitrary: fc.integer({ min: -9, max: 9 }) },
              { weight: 1, arbitrary: fc.constant(none) },
            ),
            { minLength: rows * columns, maxLength: rows * columns },
          ),
        }),
      );
    fc.assert(
      fc.property(table, ({ rows, columns, cost }) => {
        const pairing = [...assign(cost, rows, columns)];
        const paired = pairing.flatMap((column, row) => (column < 0 ? [] : [{ row, column }]));
        expect(new Set(paired.map(({ column }) => column)).size).toBe(paired.length);
        const total = paired.reduce((sum, { row, column }) => sum + (cost[row * columns + column] ?? 0), 0);
        expect({ pairs: paired.length, cost: total }).toEqual(bestByTrial(cost, rows, columns));
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    { name: 'NaN', cost: [Number.NaN] },
    { name: 'minus infinity', cost: [Number.NEGATIVE_INFINITY] },
    { name: 'a table of another size', cost: [1, 2] },
  ])('refuses $name', ({ cost }) => {
    expect(() => assign(cost, 1, 1)).toThrow(RangeError);
  });
});
