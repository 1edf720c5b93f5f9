import { EventEmitter, once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Frame } from '../../../src/buffer/frame.ts';
import { FrameRing } from '../../../src/buffer/frame-ring.ts';
import type { Prompt } from '../../../src/prompting/prompt.ts';
import { spawnWorker } from '../../../src/spawn-worker.ts';
import type { SegmentationRequest } from '../../../src/tracker/segmentation.ts';
import type { SegmentationReport } from '../../../src/tracker/segmentation-messages.ts';
import type { TrackFrame } from '../../../src/tracker/track.ts';
import { createTracker, type TrackerSettings } from '../../../src/tracker/tracker-factory.ts';
import { TrackingHost } from '../../../src/tracker/tracking-host.ts';
import type { TrackerCounters } from '../../../src/tracker/video-tracker.ts';
import { DiscScene, moving, red, yellow } from '../disc-scene.ts';
import { liveModel, modelGeometry, modelSide } from './live-model.ts';

const settings: TrackerSettings = {
  strategy: 'none',
  repromptIntervalFrames: 30,
  maxObjects: 8,
  maxSegmentationsPerSecond: Number.POSITIVE_INFINITY,
};
const scene = new DiscScene({
  discs: [
    { radius: 34, colour: red, at: moving(98, 112, 2, 0) },
    { radius: 30, colour: yellow, at: moving(270, 96, -1, 1) },
  ],
  geometry: modelGeometry,
});
const frames = 6;
const prompts: readonly Prompt[] = [
  { shape: { kind: 'mask', mask: scene.mask(0, 0) }, author: 'person' },
  { shape: { kind: 'points', points: [{ x: 270, y: 96, positive: true }] }, author: 'person' },
];

/** Puts a frame into a ring as the decoder does. */
async function write(ring: FrameRing, frame: Frame): Promise<void> {
  const slot = await ring.beginWrite();
  if (slot === null) throw new Error('the ring is closed');
  slot.pixels.set(frame.pixels);
  slot.luma.set(frame.luma);
  const { pixels: _, luma: __, motionVectors, ...description } = frame;
  slot.commit({ ...description, motionVectorCount: motionVectors.length });
}

describe('SAM 2 in threads of its own', () => {
  const models = liveModel('random');
  let host: TrackingHost;
  let provider: Promise<string>;
  const tracked = new Map<string, TrackFrame[]>();
  const counted = new Map<string, TrackerCounters>();
  const failures: Error[] = [];
  const ended = new Set<string>();
  const reports = new EventEmitter();

  beforeAll(() => {
    provider = new Promise((resolve, reject) => {
      host = new TrackingHost(
        { kind: 'sam2_video', settings, models: models(), waitsForSegmentation: true },
        {
          onReady: resolve,
          onUnusable: reject,
          onFailing: reject,
          onRecovered: () => undefined,
          onLookLost: () => undefined,
          onFrame: (streamId, trackFrame, _, counters) => {
            tracked.set(streamId, [...(tracked.get(streamId) ?? []), trackFrame]);
            counted.set(streamId, counters);
            reports.emit('report');
          },
          onFrameFailed: (_, error) => failures.push(error),
          onStreamEnded: (streamId) => {
            ended.add(streamId);
            reports.emit('report');
          },
        },
      );
    });
  });
  afterAll(() => host?.stop());

  async function reported(isThere: () => boolean): Promise<void> {
    while (!isThere()) await once(reports, 'report');
  }

  /** Sends the scene through the threads as one stream. */
  async function trackInThreads(streamId: string): Promise<TrackFrame[]> {
    tracked.delete(streamId);
    ended.delete(streamId);
    const ring = FrameRing.create({
      streamId,
      policy: 'wait',
      slots: 4,
      maxPixelBytes: modelSide ** 2 * 3,
      maxLumaBytes: scene.width * scene.height,
      maxMotionVectors: 1,
    });
    host.openStream({ streamId, ring: ring.handle, lossless: true });
    const count = () => tracked.get(streamId)?.length ?? 0;
    await write(ring, scene.frame(0, streamId));
    await reported(() => count() === 1);
    for (const prompt of prompts) await host.prompt(streamId, prompt);
    for (let index = 1; index < frames; index++) await write(ring, scene.frame(index, streamId));
    await reported(() => count() === frames);
    ring.end();
    await reported(() => ended.has(streamId));
    return tracked.get(streamId) ?? [];
  }

  const shown = ({ tracks, provenance }: TrackFrame) => ({ tracks, provenance });

  it('tracks as it does in one thread, to the last pixel, and again for a stream that comes again', async () => {
    expect(await provider).toBe('cpu');
    const tracker = await createTracker({
      kind: 'sam2_video',
      timing: { mode: 'lossless' },
      settings,
      models: models(),
    });
    const stream = tracker.openStream({ streamId: 'here' });
    const expected = [await stream.processFrame(scene.frame(0, 'here'))];
    for (const prompt of prompts) await stream.prompt(prompt);
    for (let index = 1; index < frames; index++) {
      expected.push(await stream.processFrame(scene.frame(index, 'here')));
    }
    await tracker.dispose();
    expect(expected.at(-1)?.tracks[0]?.mask).not.toBeNull();

    const first = await trackInThreads('camera');
    expect(first.map(shown)).toEqual(expected.map(shown));
    expect(counted.get('camera')).toMatchObject({ segmentations: frames - 1, rejectedCandidates: {} });
    expect((await trackInThreads('camera')).map(shown)).toEqual(expected.map(shown));
    const both = await Promise.all([trackInThreads('left'), trackInThreads('right')]);
    for (const frames of both) expect(frames.map(shown)).toEqual(expected.map(shown));
    expect(failures).toEqual([]);
  });

  it('gives a look up between two runs when it is told to stop, and ends', async () => {
    const sources = new URL('../../../src/tracker/worker-lane.ts', import.meta.url).href;
    const worker = spawnWorker('./segmentation-worker', sources, { workerData: models() });
    const reports: SegmentationReport[] = [];
    worker.on('message', (report: SegmentationReport) => reports.push(report));
    const exited = once(worker, 'exit');
    await once(worker, 'message');
    const { pixels, pixelSize, width, height } = scene.frame(0, 'camera');
    const request: SegmentationRequest = {
      streamId: 'camera',
      frameIndex: 0,
      pixels,
      pixelSize,
      width,
      height,
      targets: [],
      prompted: [],
      gridPoints: new Float32Array(64).fill(0.5),
      forgotten: [],
      forgetAll: false,
    };
    worker.postMessage({ kind: 'segment', request });
    worker.postMessage({ kind: 'stop' });
    expect(await exited).toEqual([0]);
    expect(reports).toMatchObject([
      { kind: 'ready' },
      { kind: 'failed', streamId: 'camera', frameIndex: 0, code: 'TRACKCAST_INFERENCE_FAILED' },
    ]);
  });

  it('ends while its model is being opened, without waiting for it', async () => {
    const reported: string[] = [];
    const opening = new TrackingHost(
      { kind: 'sam2_video', settings, models: models(), waitsForSegmentation: true },
      {
        onReady: () => reported.push('ready'),
        onFailing: (error) => reported.push(error.message),
        onRecovered: () => reported.push('recovered'),
        onLookLost: () => reported.push('look lost'),
        onUnusable: (error) => reported.push(error.message),
        onFrame: () => reported.push('frame'),
        onFrameFailed: (_, error) => reported.push(error.message),
        onStreamEnded: () => reported.push('ended'),
      },
    );
    await opening.stop();
    expect(reported).toEqual([]);
  });
});
