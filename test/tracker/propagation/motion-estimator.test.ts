import { describe, expect, it } from 'vitest';
import { MotionEstimator, type MotionInput } from '../../../src/tracker/propagation/motion-estimator.ts';
import { createMotionField, type MotionField } from '../../../src/tracker/propagation/motion-field.ts';
import {
  codecVectors,
  errorsOf,
  lumaHeight,
  lumaWidth,
  type Motion,
  median,
  picture,
  shift,
} from './known-motion.ts';

function field(): MotionField {
  return createMotionField(lumaWidth, lumaHeight);
}

/** Motion from the first picture to the last; pictures between are skipped. */
function estimate(pictures: readonly MotionInput[]): MotionField {
  const estimator = new MotionEstimator();
  const out = field();
  pictures.forEach((input, at) => {
    if (at === 0) expect(estimator.estimate(input, out)).toBe(false);
    else if (at < pictures.length - 1) estimator.skip(input);
    else expect(estimator.estimate(input, out)).toBe(true);
  });
  return out;
}

/** Median error where even a motion by 24, -16 stays inside the picture before. */
function innerError(found: MotionField, dx: number, dy: number): number {
  const errors: number[] = [];
  for (let row = 4; row < found.rows - 1; row++) {
    for (let column = 1; column < 14; column++) {
      const cell = row * found.columns + column;
      errors.push(Math.hypot((found.dx[cell] ?? 0) - dx, (found.dy[cell] ?? 0) - dy));
    }
  }
  return median(errors.sort((a, b) => a - b));
}

const still = picture((x, y) => [x, y]);
const panned = (dx: number, dy: number) => picture((x, y) => [x + dx, y + dy]);

