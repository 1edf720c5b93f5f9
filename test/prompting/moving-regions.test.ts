import { describe, expect, it } from 'vitest';
import { regionsOf } from '../../src/prompting/moving-regions.ts';

/** Rows of characters; `#` is a cell of the mask. */
function regions(...rows: readonly string[]) {
  const columns = rows[0]?.length ?? 0;
  return regionsOf(
    Uint8Array.from([...rows.join('')].map((character) => (character === '#' ? 1 : 0))),
    columns,
  ).map(({ cells, innerCell, depth }) => ({
    cells: cells.length,
    inner: [innerCell % columns, Math.floor(innerCell / columns)],
    depth,
  }));
}

describe('regionsOf', () => {
  it.each([
    { name: 'nothing', rows: ['...', '...'], expected: [] },
    { name: 'a cell', rows: ['...', '.#.'], expected: [{ cells: 1, inner: [1, 1], depth: 1 }] },
    {
      name: 'a square',
      rows: ['.....', '.###.', '.###.', '.###.', '.....'],
      expected: [{ cells: 9, inner: [2, 2], depth: 2 }],
    },
    {
      name: 'cells that touch at corners only',
      rows: ['##.', '..#'],
      expected: [
        { cells: 2, inner: [0, 0], depth: 1 },
        { cells: 1, inner: [2, 1], depth: 1 },
      ],
    },
    {
      name: 'rows that do not continue in the next',
      rows: ['..#', '#..'],
      expected: [
        { cells: 1, inner: [2, 0], depth: 1 },
        { cells: 1, inner: [0, 1], depth: 1 },
      ],
    },
    {
      name: 'a ring, inside its own cells',
      rows: ['###', '#.#', '###'],
      expected: [{ cells: 8, inner: [0, 0], depth: 2 }],
    },
  ])('finds $name', ({ rows, expected }) => {
    expect(regions(...rows)).toEqual(expected);
  });

  it('gives the largest first', () => {
    expect(regions('#....', '...##', '#####').map(({ cells }) => cells)).toEqual([7, 1]);
  });
});
