import { describe, expect, it } from 'vitest';
import { decodeFrames } from '../../../src/evaluation/sequence-video.ts';
import { decodeRunLength } from '../../../src/mask/run-length.ts';
import { blackLevel } from '../../../src/prompting/blank-area.ts';
import { filmScene } from './scene-clip.ts';
import { sceneKinds } from './scene-kinds.ts';
import { SceneRenderer } from './scene-renderer.ts';
import { resolveEvent, trueObjects } from './scene-truth.ts';

const seeds = [0, 1];

function truthOf(scene: ReturnType<(typeof sceneKinds)['pan']>) {
  const renderer = new SceneRenderer(scene);
  return Array.from({ length: scene.frames }, (_, frame) => trueObjects(scene, renderer, frame));
}

describe('scenes', () => {
  it.each(['occlusion-10', 'exit-10', 'occlusion-90'] as const)(
    'of kind %s hide their object for about so long, and show it before and after',
    (kind) => {
      const expected = Number(kind.split('-')[1]);
      for (const seed of seeds) {
        const scene = sceneKinds[kind](seed);
        const frames = truthOf(scene);
        const { from, to } = resolveEvent(scene, frames);
        expect(to - from, scene.name).toBeGreaterThanOrEqual(expected * 0.8);
        expect(to - from, scene.name).toBeLessThanOrEqual(expected + 30);
        expect(to + 50, scene.name).toBeLessThanOrEqual(scene.frames);
        const seen = (frame: number) => frames[frame]?.find(({ id }) => id === 1)?.visibleFraction ?? 0;
        expect(seen(30), scene.name).toBeGreaterThan(0.9);
        expect(seen(to + 45), scene.name).toBeGreaterThan(0.9);
      }
    },
  );

  it('show every object of their event before and after it', () => {
    for (const kind of ['crossing', 'pan', 'zoom', 'flash', 'cut', 'static', 'endoscope'] as const) {
      for (const seed of seeds) {
        const scene = sceneKinds[kind](seed);
        const renderer = new SceneRenderer(scene);
        const { objectIds, from, to } = resolveEvent(scene, []);
        expect(to + 50, scene.name).toBeLessThanOrEqual(scene.frames);
        for (const frame of [from - 1, to + 10]) {
          const objects = trueObjects(scene, renderer, frame);
          for (const id of objectIds) {
            const fraction = objects.find((object) => object.id === id)?.visibleFraction;
            expect(fraction, `${scene.name}, object ${id}, frame ${frame}`).toBeGreaterThan(0.3);
          }
        }
      }
    }
  });

  it('differ by seed and are the same for the same seed', () => {
    const pictureOf = (seed: number) =>
      Buffer.from(new SceneRenderer(sceneKinds.zoom(seed)).render(100).data);
    expect(pictureOf(3).equals(pictureOf(3))).toBe(true);
    expect(pictureOf(3).equals(pictureOf(4))).toBe(false);
  });

  it('come out of the decoder with motion vectors, black around a round picture', async () => {
    const scene = { ...sceneKinds.endoscope(1), frames: 5 };
    const { video, truth } = filmScene(scene);
    const border = truth.border ?? new Uint8Array(0);
    let vectors = 0;
    let frames = 0;
    const geometry = { kind: 'fit', longSide: 256, multipleOf: 16 } as const;
    for await (const lease of decodeFrames(video, 'scene', geometry)) {
      using frame = lease;
      frames++;
      vectors += frame.motionVectors.length;
      expect(frame.luma[0]).toBeLessThan(blackLevel);
      expect(frame.luma[Math.floor(frame.luma.length / 2 + frame.lumaWidth / 2)]).toBeGreaterThan(blackLevel);
    }
    expect(frames).toBe(5);
    expect(vectors).toBeGreaterThan(0);
    const instrument = truth.frames[0]?.find(({ id }) => id === 1)?.mask;
    const pixels = instrument ? decodeRunLength(instrument) : new Uint8Array(0);
    expect(pixels.some((value, at) => value === 1 && border[at] === 1)).toBe(false);
  });
});
