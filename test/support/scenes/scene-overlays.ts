import type { Picture } from '../../../src/demo/picture.ts';
import { drawOverlay, type RgbPicture } from '../../../src/evaluation/overlay.ts';
import { sceneSize } from './scene.ts';
import type { SceneClip } from './scene-clip.ts';
import { SceneRenderer } from './scene-renderer.ts';
import type { TrackedScene } from './track-scene.ts';

const { width, height } = sceneSize;
const columns = 4;

/** Frames of a scene side by side with the tracks drawn on them: before, during and after its event. */
export function contactSheet({ scene, truth }: SceneClip, { tracked }: TrackedScene): RgbPicture {
  const { from, to } = truth.event;
  const last = scene.frames - 1;
  const shown = [
    Math.round(from / 2),
    from - 2,
    Math.round((from + to) / 2),
    to - 1,
    to + 4,
    to + 14,
    to + 30,
    Math.min(last, to + 49),
  ].map((frame) => Math.max(0, Math.min(last, frame)));
  const renderer = new SceneRenderer(scene);
  const sheetWidth = columns * width;
  const sheetHeight = Math.ceil(shown.length / columns) * height;
  const data = new Uint8Array(sheetWidth * sheetHeight * 3);
  shown.forEach((frame, place) => {
    const picture = toRgb(renderer.render(frame));
    drawOverlay(picture, tracked[frame]?.tracks ?? []);
    const left = (place % columns) * width;
    const top = Math.floor(place / columns) * height;
    for (let row = 0; row < height; row++) {
      const pixels = picture.data.subarray(row * width * 3, (row + 1) * width * 3);
      data.set(pixels, ((top + row) * sheetWidth + left) * 3);
    }
  });
  return { width: sheetWidth, height: sheetHeight, data };
}

/** ITU-R BT.601, section 2.5, inverted. */
function toRgb(picture: Picture): RgbPicture {
  const data = new Uint8ClampedArray(width * height * 3);
  for (let at = 0; at < width * height; at++) {
    const half = (Math.floor(at / width) >> 1) * (width / 2) + ((at % width) >> 1);
    const luma = (((picture.y[at] ?? 0) - 16) * 255) / 219;
    const u = (((picture.u[half] ?? 0) - 128) * 255) / 224;
    const v = (((picture.v[half] ?? 0) - 128) * 255) / 224;
    data.set([luma + 1.402 * v, luma - 0.3441 * u - 0.7141 * v, luma + 1.772 * u], at * 3);
  }
  return { width, height, data: new Uint8Array(data.buffer) };
}
