import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { PromptStrategyName } from '../../src/prompting/prompt-strategy.ts';
import { DetectingSegmenter } from '../../src/tracker/detecting-segmenter.ts';
import type { LostLook } from '../../src/tracker/lost-look.ts';
import { TimedLane } from '../../src/tracker/timed-lane.ts';
import { createTracker } from '../../src/tracker/tracker-factory.ts';
import { squareDetector } from '../model/detector/detector-graphs.ts';
import { detectorSettings } from '../model/detector/detector-settings.ts';
import { blue, DiscScene, moving } from './disc-scene.ts';
import { resultOf, ScriptedLane } from './scripted-lane.ts';

const folder = mkdtempSync(join(tmpdir(), 'trackcast-detected-'));
const file = join(folder, 'square.onnx');
writeFileSync(file, squareDetector({ layout: 'end_to_end', names: "['other', 'lamp']" }));
afterAll(() => rmSync(folder, { recursive: true }));

const settings = (strategy: PromptStrategyName) => ({
  strategy,
  repromptIntervalFrames: 4,
  maxObjects: 10,
  maxSegmentationsPerSecond: Number.POSITIVE_INFINITY,
});
const cpu = { executionProviders: ['cpu'], intraOpThreads: 1 };
/** A bright disc among dark ones. */
const scene = new DiscScene({
  discs: [
    { radius: 40, colour: [255, 255, 255], at: moving(110, 100, 3, 0) },
    { radius: 36, colour: blue, at: moving(290, 100, 0, 0) },
  ],
});

describe.each(['mobile_sam', 'iou'] as const)('%s with the strategy of a detector', (kind) => {
  it('tracks what it sees under its name, and nothing else', async () => {
    const detector = detectorSettings(file);
    const tracker = await createTracker({
      kind,
      timing: { mode: 'lossless' },
      settings: settings('detector'),
      models: { ...cpu, detector },
    });
    const stream = tracker.openStream({ streamId: 'a' });
    const labels: (string | null)[][] = [];
    const ids = new Set<number>();
    let x = 0;
    for (let index = 0; index < 6; index++) {
      const { tracks } = await stream.processFrame(scene.frame(index, 'a'));
      labels.push(tracks.map(({ label }) => label));
      for (const { id, box } of tracks) {
        ids.add(id);
        x = box === null ? 0 : box.x + box.width / 2;
      }
    }
    expect(labels.flat().length).toBeGreaterThanOrEqual(5);
    expect(new Set(labels.flat())).toEqual(new Set(['lamp']));
    expect(ids.size).toBe(1);
    expect(Math.abs(x - (110 + 3 * 5))).toBeLessThan(12);
    expect(stream.counters().prompts).toBeGreaterThan(0);
    await stream.close();
    await tracker.dispose();
  });

  it('goes on with its tracks where the detector fails, counts it and tells', async () => {
    const failing = {
      provider: 'cpu',
      refusedProviders: [],
      detect: () => Promise.reject(new Error('out of memory')),
      dispose: async () => undefined,
    } as const;
    const square = { x: 10, y: 10, width: 12, height: 12 };
    const inner = {
      provider: 'cpu',
      refusedProviders: [],
      segment: async (request: Parameters<typeof resultOf>[0]) =>
        resultOf(request, { objects: { 1: square }, candidates: [square] }),
      closeStream: () => undefined,
      dispose: async () => undefined,
    };
    const lane = new TimedLane(new DetectingSegmenter(inner, failing), { kind: 'immediate' });
    const tracker = await createTracker({
      kind,
      timing: { mode: 'lane', lane, waitsForSegmentation: true },
      settings: settings('detector'),
      models: cpu,
    });
    const lost: LostLook[] = [];
    const stream = tracker.openStream({ streamId: 'a', onLookLost: (look) => lost.push(look) });
    for (let index = 0; index < 3; index++) await stream.processFrame(scene.frame(index, 'a'));
    const { tracks } = await stream.processFrame(scene.frame(3, 'a'));
    expect(tracks).toHaveLength(1);
    expect(stream.counters().rejectedCandidates['detector_failed']).toBe(kind === 'iou' ? 4 : 1);
    expect(lost[0]).toEqual({ kind: 'undetected', streamId: 'a', frameIndex: 0, message: 'out of memory' });
    await tracker.dispose();
  });
});

describe('mobile_sam with the strategy `hybrid`', () => {
  it.each([true, false])(
    'asks the detector before it tries points where there is one: %s',
    async (hasDetector) => {
      const lane = new ScriptedLane();
      const tracker = await createTracker({
        kind: 'mobile_sam',
        timing: { mode: 'lane', lane, waitsForSegmentation: false },
        settings: settings('hybrid'),
        models: { ...cpu, ...(hasDetector ? { detector: detectorSettings(file) } : {}) },
      });
      const stream = tracker.openStream({ streamId: 'a' });
      for (let index = 0; index < 2; index++) await stream.processFrame(scene.frame(index, 'a'));
      const asked = lane.requests.map(({ detect, gridPoints }) => [detect, gridPoints.length > 0]);
      expect(asked).toEqual(
        hasDetector
          ? [
              [true, false],
              [false, true],
            ]
          : [
              [false, true],
              [false, true],
            ],
      );
      await tracker.dispose();
    },
  );
});
