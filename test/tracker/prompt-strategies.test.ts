import { describe, expect, it } from 'vitest';
import type { PromptStrategyName } from '../../src/prompting/prompt-strategy.ts';
import { createTracker } from '../../src/tracker/tracker-factory.ts';
import type { VideoTracker } from '../../src/tracker/video-tracker.ts';
import { type Disc, DiscScene, moving, red } from './disc-scene.ts';
import { ScriptedLane } from './scripted-lane.ts';

async function open(kind: VideoTracker['kind'], strategy: PromptStrategyName) {
  const lane = new ScriptedLane();
  const tracker = await createTracker({
    kind,
    timing: { mode: 'lane', lane, waitsForSegmentation: false },
    settings: {
      strategy,
      repromptIntervalFrames: 30,
      maxObjects: 10,
      maxSegmentationsPerSecond: Number.POSITIVE_INFINITY,
    },
    models: { executionProviders: ['cpu'], intraOpThreads: 1 },
  });
  return { lane, tracker };
}

const disc = (dx: number): Disc => ({ radius: 36, colour: red, at: moving(110, 90, dx, 0) });
/** Of the first point that a request tries, source pixels. */
const distanceToDisc = (points: Float32Array | undefined, x: number) =>
  Math.hypot((points?.[0] ?? 0) * 384 - x, (points?.[1] ?? 0) * 216 - 90);

describe('trackers and their prompt strategies', () => {
  it.each(['mobile_sam', 'iou'] as const)('%s shows its strategy the colours of the frame', async (kind) => {
    const { lane, tracker } = await open(kind, 'saliency');
    const scene = new DiscScene({ discs: [disc(0)] });
    await tracker.openStream({ streamId: 'a' }).processFrame(scene.frame(0, 'a'));
    expect(distanceToDisc(lane.requests[0]?.gridPoints, 110)).toBeLessThan(36);
    await tracker.dispose();
  });

  it.each(['mobile_sam', 'iou'] as const)('%s tries nothing where only people prompt', async (kind) => {
    const { lane, tracker } = await open(kind, 'none');
    await tracker
      .openStream({ streamId: 'a' })
      .processFrame(new DiscScene({ discs: [disc(0)] }).frame(0, 'a'));
    expect(lane.requests).toEqual([]);
    await tracker.dispose();
  });

  it('remembers the motion of each stream by itself', async () => {
    const { lane, tracker } = await open('mobile_sam', 'motion');
    const scenes = {
      moving: new DiscScene({ discs: [disc(4)] }),
      still: new DiscScene({ discs: [disc(0)] }),
    };
    const streams = (['moving', 'still'] as const).map((streamId) => ({
      streamId,
      stream: tracker.openStream({ streamId }),
    }));
    for (let index = 0; index < 8; index++) {
      for (const { streamId, stream } of streams) {
        await stream.processFrame(scenes[streamId].frame(index, streamId));
      }
    }
    expect(new Set(lane.requests.map(({ streamId }) => streamId))).toEqual(new Set(['moving']));
    const [request] = lane.requests;
    expect(distanceToDisc(request?.gridPoints, 110 + 4 * (request?.frameIndex ?? 0))).toBeLessThan(36);
    await tracker.dispose();
  });
});
