import { describe, expect, it } from 'vitest';
import { PatchMatcher } from '../../../src/tracker/propagation/patch-matcher.ts';
import { lumaPlane, texture } from '../texture.ts';

const width = 96;
const height = 80;
const plane = (valueAt: (x: number, y: number) => number) => ({
  data: lumaPlane(width, height, valueAt),
  width,
  height,
});
const previous = plane((x, y) => texture(x, y));

describe('PatchMatcher', () => {
  it.each([
    [0, 0],
    [0.5, -0.25],
    [1.3, 0.7],
    [-2.4, 1.6],
  ])('finds a motion of %f, %f to a small part of a pixel', (dx, dy) => {
    const matcher = new PatchMatcher(
      plane((x, y) => texture(x + dx, y + dy)),
      previous,
    );
    const errors: number[] = [];
    for (const [x, y] of [
      [30, 30],
      [48, 40],
      [60, 52],
      [40, 60],
      [70, 24],
    ] as const) {
      matcher.setCentre(x, y);
      const match = matcher.refine(Math.round(dx), Math.round(dy));
      errors.push(Math.hypot(match.dx - dx, match.dy - dy));
      expect(match.residual).toBeLessThan(3);
    }
    expect(Math.max(...errors)).toBeLessThan(0.25);
    expect(errors.reduce((sum, error) => sum + error) / errors.length).toBeLessThan(0.1);
  });

  it('does not take a change of light for motion', () => {
    const brighter = plane((x, y) => Math.min(1, texture(x + 1, y) * 0.7 + 0.25));
    const dark = plane((x, y) => texture(x, y) * 0.7);
    const matcher = new PatchMatcher(brighter, dark);
    matcher.setCentre(48, 40);
    const match = matcher.refine(1, 0);
    expect(match.dx).toBeCloseTo(1, 0.7);
    expect(match.residual).toBeLessThan(2);
    expect(matcher.compare(1, 0, 255)).toBeLessThan(2);
  });

  it('compares least where the patch really was', () => {
    const matcher = new PatchMatcher(
      plane((x, y) => texture(x + 3, y - 2)),
      previous,
    );
    matcher.setCentre(48, 40);
    const right = matcher.compare(3, -2, 255);
    for (const [dx, dy] of [
      [0, 0],
      [3, 2],
      [-3, -2],
      [5, -2],
      [3, -4],
    ] as const) {
      expect(matcher.compare(dx, dy, 255)).toBeGreaterThan(right + 3);
    }
  });

  it('gives up early on what is worse than the limit, and never calls it better', () => {
    const matcher = new PatchMatcher(
      plane((x, y) => texture(x, y, 9)),
      previous,
    );
    matcher.setCentre(48, 40);
    const full = matcher.compare(4, 4, 255);
    expect(matcher.compare(4, 4, full / 4)).toBeGreaterThan(full / 4);
  });

  it('calls a place outside the picture unlike anything', () => {
    const matcher = new PatchMatcher(previous, previous);
    matcher.setCentre(4, 4);
    expect(matcher.compare(-30, 0, 255)).toBe(255);
    expect(matcher.compare(0, 79, 255)).toBe(255);
  });

  it('stays at its candidate where there is nothing to hold on to', () => {
    const flat = plane(() => 0.5);
    const matcher = new PatchMatcher(flat, flat);
    matcher.setCentre(48, 40);
    const { dx, dy, texture: found } = { ...matcher.refine(1.5, -0.5) };
    expect({ dx, dy, found }).toEqual({ dx: 1.5, dy: -0.5, found: 0 });
  });

  it('works in every corner', () => {
    const matcher = new PatchMatcher(previous, previous);
    for (const [x, y] of [
      [0, 0],
      [width, 0],
      [0, height],
      [width, height],
    ] as const) {
      matcher.setCentre(x, y);
      const match = matcher.refine(0, 0);
      expect(Math.hypot(match.dx, match.dy)).toBeLessThan(0.05);
      expect(match.residual).toBeLessThan(0.5);
    }
  });
});
