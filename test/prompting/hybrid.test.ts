import { describe, expect, it } from 'vitest';
import { Hybrid, mergeProposals } from '../../src/prompting/hybrid.ts';
import { isNearAny } from '../../src/prompting/point-spacing.ts';
import { grey, isInDisc, paintedScene, pointsOf, red } from './painted-scene.ts';

const proposal = (weight: number, ...points: readonly number[]) => ({
  points: Float32Array.from(points),
  weight,
});
const merged = (proposals: readonly ReturnType<typeof proposal>[], limit = 10) =>
  pointsOf(mergeProposals(proposals, 1, limit)).map(({ x, y }) => [x, y]);

describe('mergeProposals', () => {
  it('takes turns between proposals, the first of each first', () => {
    const a = proposal(1, 0.125, 0.125, 0.125, 0.5, 0.125, 0.875);
    const b = proposal(1, 0.875, 0.125, 0.875, 0.5, 0.875, 0.875);
    expect(merged([a, b])).toEqual([
      [0.125, 0.125],
      [0.875, 0.125],
      [0.125, 0.5],
      [0.875, 0.5],
      [0.125, 0.875],
      [0.875, 0.875],
    ]);
  });

  it('prefers those whose word counts more', () => {
    expect(merged([proposal(1, 0.25, 0.25), proposal(2, 0.75, 0.75)])[0]).toEqual([0.75, 0.75]);
  });

  it('puts first what two agree on, once', () => {
    const a = proposal(1, 0.125, 0.125, 0.5, 0.5);
    const b = proposal(1, 0.875, 0.125, 0.515625, 0.5);
    expect(merged([a, b])).toEqual([
      [0.5, 0.5],
      [0.125, 0.125],
      [0.875, 0.125],
    ]);
  });

  it('keeps to its limit', () => {
    const a = proposal(1, 0.125, 0.125, 0.125, 0.5, 0.125, 0.875);
    expect(merged([a], 2)).toHaveLength(2);
    expect(merged([a], 0)).toEqual([]);
    expect(merged([])).toEqual([]);
  });
});

describe('Hybrid', () => {
  const isMoving = isInDisc({ x: 0.25, y: 0.4, radius: 0.15 });
  const isRed = isInDisc({ x: 0.75, y: 0.6, radius: 0.15 });
  const scene = paintedScene({
    colourAt: (x, y) => (isRed(x, y) ? red : grey),
    motionAt: (x, y) => (isMoving(x, y) ? [3, 0] : [0, 0]),
  });

  it('begins with what moves and what stands out, and goes on over the whole picture', () => {
    const hybrid = new Hybrid();
    for (let frame = 0; frame < 4; frame++) hybrid.observe(scene);
    const points = pointsOf(hybrid.propose(scene, 0));
    expect(points[0] && isMoving(points[0].x, points[0].y)).toBe(true);
    expect(points.slice(0, 3).some(({ x, y }) => isRed(x, y))).toBe(true);
    for (const right of [false, true]) {
      for (const below of [false, true]) {
        expect(points.filter(({ x, y }) => x > 0.5 === right && y > 0.5 === below).length).toBeGreaterThan(5);
      }
    }
  });

  it('tries nothing twice', () => {
    const hybrid = new Hybrid();
    for (let frame = 0; frame < 4; frame++) hybrid.observe(scene);
    const points = pointsOf(hybrid.propose(scene, 0));
    points.forEach(({ x, y }, at) => {
      const others = points.slice(at + 1).flatMap((other) => [other.x, other.y]);
      expect(isNearAny(others, x, y, scene.aspectRatio, 0.049)).toBe(false);
    });
  });
});
