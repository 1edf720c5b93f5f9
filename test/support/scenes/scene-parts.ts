import type { Pose } from '../../../src/demo/sprite.ts';
import { type BackdropLook, backdropLooks } from './backdrop.ts';
import { type CameraPose, type SceneObject, sceneSize } from './scene.ts';
import type { SeededRandom } from './seeded-random.ts';

/** Frames before anything happens: time to find everything in view. */
export const leadFrames = 80;
/** Frames after it, more than two seconds. */
export const tailFrames = 64;

/** A camera that does not move. */
export const restingCamera = (): CameraPose => ({ x: sceneSize.width / 2, y: sceneSize.height / 2, zoom: 1 });

/** A background of one of the looks. */
export function randomBackdrop(random: SeededRandom): BackdropLook {
  return { ...random.pick(backdropLooks), seed: random.integer(1, 1000) };
}

/** Place on a frame: even motion between points, standing still before the first and after the last. */
export type Path = readonly (readonly [frameIndex: number, x: number, y: number])[];

/** Moves along a path, turning a little back and forth. */
export function along(path: Path, swing: Swing): SceneObject['pose'] {
  return (frameIndex) => {
    const { x, y } = placeAt(path, frameIndex);
    return swung({ x, y }, swing, frameIndex);
  };
}

/** Stays near a place. */
export function near(x: number, y: number, swing: Swing): SceneObject['pose'] {
  return (frameIndex) => swung({ x, y }, swing, frameIndex);
}

/** How an object moves about its place. */
export interface Swing {
  /** Radians. */
  readonly turn: number;
  /** Largest turn to each side, radians. */
  readonly turning: number;
  /** Largest way to each side, units of the world. */
  readonly drift: number;
  /** Frames of a whole swing. */
  readonly period: number;
  /** Part of a swing. */
  readonly offset: number;
}

export function randomSwing(random: SeededRandom, drift = 4, turning = 0.2): Swing {
  return {
    turn: random.between(-0.4, 0.4),
    turning: random.between(0, turning),
    drift: random.between(0, drift),
    period: random.between(60, 140),
    offset: random.between(0, 1),
  };
}

/** No motion at all. */
export function still(random: SeededRandom): Swing {
  return { turn: random.between(-0.4, 0.4), turning: 0, drift: 0, period: 1, offset: 0 };
}

function swung(place: { x: number; y: number }, swing: Swing, frameIndex: number): Pose {
  const phase = 2 * Math.PI * (frameIndex / swing.period + swing.offset);
  return {
    x: place.x + swing.drift * Math.sin(phase),
    y: place.y + 0.6 * swing.drift * Math.cos(phase),
    turn: swing.turn + swing.turning * Math.sin(phase),
    scale: 1,
  };
}

function placeAt(path: Path, frameIndex: number): { x: number; y: number } {
  const next = path.findIndex(([frame]) => frame > frameIndex);
  const [, lastX = 0, lastY = 0] = path.at(-1) ?? [];
  if (next < 0) return { x: lastX, y: lastY };
  const [toFrame = 0, toX = 0, toY = 0] = path[next] ?? [];
  const [fromFrame = 0, fromX = toX, fromY = toY] = path[next - 1] ?? [];
  const share = next === 0 ? 0 : (frameIndex - fromFrame) / (toFrame - fromFrame);
  return { x: fromX + (toX - fromX) * share, y: fromY + (toY - fromY) * share };
}

/** Swaps left and right where told so, which doubles the variety of a scene. */
export function flipped(path: Path, isFlipped: boolean): Path {
  if (!isFlipped) return path;
  return path.map(([frame, x, y]) => [frame, sceneSize.width - x, y]);
}
