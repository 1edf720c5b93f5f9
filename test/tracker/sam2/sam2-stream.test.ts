import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Frame } from '../../../src/buffer/frame.ts';
import { maskIou } from '../../../src/mask/mask-iou.ts';
import { renderMask } from '../../../src/mask/mask-logits.ts';
import { decodeRunLength } from '../../../src/mask/run-length.ts';
import { openSam2 } from '../../../src/model/sam2/open-sam2.ts';
import type { Prompt } from '../../../src/prompting/prompt.ts';
import { cosine } from '../../../src/tracker/identity/descriptor.ts';
import type { ObjectResult } from '../../../src/tracker/sam2/camera-predictor.ts';
import type { PromptedTarget, SegmentationRequest } from '../../../src/tracker/segmentation.ts';
import { createSegmenter } from '../../../src/tracker/segmenter-factory.ts';
import type { TrackFrame } from '../../../src/tracker/track.ts';
import { createTracker, type TrackerSettings } from '../../../src/tracker/tracker-factory.ts';
import type { TrackedStream, VideoTracker } from '../../../src/tracker/video-tracker.ts';
import { hasGoldens, readGolden } from '../../model/sam2/golden.ts';
import { blue, type Disc, DiscScene, moving, red, yellow } from '../disc-scene.ts';
import { TrackLedger } from '../track-ledger.ts';
import { liveModel, modelGeometry, modelSide } from './live-model.ts';
import { playScenario, readScenario, shapeOf } from './scenario.ts';

const settings: TrackerSettings = {
  strategy: 'none',
  repromptIntervalFrames: 1,
  maxObjects: 8,
  maxSegmentationsPerSecond: Number.POSITIVE_INFINITY,
};

/** A picture of the model's own size as a frame of a live stream. */
function frameOf(index: number, pixels: Uint8Array): Frame {
  const side = modelSide;
  const luma = new Uint8Array((side / 2) ** 2);
  for (let y = 0; y < side / 2; y++) {
    for (let x = 0; x < side / 2; x++)
      luma[y * (side / 2) + x] = pixels[(y * 2 * side + x * 2) * 3 + 1] as number;
  }
  return {
    streamId: 'golden',
    index,
    timestampNs: BigInt(index) * 40_000_000n,
    isKeyframe: index === 0,
    isDamaged: false,
    width: side,
    height: side,
    chunkSequence: index,
    unitInChunk: 0,
    receivedAtMs: index,
    decodedAtMs: index,
    pixelSize: { width: side, height: side, contentWidth: side, contentHeight: side },
    pixels,
    lumaWidth: side / 2,
    lumaHeight: side / 2,
    luma,
    motionVectors: new Int16Array(0),
  };
}

describe.skipIf(!hasGoldens)('a live stream that waits for SAM 2', () => {
  const models = liveModel('golden');

  it('publishes the masks of the published predictor, unaltered', async () => {
    const video = readGolden('video').bytes('frames');
    const pixelsOf = (index: number) => {
      const bytes = modelSide * modelSide * 3;
      return video.subarray(index * bytes, (index + 1) * bytes);
    };
    const scenario = readScenario('e2e_B');
    const expected = new Map<string, ObjectResult>();
    const runtime = await openSam2({ ...models().sam2, ...models() });
    try {
      const pictureOf = (index: number) => ({ pixels: pixelsOf(index), side: modelSide });
      await playScenario(scenario, runtime, pictureOf, (name, result) => expected.set(name, result));
    } finally {
      await runtime.dispose();
    }
    const tracker = await createTracker({
      kind: 'sam2_video',
      timing: { mode: 'lossless' },
      settings,
      models: models(),
    });
    try {
      const stream = tracker.openStream({ streamId: 'golden' });
      const prompts = scenario.prompts.map(
        (prompt): Prompt => ({ shape: shapeOf(prompt), objectId: prompt.obj, author: 'person' }),
      );
      for (let index = 0; index < scenario.frames; index++) {
        const frame = frameOf(index, pixelsOf(index));
        const { tracks, provenance } = await stream.processFrame(frame, index === 0 ? prompts : []);
        expect(provenance).toBe(index >= 14 && index <= 16 ? 'propagated' : 'segmented');
        expect(tracks.map(({ id }) => id)).toEqual([1, 2, 3]);
        for (const { id, mask, state, score } of tracks) {
          const name = `o${id}.f${String(index).padStart(2, '0')}`;
          const result = expected.get(name) as ObjectResult;
          const isPresent = result.objectScore > 0;
          expect(state, name).toBe(isPresent ? 'active' : 'occluded');
          const side = modelSide / 4;
          const grid = { width: side, height: side, spanX: side, spanY: side, data: result.lowResMask };
          expect(mask, name).toEqual(isPresent ? renderMask(grid, modelSide, modelSide)?.mask : null);
          expect(score, name).toBeCloseTo(isPresent ? (result.ious[result.maskIndex] as number) : 0, 6);
        }
      }
    } finally {
      await tracker.dispose();
    }
  });
});

