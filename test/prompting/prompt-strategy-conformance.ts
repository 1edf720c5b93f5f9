import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PromptScene, PromptStrategy } from '../../src/prompting/prompt-strategy.ts';
import { grey, isInDisc, type PaintedSceneOptions, paintedScene, pointsOf, red } from './painted-scene.ts';

/** Frames on which something has to move before a strategy may believe it. */
const history = 6;
/** More points than this would take minutes to try. */
const maxPoints = 100;
/** Whether a point is covered is asked of every mask: more often than this would be felt on each frame. */
const maxQuestions = 4000;

const thing = { x: 0.3, y: 0.55, radius: 0.24 };
const isOnThing = isInDisc(thing);
/** A red disc that moves over grey. */
const movingDisc: PaintedSceneOptions = {
  colourAt: (x, y) => (isOnThing(x, y) ? red : grey),
  motionAt: (x, y) => (isOnThing(x, y) ? [-3, 0] : [0, 0]),
};
/** The same through an endoscope: a round picture in black. */
const isInEndoscope = isInDisc({ x: 0.5, y: 0.5, radius: 0.48 });
const endoscope: PaintedSceneOptions = {
  ...movingDisc,
  colourAt: (x, y) => (isInEndoscope(x, y) ? (isOnThing(x, y) ? red : grey) : [3, 3, 4]),
};

/** What every prompt strategy promises. `create` makes one for a new stream. */
export function describePromptStrategy(name: string, create: () => PromptStrategy): void {
  /** Points on a scene that has looked the same for a while. */
  const propose = (scene: PromptScene, strategy = create(), round = 0) => {
    for (let frame = 0; frame < history; frame++) strategy.observe?.(scene);
    return pointsOf(strategy.propose(scene, round));
  };

  describe(`${name} as a prompt strategy`, () => {
    it('goes by its name', () => {
      expect(create().name).toBe(name);
    });

    it.each([
      [320, 180],
      [240, 240],
      [120, 300],
      [512, 60],
      [50, 40],
      [8, 8],
    ])('proposes points inside a picture of %d x %d, no point twice, and not too many', (width, height) => {
      for (let round = 0; round < 5; round++) {
        const points = propose(paintedScene({ ...movingDisc, width, height }), create(), round);
        expect(points.every(({ x, y }) => x > 0 && x < 1 && y > 0 && y < 1)).toBe(true);
        expect(new Set(points.map(({ x, y }) => `${x} ${y}`)).size).toBe(points.length);
        expect(points.length).toBeLessThanOrEqual(maxPoints);
      }
    });

    it('finds what moves and stands out with its first points', () => {
      const firstPoints = propose(paintedScene(movingDisc)).slice(0, 12);
      expect(firstPoints.some(({ x, y }) => isOnThing(x, y))).toBe(true);
    });

    it('proposes nothing where a track is', () => {
      const isCovered = isInDisc({ ...thing, radius: thing.radius + 0.08 });
      const points = propose(paintedScene({ ...movingDisc, isCovered }));
      expect(points.some(({ x, y }) => isCovered(x, y))).toBe(false);
      expect(propose(paintedScene({ ...movingDisc, isCovered: () => true }))).toEqual([]);
    });

    it('proposes nothing in black borders', () => {
      const points = propose(paintedScene(endoscope));
      expect(points.length).toBeGreaterThan(0);
      expect(points.filter(({ x, y }) => !isInEndoscope(x, y))).toEqual([]);
    });

    it('proposes the same for the same video, and changes nothing of it', () => {
      const scene = paintedScene(endoscope);
      const before = structuredClone({ ...scene, isCovered: null });
      expect(propose(scene)).toEqual(propose(scene));
      expect({ ...scene, isCovered: null }).toEqual(before);
    });

    it('asks of few places whether they are covered', () => {
      let questions = 0;
      const isCovered = () => {
        questions++;
        return false;
      };
      propose(paintedScene({ ...movingDisc, width: 512, height: 288, isCovered }));
      expect(questions).toBeLessThan(maxQuestions);
    });

    it.each<{ what: string; scene: PromptScene }>([
      { what: 'motion', scene: { ...paintedScene(movingDisc), motion: null } },
      { what: 'colours', scene: { ...paintedScene(movingDisc), colours: null } },
      { what: 'brightness', scene: { ...paintedScene(movingDisc), luma: null } },
      { what: 'anything but its shape', scene: { aspectRatio: 1.5, isCovered: () => false } },
    ])('does what it can without $what', ({ scene }) => {
      const points = propose(scene);
      expect(points.length).toBeLessThanOrEqual(maxPoints);
      expect(points.every(({ x, y }) => x > 0 && x < 1 && y > 0 && y < 1)).toBe(true);
    });

    it('gets over a change of the picture’s size', () => {
      const strategy = create();
      propose(paintedScene({ ...movingDisc, width: 320, height: 180 }), strategy);
      const points = propose(paintedScene(movingDisc), strategy);
      expect(points.slice(0, 12).some(({ x, y }) => isOnThing(x, y))).toBe(true);
    });

    it('keeps to its promises whatever it sees', () => {
      const anyScene = fc.record({
        width: fc.integer({ min: 8, max: 90 }),
        height: fc.integer({ min: 8, max: 90 }),
        seed: fc.integer(),
      });
      fc.assert(
        fc.property(anyScene, fc.nat(9), ({ width, height, seed }, round) => {
          const noise = (x: number, y: number, part: number) =>
            Math.abs(Math.sin(seed + x * 127.1 + y * 311.7 + part * 74.7) * 43_758.5) % 1;
          const scene = paintedScene({
            width,
            height,
            colourAt: (x, y) => [255 * noise(x, y, 0), 255 * noise(x, y, 1), 255 * noise(x, y, 2)],
            motionAt: (x, y) => [30 * noise(x, y, 3) - 15, 30 * noise(x, y, 4) - 15],
            // Points are single precision.
            isCovered: (x, y) => noise(Math.fround(x), Math.fround(y), 5) < 0.3,
          });
          const points = propose(scene, create(), round);
          expect(points.length).toBeLessThanOrEqual(maxPoints);
          for (const { x, y } of points) {
            expect(x > 0 && x < 1 && y > 0 && y < 1).toBe(true);
            expect(scene.isCovered(x, y)).toBe(false);
          }
        }),
        { numRuns: 25 },
      );
    });
  });
}
