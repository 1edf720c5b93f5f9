import { encodeRunLengthRegion, type RunLengthMask } from '../../../src/mask/run-length.ts';
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
  const extents = extentsOf(ids);
  return scene.shot(frameIndex).objects.map((object) => {
    const extent = extents.get(object.id);
    if (extent === undefined) return { id: object.id, mask: null, area: 0, visibleFraction: 0 };
    const { left, top, area } = extent;
    const box = { x: left, y: top, width: extent.right - left + 1, height: extent.bottom - top + 1 };
    const region = new Uint8Array(box.width * box.height);
    for (let at = 0; at < region.length; at++) {
      const pixel = (top + Math.floor(at / box.width)) * width + left + (at % box.width);
      if (ids[pixel] === object.id) region[at] = 1;
    }
    const mask = encodeRunLengthRegion(region, box, width, height);
    const visibleFraction = Math.min(1, area / renderer.wholeArea(object, frameIndex));
    return { id: object.id, mask, area, visibleFraction };
  });
}

interface Extent {
  left: number;
  right: number;
  readonly top: number;
  bottom: number;
  area: number;
}

function extentsOf(ids: Uint8Array): Map<number, Extent> {
  const extents = new Map<number, Extent>();
  for (let row = 0; row < sceneSize.height; row++) {
    for (let column = 0; column < sceneSize.width; column++) {
      const id = ids[row * sceneSize.width + column] ?? 0;
      if (id === 0) continue;
      const extent = extents.get(id);
      if (extent === undefined) {
        extents.set(id, { left: column, right: column, top: row, bottom: row, area: 1 });
        continue;
      }
      if (column < extent.left) extent.left = column;
      if (column > extent.right) extent.right = column;
      extent.bottom = row;
      extent.area++;
    }
  }
  return extents;
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
