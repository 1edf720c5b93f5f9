import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { maskIou } from '../../../src/mask/mask-iou.ts';
import { decodeRunLength } from '../../../src/mask/run-length.ts';
import { defaultGates } from '../../../src/prompting/candidate-filter.ts';
import type { Prompt } from '../../../src/prompting/prompt.ts';
import { noStrategy } from '../../../src/prompting/prompt-strategy.ts';
import type { SegmentationRequest, Segmenter } from '../../../src/tracker/segmentation.ts';
import { SegmentedStream } from '../../../src/tracker/segmented/segmented-stream.ts';
import { createSegmenter } from '../../../src/tracker/segmenter-factory.ts';
import { TimedLane } from '../../../src/tracker/timed-lane.ts';
import { blue, DiscScene, moving, red } from '../disc-scene.ts';

const scene = new DiscScene({
  discs: [
    { radius: 34, colour: red, at: moving(80, 60, 4, 0) },
    { radius: 34, colour: blue, at: moving(300, 160, -4, 0) },
  ],
});

const clickOn = (disc: number, frameIndex: number): Prompt => ({
  shape: { kind: 'points', points: [{ ...centre(disc, frameIndex), positive: true }] },
  author: 'person',
  timestampNs: scene.frame(frameIndex).timestampNs,
});

function centre(disc: number, frameIndex: number): { x: number; y: number } {
  return disc === 0 ? { x: 80 + 4 * frameIndex, y: 60 } : { x: 300 - 4 * frameIndex, y: 160 };
}

describe('MobileSAM, prompted on what it saw last', () => {
  let model: Segmenter;
  const requests: SegmentationRequest[] = [];

  beforeAll(async () => {
    model = await createSegmenter({ executionProviders: ['cpu'], intraOpThreads: 1 });
  });
  afterAll(() => model.dispose());

  function open(streamId: string) {
    requests.length = 0;
    const segmenter: Segmenter = {
      segment: (request) => {
        requests.push(request);
        return model.segment(request);
      },
      closeStream: (id) => model.closeStream(id),
      dispose: async () => {},
    };
    return new SegmentedStream(
      { streamId },
      {
        lane: new TimedLane(segmenter, { kind: 'immediate' }),
        strategy: noStrategy,
        repromptIntervalFrames: 100,
        promptBudgetMs: null,
        maskSmoothing: 0,
        gates: defaultGates,
        maxObjects: 5,
        maxSegmentationsPerSecond: 0.3,
        waitsForSegmentation: false,
      },
    );
  }

  it('shows at the present place what was clicked a second ago, without another look', async () => {
    const stream = open('late');
    await stream.processFrame(scene.frame(0, 'late'), [clickOn(0, 0)]);
    for (let index = 1; index <= 30; index++) await stream.processFrame(scene.frame(index, 'late'));
    const id = await stream.prompt(clickOn(1, 5));
    const { tracks } = await stream.processFrame(scene.frame(31, 'late'));
    expect(requests.map(({ frameIndex, pixels }) => [frameIndex, pixels === null])).toEqual([
      [0, false],
      [0, true],
    ]);
    expect(tracks).toHaveLength(2);
    for (const [disc, trackId] of [1, id].entries()) {
      const mask = tracks.find((track) => track.id === trackId)?.mask;
      const shown = mask ? decodeRunLength(mask) : new Uint8Array(scene.width * scene.height);
      expect(maskIou(shown, scene.visible(disc, 31)), `disc ${disc}`).toBeGreaterThan(0.65);
    }
    // It is remembered like any other: the next look finds it again.
    for (let index = 32; index <= 90 && requests.length < 3; index++) {
      await stream.processFrame(scene.frame(index, 'late'));
    }
    const last = await stream.processFrame(scene.frame(91, 'late'));
    expect(requests[2]?.targets.map(({ objectId }) => objectId)).toEqual([1, id]);
    expect(last.tracks.find((track) => track.id === id)).toMatchObject({ state: 'active' });
    await stream.close();
  });

  it('corrects on the kept frame what it found there', async () => {
    const stream = open('refined');
    await stream.processFrame(scene.frame(0, 'refined'), [clickOn(0, 0)]);
    await stream.processFrame(scene.frame(1, 'refined'));
    const { x, y } = centre(0, 1);
    const more: Prompt = {
      shape: { kind: 'points', points: [{ x: x + 20, y, positive: true }] },
      objectId: 1,
      author: 'person',
    };
    expect(await stream.prompt(more)).toBe(1);
    const { tracks } = await stream.processFrame(scene.frame(2, 'refined'));
    expect(requests.map(({ pixels }) => pixels === null)).toEqual([false, true]);
    const mask = tracks[0]?.mask;
    const shown = mask ? decodeRunLength(mask) : new Uint8Array(scene.width * scene.height);
    expect(maskIou(shown, scene.visible(0, 2))).toBeGreaterThan(0.75);
    await stream.close();
  });

  it('refuses what is about another frame than the kept one', async () => {
    const stream = open('gone');
    await stream.processFrame(scene.frame(0, 'gone'), [clickOn(0, 0)]);
    const asked = requests[0] as SegmentationRequest;
    const onKept = { ...asked, pixels: null };
    await expect(model.segment({ ...onKept, frameIndex: 7 })).rejects.toMatchObject({
      code: 'TRACKCAST_INFERENCE_FAILED',
    });
    await expect(model.segment(onKept)).resolves.toMatchObject({ frameIndex: 0, candidates: [] });
    await stream.close();
    await expect(model.segment(onKept)).rejects.toMatchObject({ code: 'TRACKCAST_INFERENCE_FAILED' });
  });
});
