import { describe, expect, it } from 'vitest';
import { fitCameraMotion } from '../../src/prompting/camera-motion.ts';
import { Motion } from '../../src/prompting/motion.ts';
import { accumulate } from '../../src/prompting/moving-things.ts';
import type { PromptScene } from '../../src/prompting/prompt-strategy.ts';
import { isInDisc, paintedMotion, paintedScene, pointsOf } from './painted-scene.ts';

type Place = (x: number, y: number) => boolean;

/** A camera that pans and zooms over the scene, and things that move by themselves. */
function scene(isMoving: Place, isCovered?: Place): PromptScene {
  return paintedScene({
    motionAt: (x, y) => {
      const [dx, dy] = [5 + 4 * (x - 0.5), -2 + 2 * (y - 0.5)];
      return isMoving(x, y) ? [dx + 3, dy + 3] : [dx, dy];
    },
    ...(isCovered === undefined ? {} : { isCovered }),
  });
}

/** Shows scenes in turn and asks at the last of them. */
function see(...scenes: readonly PromptScene[]) {
  const motion = new Motion();
  for (const shown of scenes) motion.observe(shown);
  return pointsOf(motion.propose(scenes.at(-1) as PromptScene, 0));
}

const times = (count: number, shown: PromptScene) => Array.from({ length: count }, () => shown);
const large = isInDisc({ x: 0.3, y: 0.5, radius: 0.22 });
const small = isInDisc({ x: 0.75, y: 0.4, radius: 0.12 });
const nothing = () => false;

describe('Motion', () => {
  it('proposes one point inside each thing that moves by itself, the largest first', () => {
    const points = see(
      ...times(
        5,
        scene((x, y) => large(x, y) || small(x, y)),
      ),
    );
    expect(points).toHaveLength(2);
    expect(points[0] && large(points[0].x, points[0].y)).toBe(true);
    expect(points[1] && small(points[1].x, points[1].y)).toBe(true);
  });

  it('is not impressed by the camera', () => {
    expect(see(...times(20, scene(nothing)))).toEqual([]);
  });

  it('waits until a thing has moved for a few frames', () => {
    expect(see(...times(2, scene(large)))).toEqual([]);
    expect(see(...times(3, scene(large)))).toHaveLength(1);
  });

  it('forgets what seemed to move for a moment, and remembers for a while what did move', () => {
    const still = scene(nothing);
    expect(see(scene(large), ...times(8, still), scene(large), ...times(8, still), scene(large))).toEqual([]);
    expect(see(...times(6, scene(large)), ...times(5, still))).toHaveLength(1);
    expect(see(...times(6, scene(large)), ...times(30, still))).toEqual([]);
  });

  it('passes over what a track covers, and the rim that moves with it', () => {
    const isTrack = isInDisc({ x: 0.3, y: 0.5, radius: 0.18 });
    const points = see(
      ...times(
        5,
        scene((x, y) => large(x, y) || small(x, y), isTrack),
      ),
    );
    expect(points).toHaveLength(1);
    expect(points[0] && small(points[0].x, points[0].y)).toBe(true);
  });

  it('proposes what moves beside a track', () => {
    const isPair = isInDisc({ x: 0.3, y: 0.5, radius: 0.35 });
    const isTrack: Place = (x, y) => isPair(x, y) && x < 0.3;
    const [first] = see(...times(5, scene(isPair, isTrack)));
    expect(first && isPair(first.x, first.y) && first.x > 0.3).toBe(true);
  });

  it('begins anew after a cut', () => {
    const cut: PromptScene = { ...scene(large), motion: null };
    expect(see(...times(6, scene(large)), cut)).toEqual([]);
    expect(see(...times(6, scene(large)), cut, scene(large))).toEqual([]);
    expect(see(...times(6, scene(large)), cut, ...times(3, scene(large)))).toHaveLength(1);
  });

  it('asks at points of a grid where nobody measures motion', () => {
    expect(see({ aspectRatio: 1.5, isCovered: () => false }).length).toBeGreaterThan(20);
  });
});

describe('accumulate', () => {
  it('takes evidence along with what earned it', () => {
    const isThing = (left: number) => (x: number) => x >= left && x < left + 0.2;
    const field = paintedMotion(320, 160, (x) => (isThing(0.5)(x) ? [-16, 0] : [0, 0]));
    const columnOf = (cell: number) => ((cell % field.columns) + 0.5) / field.columns;
    const before = field.dx.map((_, cell) => (isThing(0.45)(columnOf(cell)) ? 0.5 : 0));
    const after = accumulate(before, field, fitCameraMotion(field));
    after.forEach((value, cell) => {
      expect(value).toBeCloseTo(
        isThing(0.5)(columnOf(cell)) ? 0.75 : isThing(0.45)(columnOf(cell)) ? 0.46 : 0,
        5,
      );
    });
  });
});
