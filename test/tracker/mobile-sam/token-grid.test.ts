import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  enlargeTokens,
  heaviestComponent,
  tokenCoverage,
} from '../../../src/tracker/mobile-sam/token-grid.ts';

const grid = { width: 24, height: 16 };

describe('tokenCoverage', () => {
  it('is the share of each token that is inside', () => {
    const logits = new Float32Array(24 * 16).fill(-1);
    for (let y = 4; y < 8; y++) logits.fill(2, y * 24 + 6, y * 24 + 13);
    const coverage = [...tokenCoverage(logits, grid)];
    const expected = new Array(24).fill(0);
    expected[7] = 0.5;
    expected[8] = 1;
    expected[9] = 0.25;
    expect(coverage).toEqual(expected);
  });
});

describe('enlargeTokens', () => {
  it('keeps even maps even', () => {
    const out = new Float32Array(24 * 16);
    enlargeTokens(new Float32Array(24).fill(0.7), grid, out);
    expect(out.every((value) => Math.abs(value - 0.7) < 1e-6)).toBe(true);
  });

  it('goes linearly from one token to the next, and no further', () => {
    const values = new Float32Array(24);
    for (let row = 0; row < 4; row++) values[row * 6 + 1] = 1;
    const out = new Float32Array(24 * 16);
    enlargeTokens(values, grid, out);
    const row = [...out.subarray(24, 48)].map((value) => Math.round(value * 1000) / 1000);
    expect(row.slice(0, 12)).toEqual([0, 0, 0.125, 0.375, 0.625, 0.875, 0.875, 0.625, 0.375, 0.125, 0, 0]);
    expect(row.slice(12).every((value) => value === 0)).toBe(true);
  });
});

describe('heaviestComponent', () => {
  const map = (rows: readonly string[]) =>
    Float32Array.from(rows.join(''), (sign) => (sign === '.' ? 0 : Number(sign) / 10));

  it('is the part whose values add up to most, not the largest', () => {
    const found = heaviestComponent(map(['222..9', '222..9', '......']), 6, 3, 0.1);
    expect(found).toMatchObject({ left: 5, top: 0, right: 5, bottom: 1 });
    expect(found?.weight).toBeCloseTo(1.8, 5);
    expect([...(found?.cells ?? [])]).toEqual([0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  });

  it('does not connect corners, nor the ends of rows', () => {
    expect(heaviestComponent(map(['5..', '.5.', '..5']), 3, 3, 0.1)?.weight).toBeCloseTo(0.5, 5);
    expect(heaviestComponent(map(['..5', '5..', '...']), 3, 3, 0.1)?.weight).toBeCloseTo(0.5, 5);
  });

  it('is nothing when nothing is above the threshold', () => {
    expect(heaviestComponent(map(['555', '555', '555']), 3, 3, 0.5)).toBeNull();
  });

  it('frames a connected set of cells that are all above the threshold', () => {
    const values = fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 30, maxLength: 30 });
    fc.assert(
      fc.property(values, (numbers) => {
        const field = Float32Array.from(numbers, (number) => number / 10);
        const found = heaviestComponent(field, 6, 5, 0.45);
        if (found === null) {
          expect(Math.max(...field)).toBeLessThan(0.46);
          return;
        }
        const inside = [...found.cells.keys()].filter((cell) => found.cells[cell] === 1);
        expect(inside.every((cell) => (field[cell] as number) > 0.45)).toBe(true);
        expect(Math.min(...inside.map((cell) => cell % 6))).toBe(found.left);
        expect(Math.max(...inside.map((cell) => Math.floor(cell / 6)))).toBe(found.bottom);
        const total = inside.reduce((sum, cell) => sum + (field[cell] as number), 0);
        expect(found.weight).toBeCloseTo(total, 4);
        // Nothing next to it is left out.
        for (const cell of inside) {
          const right = cell % 6 < 5 ? cell + 1 : cell;
          const below = cell < 24 ? cell + 6 : cell;
          for (const next of [right, below]) {
            if ((field[next] as number) > 0.45) expect(found.cells[next]).toBe(1);
          }
        }
      }),
    );
  });
});
