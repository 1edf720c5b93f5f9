import { describe, expect, it } from 'vitest';
import {
  appendVectors,
  createVectorField,
  rasteriseVectors,
} from '../../../src/tracker/propagation/codec-vectors.ts';
import { createMotionField } from '../../../src/tracker/propagation/motion-field.ts';
import { codecVectors, lumaHeight, lumaWidth, type Motion, shift } from './known-motion.ts';

const grid = createMotionField(lumaWidth, lumaHeight);
const cells = grid.columns * grid.rows;

function rasterised(vectors: Int16Array) {
  const field = createVectorField(cells);
  const covered = rasteriseVectors(vectors, 0.5, 0.5, grid, field);
  return { field, covered };
}

describe('rasteriseVectors', () => {
  it('turns quarter pixels of the source into luma pixels', () => {
    const { field, covered } = rasterised(codecVectors(shift(3, -1.5)));
    expect(covered).toBe(cells);
    expect(field.known.every((known) => known === 1)).toBe(true);
    expect(field.dx.every((dx) => Math.abs(dx - 3) < 1e-5)).toBe(true);
    expect(field.dy.every((dy) => Math.abs(dy + 1.5) < 1e-5)).toBe(true);
  });

  it('weighs the blocks of one cell by their areas', () => {
    const large = [8, 8, 16, 8, 16, 0];
    const small = [9, 9, 8, 4, 0, 0];
    const { field, covered } = rasterised(Int16Array.from([...large, ...small]));
    expect(covered).toBe(1);
    // 16 quarter pixels of the source are 2 luma pixels; the large block counts four times.
    expect(field.dx[0]).toBeCloseTo(1.6, 5);
  });

  it('fills a hole from its neighbours and leaves what is far from any block unknown', () => {
    const { field, covered } = rasterised(Int16Array.from([8, 8, 16, 16, 8, 8]));
    expect(covered).toBe(1);
    expect(field.dx[1]).toBeCloseTo(1, 5);
    expect([...field.known].reduce((sum, known) => sum + known, 0)).toBe(4);
  });

  it('passes over blocks outside the picture and a vector that is cut off', () => {
    const { covered } = rasterised(Int16Array.from([4000, 8, 16, 16, 8, 8, 8, 8, 16]));
    expect(covered).toBe(0);
  });

  it('forgets what the field held before', () => {
    const { field } = rasterised(codecVectors(shift(3, 3)));
    expect(rasteriseVectors(new Int16Array(0), 0.5, 0.5, grid, field)).toBe(0);
    expect(field.known.some((known) => known === 1) || field.dx.some((dx) => dx !== 0)).toBe(false);
  });
});

describe('appendVectors', () => {
  it('adds even motions', () => {
    const newer = rasterised(codecVectors(shift(3, -1))).field;
    appendVectors(newer, rasterised(codecVectors(shift(-1, 2))).field, grid);
    expect(newer.dx.every((dx) => Math.abs(dx - 2) < 1e-5)).toBe(true);
    expect(newer.dy.every((dy) => Math.abs(dy - 1) < 1e-5)).toBe(true);
  });

  it('looks the older motion up at the place where the newer one leads', () => {
    const ramp: Motion = (x) => [x / 16, 0];
    const newer = rasterised(codecVectors(shift(24, 0))).field;
    appendVectors(newer, rasterised(codecVectors(ramp)).field, grid);
    const column = 6;
    const x = (column + 0.5) * grid.cellSize;
    expect(newer.dx[5 * grid.columns + column]).toBeCloseTo(24 + (x + 24) / 16, 0.5);
    expect(Math.abs((newer.dx[5 * grid.columns + column] ?? 0) - (24 + x / 16))).toBeGreaterThan(1);
  });
});
