import { describe, expect, it } from 'vitest';
import { type AffineMotion, fitAffineMotion } from '../../../src/tracker/propagation/object-motion.ts';
import { fieldOf, type Motion, shift } from './known-motion.ts';

const region = { left: 3, top: 2, right: 16, bottom: 10 };
const everywhere = (cells: number) => new Float32Array(cells).fill(1);

function at(motion: AffineMotion | null, column: number, row: number): [number, number] {
  if (motion === null) throw new Error('nothing was fitted');
  const x = column - motion.centreX;
  const y = row - motion.centreY;
  return [motion.tx + motion.ax * x + motion.bx * y, motion.ty + motion.ay * x + motion.by * y];
}

describe('fitAffineMotion', () => {
  it('recovers an even motion exactly', () => {
    const field = fieldOf(shift(3.25, -1.5));
    const motion = fitAffineMotion(field, everywhere(field.dx.length), region);
    for (const [column, row] of [
      [3, 2],
      [16, 10],
      [9, 6],
    ] as const) {
      const [dx, dy] = at(motion, column, row);
      expect(dx).toBeCloseTo(3.25, 5);
      expect(dy).toBeCloseTo(-1.5, 5);
    }
  });

  it('recovers growth and turning', () => {
    const affine: Motion = (x, y) => [0.04 * x - 0.03 * y + 1, 0.03 * x + 0.02 * y - 2];
    const field = fieldOf(affine);
    const motion = fitAffineMotion(field, everywhere(field.dx.length), region);
    for (const [column, row] of [
      [4, 3],
      [15, 9],
      [9, 6],
    ] as const) {
      const [dx, dy] = at(motion, column, row);
      const [trueX, trueY] = affine((column + 0.5) * 8, (row + 0.5) * 8);
      expect(Math.hypot(dx - trueX, dy - trueY)).toBeLessThan(0.1);
    }
  });

  it('is not pulled by the few vectors that disagree', () => {
    const field = fieldOf((x) => (x > 108 ? [-30, 20] : [2, 1]));
    const motion = fitAffineMotion(field, everywhere(field.dx.length), region);
    const [dx, dy] = at(motion, 7, 6);
    expect(Math.hypot(dx - 2, dy - 1)).toBeLessThan(0.35);
  });

  it('sees only cells that carry weight', () => {
    const field = fieldOf((x) => (x > 80 ? [50, 50] : [2, 1]));
    const weights = new Float32Array(field.dx.length);
    for (let row = 0; row < field.rows; row++) weights.fill(1, row * field.columns, row * field.columns + 10);
    const motion = fitAffineMotion(field, weights, region);
    const [dx, dy] = at(motion, 15, 6);
    expect(Math.hypot(dx - 2, dy - 1)).toBeLessThan(1e-4);
  });

  it('moves a single cell rigidly', () => {
    const field = fieldOf(shift(-4, 2));
    const weights = new Float32Array(field.dx.length);
    weights[5 * field.columns + 7] = 1;
    const motion = fitAffineMotion(field, weights, region);
    expect(at(motion, 12, 9)[0]).toBeCloseTo(-4, 4);
  });

  it('has no answer where nothing carries weight', () => {
    const field = fieldOf(shift(1, 1));
    expect(fitAffineMotion(field, new Float32Array(field.dx.length), region)).toBeNull();
  });
});
