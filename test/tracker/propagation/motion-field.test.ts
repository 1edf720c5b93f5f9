import { describe, expect, it } from 'vitest';
import { createMotionField, sampleGrid } from '../../../src/tracker/propagation/motion-field.ts';

describe('createMotionField', () => {
  it('covers the whole plane, also where a cell reaches beyond it', () => {
    const field = createMotionField(41, 16);
    expect(field.columns * field.cellSize).toBeGreaterThanOrEqual(41);
    expect((field.columns - 1) * field.cellSize).toBeLessThan(41);
    expect(field.rows * field.cellSize).toBe(16);
    expect(field.dx).toHaveLength(field.columns * field.rows);
    expect(field.dx.every((value) => value === 0) && !field.isSceneCut).toBe(true);
  });
});

describe('sampleGrid', () => {
  const values = Float32Array.of(0, 10, 20, 100, 110, 120);
  const at = (x: number, y: number) => sampleGrid(values, 3, 2, 8, x, y);

  it.each([
    { name: 'a cell its own value at its centre', x: 12, y: 4, expected: 10 },
    { name: 'the mean half-way between two cells', x: 8, y: 4, expected: 5 },
    { name: 'a bilinear mix among four', x: 18, y: 10, expected: 0.25 * 17.5 + 0.75 * 117.5 },
    { name: 'the border value outside, top left', x: -50, y: -3, expected: 0 },
    { name: 'the border value outside, bottom right', x: 500, y: 99, expected: 120 },
  ])('gives $name', ({ x, y, expected }) => {
    expect(at(x, y)).toBeCloseTo(expected, 5);
  });
});
