import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Frame } from '../../src/buffer/frame.ts';
import { DetectingSegmenter } from '../../src/tracker/detecting-segmenter.ts';
import { type LoadedSegmenter, maskGrid, type SegmentationRequest } from '../../src/tracker/segmentation.ts';
import { createSegmenter } from '../../src/tracker/segmenter-factory.ts';
import { squareDetector } from '../model/detector/detector-graphs.ts';
import { detectorSettings } from '../model/detector/detector-settings.ts';
import { blue, DiscScene, moving } from './disc-scene.ts';

const white = [255, 255, 255] as const;
const scene = new DiscScene({
  discs: [
    { radius: 40, colour: white, at: moving(120, 100, 0, 0) },
    { radius: 40, colour: blue, at: moving(280, 100, 0, 0) },
  ],
});
const frame = scene.frame(0);

function lookAt(picture: Frame, part: Partial<SegmentationRequest> = {}): SegmentationRequest {
  const { streamId, index: frameIndex, pixels, pixelSize, width, height } = picture;
  return {
    streamId,
    frameIndex,
    pixels,
    pixelSize,
    width,
    height,
    targets: [],
    prompted: [],
    gridPoints: new Float32Array(0),
    forgotten: [],
    forgetAll: false,
    detect: true,
    ...part,
  };
}

/** Logits of a rectangle of source pixels. */
function maskOf(x: number, y: number, width: number, height: number): Float32Array {
  const grid = maskGrid(frame.pixelSize);
  const logits = new Float32Array(grid.width * grid.height).fill(-5);
  for (let row = 0; row < grid.spanY; row++) {
    for (let column = 0; column < grid.spanX; column++) {
      const [left, top] = [((column + 0.5) * 384) / grid.spanX, ((row + 0.5) * 216) / grid.spanY];
      if (left >= x && left < x + width && top >= y && top < y + height)
        logits[row * grid.width + column] = 5;
    }
  }
  return logits;
}

describe('a detector beside MobileSAM', () => {
  const folder = mkdtempSync(join(tmpdir(), 'trackcast-detecting-'));
  let segmenter: LoadedSegmenter;
  beforeAll(async () => {
    const file = join(folder, 'square.onnx');
    writeFileSync(file, squareDetector({ layout: 'yolov8', names: "['other', 'lamp']" }));
    const detector = detectorSettings(file);
    segmenter = await createSegmenter({ executionProviders: ['cpu'], intraOpThreads: 1, detector });
  });
  afterAll(async () => {
    await segmenter.dispose();
    rmSync(folder, { recursive: true });
  });

  it('makes a candidate with a name of what it sees, as large as that is', async () => {
    const { candidates, detection, timing } = await segmenter.segment(lookAt(frame));
    expect(candidates).toMatchObject([
      {
        x: expect.closeTo(120 / 384, 1),
        y: expect.closeTo(100 / 216, 1),
        detection: { label: 'lamp', score: expect.closeTo(0.9, 5) },
      },
    ]);
    const grid = maskGrid(frame.pixelSize);
    const area = (candidates[0]?.logits ?? new Float32Array(0)).filter((logit) => logit > 0).length;
    const truth = (Math.PI * 40 ** 2 * grid.spanX * grid.spanY) / (384 * 216);
    expect(area / truth).toBeGreaterThan(0.8);
    expect(area / truth).toBeLessThan(1.2);
    expect(detection).toEqual({ sightings: [], tried: 1, failure: null });
    expect(timing.total).toBeGreaterThanOrEqual(timing.detect ?? Number.POSITIVE_INFINITY);
  });

  it('does not look where it is not asked to', async () => {
    const { candidates, detection, timing } = await segmenter.segment(lookAt(frame, { detect: false }));
    expect([candidates, detection, timing.detect]).toEqual([[], undefined, undefined]);
  });

  it('tries nothing that is tracked, but says what it is called', async () => {
    const prior = maskOf(80, 60, 80, 80);
    const targets = [{ objectId: 7, prior, priorSupport: 1 }];
    await segmenter.segment(lookAt(frame, { targets, detect: false }));
    const { candidates, detection, objects } = await segmenter.segment(lookAt(scene.frame(1), { targets }));
    expect(candidates).toEqual([]);
    expect(objects[0]?.logits).not.toBeNull();
    expect(detection).toEqual({
      sightings: [{ objectId: 7, label: 'lamp', score: expect.closeTo(0.9, 5) }],
      tried: 0,
      failure: null,
    });
  });
});

