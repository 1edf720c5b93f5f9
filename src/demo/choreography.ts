import { type Shape, shapes } from './shapes.ts';
import type { Pose } from './sprite.ts';

/** Frames after which everything repeats: one minute. */
export const sceneFrames = 1500;

/** An object of the scene. Lengths are pixels on a screen of 1280x720 that does not pan. */
export interface Actor {
  /** In masks; from 1. */
  readonly id: number;
  readonly shape: Shape;
  readonly radius: number;
  /** @param wave the sine of so many whole cycles per minute, at an offset of a share of a cycle */
  readonly pose: (wave: Wave) => Pose;
}

export type Wave = (cycles: number, offset?: number) => number;

/** The wave function of a frame. Whole cycles per loop make the loop seamless. */
export function waveAt(frameIndex: number): Wave {
  const turn = (((frameIndex % sceneFrames) + sceneFrames) % sceneFrames) / sceneFrames;
  return (cycles, offset = 0) => Math.sin(2 * Math.PI * (cycles * turn + offset));
}

/** Where the camera looks, pixels from the middle of its way. */
export function panAt(wave: Wave): { readonly x: number; readonly y: number } {
  return { x: 84 * wave(2), y: 34 * wave(3, 0.25) };
}

/** Largest pan to each side. */
export const panReach = { x: 84, y: 34 } as const;

/** The objects from the farthest to the nearest. */
export const actors: readonly Actor[] = [
  {
    id: 2,
    shape: shapes.dottedBall,
    radius: 72,
    // Passes behind the striped ball four times a minute.
    pose: (wave) => ({
      x: 640 + 330 * wave(2, 0.22),
      y: 384 + 50 * wave(3, 0.75) + 40 * wave(1),
      turn: 1.2 * wave(2),
      scale: 1 + 0.06 * wave(3, 0.5),
    }),
  },
  {
    id: 5,
    shape: shapes.tile,
    radius: 96,
    pose: (wave) => ({
      x: 300 + 90 * wave(2, 0.1),
      y: 556 + 44 * wave(3, 0.4),
      turn: 0.35 + 0.5 * wave(2, 0.7),
      scale: 1 + 0.1 * wave(2, 0.3),
    }),
  },
  {
    id: 3,
    shape: shapes.star,
    radius: 112,
    pose: (wave) => ({
      x: 248 + 80 * wave(3, 0.8),
      y: 196 + 46 * wave(2, 0.2),
      turn: 0.7 * wave(2, 0.15),
      scale: 1 + 0.08 * wave(3, 0.1),
    }),
  },
  {
    id: 4,
    shape: shapes.capsule,
    radius: 122,
    pose: (wave) => ({
      x: 978 + 70 * wave(3, 0.55),
      y: 548 + 40 * wave(2, 0.9),
      turn: -0.5 + 0.8 * wave(2, 0.35),
      scale: 1,
    }),
  },
  {
    id: 1,
    shape: shapes.stripedBall,
    radius: 100,
    pose: (wave) => ({
      x: 640 + 70 * wave(2, 0.22),
      y: 384 + 50 * wave(3, 0.75),
      turn: 0.4 + 1.6 * wave(1),
      scale: 1 + 0.05 * wave(2, 0.4),
    }),
  },
  {
    id: 6,
    shape: shapes.flower,
    radius: 92,
    // Leaves to the right and comes back, twice a minute.
    pose: (wave) => ({
      x: 1130 + 320 * wave(2, 0.72),
      y: 158 + 50 * wave(3, 0.15),
      turn: 1.5 * wave(2, 0.5),
      scale: 1,
    }),
  },
];