/** Channels of the small model. */
const pointerLength = 64;

const redDisc: Disc = { radius: 34, colour: red, at: moving(98, 112, 2, 0) };
const yellowDisc: Disc = { radius: 30, colour: yellow, at: moving(270, 96, -1, 1) };
const blueDisc: Disc = { radius: 32, colour: blue, at: moving(192, 100, 1, 0.5) };
const sceneOf = (...discs: Disc[]) => new DiscScene({ discs, geometry: modelGeometry });

describe('SAM 2 of random weights on live streams', () => {
  const models = liveModel('random');
  let tracker: VideoTracker;
  let searching: VideoTracker;
  let streams = 0;

  beforeAll(async () => {
    const open = (strategy: TrackerSettings['strategy']) =>
      createTracker({
        kind: 'sam2_video',
        timing: { mode: 'lossless' },
        settings: { ...settings, strategy },
        models: models(),
      });
    tracker = await open('none');
    searching = await open('auto_grid');
  });
  afterAll(async () => {
    await tracker?.dispose();
    await searching?.dispose();
  });

  function watch(scene: DiscScene, of = tracker, streamId = `stream-${++streams}`) {
    const stream = of.openStream({ streamId });
    const ledger = new TrackLedger();
    const see = async (index: number, prompts: readonly Prompt[] = []): Promise<TrackFrame> => {
      const frame = scene.frame(index, streamId);
      return ledger.enter(frame, await stream.processFrame(frame, prompts));
    };
    return { stream, ledger, see, [Symbol.asyncDispose]: () => stream.close() };
  }

  const showDisc = (scene: DiscScene, disc: number, index: number): Prompt => ({
    shape: { kind: 'mask', mask: scene.mask(disc, index) },
    author: 'person',
  });
  const showBox: Prompt = {
    shape: { kind: 'box', box: { x: 60, y: 70, width: 80, height: 80 } },
    author: 'person',
  };

  function overlap(scene: DiscScene, disc: number, { frame, tracks }: TrackFrame, id: number): number {
    const mask = tracks.find((track) => track.id === id)?.mask ?? null;
    return mask === null ? 0 : maskIou(decodeRunLength(mask), scene.visible(disc, frame.index));
  }

  it('shows a mask of a person at once, as it is, for a new object and a tracked one', async () => {
    const scene = sceneOf(redDisc, yellowDisc);
    await using watched = watch(scene);
    const first = await watched.see(0, [showDisc(scene, 0, 0)]);
    expect(first.provenance).toBe('segmented');
    expect(overlap(scene, 0, first, 1)).toBeGreaterThan(0.93);
    await watched.see(1);
    const second = await watched.see(2, [{ ...showDisc(scene, 1, 2), objectId: 1, label: 'yellow' }]);
    expect(second.tracks).toMatchObject([{ id: 1, label: 'yellow', firstFrame: 0, state: 'active' }]);
    expect(overlap(scene, 1, second, 1)).toBeGreaterThan(0.93);
  });

  it('keeps ids through prompts, refinements, removals, new names and resets', async () => {
    const scene = sceneOf(redDisc, yellowDisc, blueDisc);
    await using watched = watch(scene);
    const click: Prompt = {
      shape: { kind: 'points', points: [{ x: 98, y: 112, positive: true }] },
      author: 'person',
    };
    await watched.see(0, [showDisc(scene, 0, 0), showBox, click]);
    expect(watched.ledger.ids).toEqual([1, 2, 3]);
    for (let index = 1; index < 4; index++) {
      const { tracks } = await watched.see(index, [{ ...click, objectId: 2 }]);
      expect(tracks.map(({ id }) => id)).toEqual(tracks.map(({ id }) => id).sort());
    }
    watched.stream.change(1, { label: 'red' });
    watched.stream.remove(2);
    const third = await watched.stream.prompt(showDisc(scene, 2, 3));
    expect(third).toBe(4);
    const after = await watched.see(4, [{ ...showDisc(scene, 2, 4), objectId: third }]);
    expect(after.events).toContainEqual({ kind: 'removed', trackId: 2 });
    expect(after.tracks.find(({ id }) => id === 1)?.label).toBe('red');
    expect(after.tracks.some(({ id }) => id === 2)).toBe(false);
    expect(overlap(scene, 2, after, third)).toBeGreaterThan(0.93);
    watched.stream.reset();
    const fresh = await watched.see(5, [showDisc(scene, 0, 5)]);
    expect(fresh.tracks.map(({ id }) => id)).toEqual([5]);
    expect(overlap(scene, 0, fresh, 5)).toBeGreaterThan(0.93);
    expect((await watched.see(6)).provenance).toBe('segmented');
  });

  it('counts one segmentation per frame that has something to look for, and says how long it took', async () => {
    const scene = sceneOf(redDisc);
    await using watched = watch(scene);
    await watched.see(0);
    expect(watched.stream.counters()).toMatchObject({ segmentations: 0, lastSegmentation: null });
    await watched.see(1, [showDisc(scene, 0, 1)]);
    await watched.see(2);
    const { segmentations, lastSegmentation } = watched.stream.counters();
    expect(segmentations).toBe(2);
    const { encode, match, decode, total } = lastSegmentation ?? { encode: 0, match: 0, decode: 0, total: 0 };
    expect(Math.min(encode, match, decode)).toBeGreaterThan(0);
    expect(encode + match + decode).toBeCloseTo(total, 6);
  });

  it('begins anew with a stream that is opened again', async () => {
    const scene = sceneOf(redDisc, yellowDisc);
    const runOf = async () => {
      await using watched = watch(scene, tracker, 'again');
      const frames = [await watched.see(0, [showDisc(scene, 0, 0), showBox])];
      for (let index = 1; index < 6; index++) frames.push(await watched.see(index));
      return frames.map(({ tracks }) => tracks);
    };
    expect(await runOf()).toEqual(await runOf());
  });

  it('gives every stream what it would get alone, to the last pixel', async () => {
    const scenes = [sceneOf(redDisc, yellowDisc), sceneOf(blueDisc, redDisc), sceneOf(yellowDisc)];
    const play = async (stream: TrackedStream, scene: DiscScene, index: number) => {
      const prompts = index === 0 ? [showDisc(scene, 0, 0)] : index === 3 ? [showBox] : [];
      return (await stream.processFrame(scene.frame(index, stream.streamId), prompts)).tracks;
    };
    const alone: TrackFrame['tracks'][][] = [];
    for (const scene of scenes) {
      await using watched = watch(scene);
      const tracks: TrackFrame['tracks'][] = [];
      for (let index = 0; index < 7; index++) tracks.push(await play(watched.stream, scene, index));
      alone.push(tracks);
    }
    const opened = scenes.map((scene) => watch(scene).stream);
    const together: TrackFrame['tracks'][][] = scenes.map(() => []);
    for (let index = 0; index < 7; index++) {
      // All at once: looks of streams must not get in each other's way.
      const tracks = await Promise.all(
        scenes.map((scene, at) => play(opened[at] as TrackedStream, scene, index)),
      );
      for (const [at, each] of tracks.entries()) together[at]?.push(each);
    }
    for (const stream of opened) await stream.close();
    expect(together).toEqual(alone);
  });

  it('takes in what it finds by itself under ids that stay, and no more than it may', async () => {
    const scene = sceneOf(redDisc, yellowDisc, blueDisc);
    await using watched = watch(scene, searching);
    const seen = new Set<number>();
    for (let index = 0; index < 12; index++) {
      const { tracks } = await watched.see(index);
      expect(tracks.length).toBeLessThanOrEqual(settings.maxObjects);
      for (const { id, author } of tracks) {
        expect(author).toBe('strategy');
        seen.add(id);
      }
    }
    expect(seen.size).toBeGreaterThan(0);
    const { prompts, rejectedCandidates } = watched.stream.counters();
    expect(prompts).toBeGreaterThan(0);
    expect(rejectedCandidates['segmentation_failed']).toBeUndefined();
  });

  it('says what candidates look like, as their objects do from then on', async () => {
    const segmenter = await createSegmenter(models());
    try {
      const scene = sceneOf(redDisc, yellowDisc, blueDisc);
      const look = (index: number, parts: Partial<SegmentationRequest>): SegmentationRequest => {
        const { pixels, pixelSize, width, height } = scene.frame(index, 'looks');
        return {
          streamId: 'looks',
          frameIndex: index,
          pixels,
          pixelSize,
          width,
          height,
          targets: [],
          prompted: [],
          gridPoints: new Float32Array(0),
          forgotten: [],
          forgetAll: false,
          ...parts,
        };
      };
      const gridPoints = Float32Array.of(0.25, 0.5, 0.7, 0.45, 0.5, 0.5);
      const { candidates } = await segmenter.segment(look(0, { gridPoints }));
      expect(candidates.length).toBeGreaterThan(0);
      for (const { descriptor } of candidates) expect(descriptor).toHaveLength(pointerLength);
      const prompted = candidates.map(
        ({ x, y }, at): PromptedTarget => ({
          objectId: at,
          shape: {
            kind: 'points',
            points: [{ x: x * scene.width, y: y * scene.height, positive: true }],
          },
          currentLogits: null,
        }),
      );
      const { objects } = await segmenter.segment(look(0, { pixels: null, prompted }));
      const shown = objects.flatMap(({ descriptor }) => descriptor ?? []);
      expect(shown.length).toBeGreaterThan(0);
      // The same clicks on the same frame: the same pointers as those of some candidates.
      for (const descriptor of shown) {
        const likeness = candidates.map((candidate) =>
          cosine(descriptor, candidate.descriptor ?? expect.fail()),
        );
        expect(Math.max(...likeness)).toBeCloseTo(1, 5);
      }
    } finally {
      await segmenter.dispose();
    }
  });

  it('bears objects that come and go', async () => {
    const scene = sceneOf(redDisc, yellowDisc);
    await using watched = watch(scene);
    const added: number[] = [];
    for (let index = 0; index < 24; index++) {
      const prompts = index % 2 === 0 ? [index % 4 === 0 ? showBox : showDisc(scene, 0, index)] : [];
      const { tracks, events } = await watched.see(index, prompts);
      added.push(...events.filter(({ kind }) => kind === 'created').map(({ trackId }) => trackId));
      // What a box shows may be nothing; a mask is something.
      for (const { id } of tracks) expect(added.slice(-4)).toContain(id);
      expect(tracks.length).toBeGreaterThanOrEqual(Math.min(2, Math.floor(added.length / 2)));
      if (added.length >= 4 && index % 2 === 1) watched.stream.remove(added.at(-4) as number);
    }
    expect(added).toEqual(Array.from({ length: 12 }, (_, at) => at + 1));
    expect(watched.stream.counters().rejectedCandidates).toEqual({});
  });
});
