import { encodeRunLength, type RunLengthMask } from '../../../src/mask/run-length.ts';
import { type Scene, sceneSize } from './scene.ts';
import type { SceneRenderer } from './scene-renderer.ts';

/** An object on a frame. */
export interface TrueObject {
  readonly id: number;
  /** What is seen of it, at the size of the picture; null when nothing is. */
  readonly mask: RunLengthMask | null;
  /** Pixels seen. */
  readonly area: number;
  /** Share of the whole object that is neither hidden nor outside the picture, 0 to 1. */
  readonly visibleFraction: number;
}

/** What is really there. */
export interface SceneTruth {
  /** By frame; objects of the shot that the frame shows. */
  readonly frames: readonly (readonly TrueObject[])[];
  /** 1 where a round picture leaves black, row by row; null where there is no border. */
  readonly border: Uint8Array | null;
  readonly event: ResolvedEvent;
}

/** An event with its frames. */
export interface ResolvedEvent {
  readonly objectIds: readonly number[];
  /** The first frame on which an object is affected. */
  readonly from: number;
  /** The first frame on which it should be back; the end of the scene when it never is. */
  readonly to: number;
}

/** Share of an object below which it counts as hidden, and from which it can be asked for again. */
const hiddenFraction = 0.1;
const backFraction = 0.5;

/** The objects on one frame. */
export function trueObjects(scene: Scene, renderer: SceneRenderer, frameIndex: number): TrueObject[] {
  const ids = renderer.ids(frameIndex);
  const { width, height } = sceneSize;
  return scene.shot(frameIndex).objects.map((object) => {
    const own = new Uint8Array(ids.length);
    let area = 0;
    for (let at = 0; at < ids.length; at++) {
      if (ids[at] !== object.id) continue;
      own[at] = 1;
      area++;
    }
    const mask = area === 0 ? null : encodeRunLength(own, width, height);
    const visibleFraction = Math.min(1, area / renderer.wholeArea(object, frameIndex));
    return { id: object.id, mask, area, visibleFraction };
  });
}

/** Finds the frames of a scene's event. Throws `RangeError` for an object that should be hidden and never is. */
export function resolveEvent(scene: Scene, frames: SceneTruth['frames']): ResolvedEvent {
  const { event } = scene;
  if (event.kind === 'span') return event;
  const fractions = frames.map((objects) =>
    Math.min(
      ...event.objectIds.map((id) => objects.find((object) => object.id === id)?.visibleFraction ?? 0),
    ),
  );
  const from = fractions.findIndex((fraction) => fraction < hiddenFraction);
  if (from < 0) throw new RangeError(`nothing is hidden in ${scene.name}`);
  const back = fractions.findIndex((fraction, frame) => frame > from && fraction >= backFraction);
  return { objectIds: event.objectIds, from, to: back < 0 ? frames.length : back };
}
