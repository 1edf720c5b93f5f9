import { createPicture } from '../../../src/demo/picture.ts';
import type { SequenceVideo } from '../../../src/evaluation/sequence-video.ts';
import { H264Encoder } from '../../../src/ingest/h264-encoder.ts';
import { type Scene, sceneFramesPerSecond, sceneSize } from './scene.ts';
import { SceneRenderer } from './scene-renderer.ts';
import { resolveEvent, type SceneTruth, trueObjects } from './scene-truth.ts';

/** A scene as its camera would have sent it, with the truth about it. */
export interface SceneClip {
  readonly scene: Scene;
  readonly video: SequenceVideo;
  readonly truth: SceneTruth;
}

/** Draws and encodes a scene: H.264 without reordering, an IDR picture every two seconds. */
export function filmScene(scene: Scene): SceneClip {
  const { width, height } = sceneSize;
  const renderer = new SceneRenderer(scene);
  const picture = createPicture(width, height);
  using encoder = new H264Encoder({
    width,
    height,
    fps: sceneFramesPerSecond,
    gopSize: 2 * sceneFramesPerSecond,
    crf: 21,
    // The encoder's fastest preset has one vector per macroblock; cameras do better.
    preset: 'veryfast',
  });
  const accessUnits: Uint8Array[] = [];
  const frames: SceneTruth['frames'][number][] = [];
  for (let frameIndex = 0; frameIndex < scene.frames; frameIndex++) {
    accessUnits.push(...encoder.encodePlanes(renderer.render(frameIndex, picture).data));
    frames.push(trueObjects(scene, renderer, frameIndex));
  }
  return {
    scene,
    video: { accessUnits, width, height, framesPerSecond: sceneFramesPerSecond },
    truth: { frames, border: renderer.border, event: resolveEvent(scene, frames) },
  };
}
