import { describe, expect, it } from 'vitest';
import { prependMotion } from '../../../src/tracker/propagation/motion-composition.ts';
import { PropagatedMask } from '../../../src/tracker/propagation/propagated-mask.ts';
import { disc, errorsOf, fieldOf, type Motion, maskGrid, median, shift } from './known-motion.ts';

/** Backward motion of a turn around the picture's middle. */
const turn =
  (angle: number): Motion =>
  (x, y) => {
    const [fromMiddleX, fromMiddleY] = [x - 80, y - 48];
    const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
    return [
      cos * fromMiddleX + sin * fromMiddleY - fromMiddleX,
      cos * fromMiddleY - sin * fromMiddleX - fromMiddleY,
    ];
  };

/** Middle of what is positive, luma pixels; null where nothing is. */
function middleOf(mask: PropagatedMask): { x: number; y: number; area: number } | null {
  const { width, height } = maskGrid;
  const out = new Float32Array(width * height);
  mask.render(out);
  const inside = [...out.keys()].filter((at) => (out[at] as number) > 0);
  if (inside.length === 0) return null;
  const mean = (of: (at: number) => number) => inside.reduce((sum, at) => sum + of(at), 0) / inside.length;
  return {
    x: mean((at) => (at % width) * 2 + 1),
    y: mean((at) => Math.floor(at / width) * 2 + 1),
    area: inside.length,
  };
}

describe('prependMotion', () => {
  it('changes nothing by standing still', () => {
    const motion = turn(0.05);
    const field = fieldOf(motion);
    prependMotion(field, fieldOf(shift(0, 0)));
    expect(errorsOf(field, motion).at(-1)).toBeLessThan(1e-5);
    expect(field.isComposed).toBe(true);
  });

  it('adds shifts up', () => {
    const field = fieldOf(shift(2, -1));
    prependMotion(field, fieldOf(shift(-5, 0.5)));
    expect(errorsOf(field, shift(-3, -0.5)).at(-1)).toBeLessThan(1e-5);
  });

  it('looks earlier motion up where things were, in this order', () => {
    const newer = fieldOf(shift(20, 0));
    prependMotion(
      newer,
      fieldOf((x) => [x / 10, 0]),
    );
    const expected: Motion = (x) => [20 + (x + 20) / 10, 0];
    // Beyond the picture earlier motion is not known.
    expect(median(errorsOf(newer, expected))).toBeLessThan(1e-4);
  });

  it('makes of many small turns a large one', () => {
    const whole = fieldOf(turn(0.02));
    for (let step = 1; step < 16; step++) prependMotion(whole, fieldOf(turn(0.02)));
    expect(median(errorsOf(whole, turn(0.32)))).toBeLessThan(0.5);
  });

  it('trusts a chain as much as its weakest part, and averages residuals', () => {
    const [newer, older] = [fieldOf(shift(0, 0)), fieldOf(shift(0, 0))];
    older.weight.fill(0.1);
    older.residual.fill(8);
    prependMotion(newer, older);
    expect(newer.weight[5]).toBeCloseTo(0.1);
    expect(newer.residual[5]).toBeCloseTo(4);
  });

  it('leads a mask to where it has gone, further than any single picture could', () => {
    const mask = new PropagatedMask(disc(40, 48, 14), fieldOf(shift(0, 0)));
    const before = middleOf(mask);
    const far = fieldOf(shift(-4, 0));
    for (let step = 1; step < 20; step++) prependMotion(far, fieldOf(shift(-4, 0)));
    mask.step(far);
    const after = middleOf(mask);
    expect(after?.x).toBeCloseTo((before?.x ?? 0) + 80, 0);
    expect(after?.y).toBeCloseTo(before?.y ?? 0, 0);
    expect((after?.area ?? 0) / (before?.area ?? 1)).toBeCloseTo(1, 1);
  });
});
