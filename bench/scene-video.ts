import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Frame, frameInfoOf } from '../src/buffer/frame.ts';
import { DemoScene } from '../src/demo/demo-scene.ts';
import { createPicture } from '../src/demo/picture.ts';
import { decodeFrames, type SequenceVideo } from '../src/evaluation/sequence-video.ts';
import { H264Encoder } from '../src/ingest/h264-encoder.ts';
import { embeddedGeometry } from '../src/tracking-plan.ts';

const framesPerSecond = 25;
const groupFrames = 50;

/** The generated scene as a camera would send it: no reordering, an IDR picture every two seconds. */
export interface SceneVideo extends SequenceVideo {
  /** Such as `1280x720`. */
  readonly size: string;
  /** The same as a raw H.264 file. */
  readonly path: string;
  readonly scene: DemoScene;
}

/** Draws and encodes the scene and writes it to `folder`. */
export async function encodeScene(
  width: number,
  height: number,
  frames: number,
  folder: string,
): Promise<SceneVideo> {
  const scene = new DemoScene({ width, height });
  const picture = createPicture(width, height);
  using encoder = new H264Encoder({
    width,
    height,
    fps: framesPerSecond,
    gopSize: groupFrames,
    crf: 21,
    preset: 'veryfast',
  });
  const accessUnits: Uint8Array[] = [];
  for (let index = 0; index < frames; index += 1) {
    accessUnits.push(...encoder.encodePlanes(scene.render(index, picture).data));
  }
  const size = `${width}x${height}`;
  const path = join(folder, `scene-${size}.h264`);
  await writeFile(path, Buffer.concat(accessUnits));
  return { size, path, scene, accessUnits, width, height, framesPerSecond };
}

/** The first frames of a video, decoded as the service does, in memory of their own. */
export async function decodedCopies(
  video: SceneVideo,
  frames: number,
  withPixels: boolean,
): Promise<Frame[]> {
  const copies: Frame[] = [];
  const part = { ...video, accessUnits: video.accessUnits.slice(0, frames) };
  for await (const lease of decodeFrames(part, 'bench', embeddedGeometry)) {
    using frame = lease;
    copies.push({
      ...frameInfoOf(frame),
      pixelSize: frame.pixelSize,
      pixels: withPixels ? frame.pixels.slice() : new Uint8Array(0),
      lumaWidth: frame.lumaWidth,
      lumaHeight: frame.lumaHeight,
      luma: frame.luma.slice(),
      motionVectors: frame.motionVectors.slice(),
    });
  }
  return copies;
}