describe('DetectingSegmenter', () => {
  const grid = maskGrid(frame.pixelSize);
  const seen = (x: number, label: string, score: number) => ({
    box: { x, y: 0.25, width: 0.25, height: 0.5 },
    classIndex: 0,
    label,
    score,
  });

  function open(
    detect: () => Promise<ReturnType<typeof seen>[]>,
    found: Readonly<Record<number, Float32Array>> = {},
  ) {
    const requests: SegmentationRequest[] = [];
    let disposed = 0;
    const inner: LoadedSegmenter = {
      provider: 'cpu',
      refusedProviders: [{ provider: 'cuda', reason: 'none' }],
      async segment(request) {
        requests.push(request);
        const { streamId, frameIndex } = request;
        const objects = Object.entries(found).map(([objectId, logits]) => ({
          objectId: Number(objectId),
          logits,
          score: 1,
          appearance: null,
          descriptor: null,
        }));
        const timing = { encode: 1, match: 1, decode: 1, total: 3 };
        return { streamId, frameIndex, grid, objects, candidates: [], timing };
      },
      closeStream: () => undefined,
      dispose: async () => void disposed++,
    };
    const refusedProviders = [{ provider: 'webgpu', reason: 'no adapter' }] as const;
    const detector = {
      provider: 'cpu',
      refusedProviders,
      detect,
      dispose: async () => void disposed++,
    } as const;
    return { segmenter: new DetectingSegmenter(inner, detector), requests, disposed: () => disposed };
  }

  it('goes on without boxes where the detector fails', async () => {
    const { segmenter, requests } = open(() => Promise.reject(new Error('out of memory\nat 0x1')));
    const { detection, candidates } = await segmenter.segment(lookAt(frame));
    expect(detection).toEqual({ sightings: [], tried: 0, failure: 'out of memory' });
    expect(candidates).toEqual([]);
    expect(requests).toMatchObject([{ detections: [] }]);
  });

  it('gives each object the best name that was seen in its place, and no object that of another', async () => {
    const { segmenter, requests } = open(
      async () => [seen(0.5, 'hook', 0.9), seen(0.51, 'grasper', 0.8), seen(0.1, 'polyp', 0.5)],
      { 3: maskOf(192, 54, 96, 108), 4: maskOf(200, 60, 30, 30) },
    );
    const targets = [{ objectId: 3, prior: maskOf(192, 54, 96, 108), priorSupport: 1 }];
    const { detection } = await segmenter.segment(lookAt(frame, { targets }));
    expect(detection).toEqual({
      sightings: [{ objectId: 3, label: 'hook', score: 0.9 }],
      tried: 1,
      failure: null,
    });
    expect(requests[0]?.detections).toEqual([
      {
        box: {
          x: expect.closeTo(38.4),
          y: expect.closeTo(54),
          width: expect.closeTo(96),
          height: expect.closeTo(108),
        },
        label: 'polyp',
        score: 0.5,
      },
    ]);
  });

  it('says which providers refused which model, and disposes of both', async () => {
    const { segmenter, disposed } = open(async () => []);
    expect(segmenter.refusedProviders).toEqual([
      { provider: 'cuda', reason: 'none' },
      { provider: 'webgpu', reason: 'for the detector: no adapter' },
    ]);
    await segmenter.dispose();
    expect(disposed()).toBe(2);
  });

  it('is not made where the detector is none', async () => {
    const detector = detectorSettings('/no/such/file.onnx');
    const opening = createSegmenter({ executionProviders: ['cpu'], intraOpThreads: 1, detector });
    await expect(opening).rejects.toMatchObject({ code: 'TRACKCAST_MODEL_INVALID' });
  });
});