describe('MotionEstimator', () => {
  it.each([
    [0, 0],
    [0.5, 0.25],
    [2.25, -1.5],
    [-6.5, 3],
    [9, -7.75],
  ])('finds an even motion of %f, %f without any vectors', (dx, dy) => {
    const errors = errorsOf(estimate([still, panned(dx, dy)]), shift(dx, dy));
    expect(median(errors)).toBeLessThan(0.12);
    expect(errors[Math.floor(errors.length * 0.65)]).toBeLessThan(0.5);
  });

  it('finds a motion beyond its own search where the codec knows it', () => {
    const far = shift(40.5, 18);
    const current = { ...panned(40.5, 18), motionVectors: codecVectors(far) };
    const found = estimate([still, current]);
    // What comes from outside the picture before cannot be found.
    const inside: number[] = [];
    for (let row = 1; row < 8; row++) {
      for (let column = 1; column < 12; column++) {
        const cell = row * found.columns + column;
        inside.push(Math.hypot((found.dx[cell] ?? 0) - 40.5, (found.dy[cell] ?? 0) - 18));
      }
    }
    expect(median(inside.sort((a, b) => a - b))).toBeLessThan(0.12);
  });

  it('sees through vectors that lead to the picture before the last', () => {
    const current = { ...panned(24, -16), motionVectors: codecVectors(shift(48, -32)) };
    expect(innerError(estimate([still, current]), 24, -16)).toBeLessThan(0.12);
  });

  it('finds growth, turning and shear', () => {
    const motion: Motion = (x, y) => {
      const u = x - lumaWidth / 2;
      const v = y - lumaHeight / 2;
      return [0.03 * u - 0.02 * v + 1, 0.025 * u - 0.01 * v - 0.5];
    };
    const current = picture((x, y) => {
      const [dx, dy] = motion(x, y);
      return [x + dx, y + dy];
    });
    expect(median(errorsOf(estimate([still, current]), motion))).toBeLessThan(0.15);
  });

  it('keeps a moving object apart from its background', () => {
    const isObject = (x: number, y: number) => x > 56 && x < 104 && y > 32 && y < 72;
    const before = picture((x, y) => (isObject(x, y) ? [x + 500, y] : [x, y]));
    const after = picture((x, y) => (isObject(x - 4, y) ? [x + 496, y] : [x, y]));
    const found = estimate([before, after]);
    const at = (x: number, y: number) => Math.floor(y / 8) * found.columns + Math.floor(x / 8);
    expect(found.dx[at(84, 52)]).toBeCloseTo(-4, 0.5);
    expect(found.dx[at(20, 52)]).toBeCloseTo(0, 0.5);
    expect(found.dx[at(84, 12)]).toBeCloseTo(0, 0.5);
  });

  it('trusts textured cells that match more than flat ones', () => {
    const half = picture((x, y) => [x, y]);
    for (let y = 0; y < lumaHeight; y++) half.luma.fill(128, y * lumaWidth, y * lumaWidth + lumaWidth / 2);
    const found = estimate([half, half]);
    const weight = (column: number) => found.weight[5 * found.columns + column] ?? 0;
    expect(weight(15)).toBeGreaterThan(0.5);
    expect(weight(4)).toBeLessThan(0.1);
    expect(Math.max(...found.weight)).toBeLessThanOrEqual(1.01);
  });

  it('tells a cut from a pan, a change of light and a moving object', () => {
    const bold = (seed: number): MotionInput => {
      const { luma, ...rest } = picture((x, y) => [x * 1.3, y * 1.3], seed);
      return { ...rest, luma: luma.map((value) => (value > 128 ? 240 : 15)) };
    };
    expect(estimate([bold(1), bold(77)]).isSceneCut).toBe(true);
    expect(estimate([still, panned(8, 5)]).isSceneCut).toBe(false);
    const dim = { ...panned(1, 0), luma: panned(1, 0).luma.map((value) => value * 0.8) };
    expect(estimate([still, dim]).isSceneCut).toBe(false);
    expect(estimate([bold(1), bold(1)]).isSceneCut).toBe(false);
  });

  it('bridges skipped pictures by their vectors as if it had seen them', () => {
    const step = shift(14, -9);
    const vectors = codecVectors(step);
    const pictures = [0, 1, 2, 3].map((at) => ({ ...panned(14 * at, -9 * at), motionVectors: vectors }));
    const found = estimate(pictures);
    const seen: number[] = [];
    for (let row = 5; row < found.rows - 1; row++) {
      for (let column = 1; column < 13; column++) {
        const cell = row * found.columns + column;
        seen.push(Math.hypot((found.dx[cell] ?? 0) - 42, (found.dy[cell] ?? 0) + 27));
      }
    }
    expect(median(seen.sort((a, b) => a - b))).toBeLessThan(0.15);
  });

  it('takes the vectors of skipped pictures once only', () => {
    const estimator = new MotionEstimator();
    const out = field();
    estimator.estimate(still, out);
    estimator.skip({ ...still, motionVectors: codecVectors(shift(60, 0)) });
    estimator.estimate({ ...still, motionVectors: codecVectors(shift(-60, 0)) }, out);
    const next = field();
    const vectors = codecVectors(shift(24, -16));
    expect(estimator.estimate({ ...panned(24, -16), motionVectors: vectors }, next)).toBe(true);
    expect(innerError(next, 24, -16)).toBeLessThan(0.12);
  });

  it('starts over after a reset and when the picture changes its size', () => {
    const estimator = new MotionEstimator();
    const out = field();
    expect(estimator.estimate(still, out)).toBe(false);
    estimator.reset();
    expect(estimator.estimate(panned(1, 1), out)).toBe(false);
    const size = { lumaWidth: 80, lumaHeight: 48, width: 160, height: 96, luma: new Uint8Array(80 * 48) };
    const small = { ...size, motionVectors: new Int16Array(0) };
    estimator.skip(small);
    expect(estimator.estimate(small, createMotionField(80, 48))).toBe(false);
    expect(estimator.estimate(small, createMotionField(80, 48))).toBe(true);
    expect(out.dx.every((dx) => dx === 0)).toBe(true);
  });

  it('keeps a copy of the picture, whose memory belongs to the ring', () => {
    const estimator = new MotionEstimator();
    const lent = { ...still, luma: still.luma.slice() };
    estimator.estimate(lent, field());
    lent.luma.fill(0);
    const out = field();
    estimator.estimate(panned(2, 0), out);
    expect(median(errorsOf(out, shift(2, 0)))).toBeLessThan(0.12);
  });
});
