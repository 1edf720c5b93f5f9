import { describe, expect, it } from 'vitest';
import { PromptingMeter } from '../../src/evaluation/prompting-meter.ts';
import { SharedSegmenter } from '../../src/evaluation/shared-segmenter.ts';
import type { PromptScene, PromptStrategy } from '../../src/prompting/prompt-strategy.ts';
import type { SegmentationRequest } from '../../src/tracker/segmentation.ts';
import { VirtualClock } from '../../src/tracker/virtual-clock.ts';
import { CountingSegmenter } from './counting-segmenter.ts';

const scene: PromptScene = { aspectRatio: 1, isCovered: () => false };

function request(points: number, detect = false): SegmentationRequest {
  const pixelSize = { width: 16, height: 16, contentWidth: 16, contentHeight: 16 };
  return {
    streamId: 'a',
    frameIndex: 0,
    pixels: new Uint8Array(16 * 16 * 3),
    pixelSize,
    width: 16,
    height: 16,
    targets: [],
    prompted: [],
    gridPoints: new Float32Array(2 * points),
    detect,
    forgotten: [],
    forgetAll: false,
  };
}

/** Proposes ten points, the first of them at 0, 0.1, the second at 0.2, 0.3 ... */
const tenPoints: PromptStrategy = {
  name: 'saliency',
  propose: () => Float32Array.from({ length: 20 }, (_, at) => at / 10),
};

async function open(promptsPerSecond: number) {
  const clock = new VirtualClock(500);
  const model = new CountingSegmenter();
  const meter = new PromptingMeter(clock, new SharedSegmenter(), promptsPerSecond);
  const strategy = meter.strategy(tenPoints);
  const segmenter = await meter.segmenter(async () => model);
  meter.begin();
  return { clock, model, meter, strategy, segmenter };
}

describe('PromptingMeter', () => {
  it('counts what the model tries, not what is proposed, and times it', async () => {
    const { meter, strategy, segmenter } = await open(Number.POSITIVE_INFINITY);
    expect(strategy.name).toBe('saliency');
    expect(strategy.propose(scene, 0)).toHaveLength(20);
    await segmenter.segment(request(4));
    await segmenter.segment(request(0));
    await segmenter.segment(request(2));
    const cost = meter.measure(12, 24);
    expect(cost).toMatchObject({ prompts: 6, promptsPerSecond: 12 });
    // Two looks with points, of 2 ms each.
    expect(cost.decoderMs).toBeCloseTo(4 / 12, 12);
    expect(cost.strategyMs).toBeGreaterThanOrEqual(0);
  });

  it('keeps the best points within the budget, which grows with time by what was not tried', async () => {
    const { clock, strategy, segmenter } = await open(4);
    const proposed = strategy.propose(scene, 0);
    expect([...proposed]).toEqual([...tenPoints.propose(scene, 0)].slice(0, 8));
    await segmenter.segment(request(3));
    expect(strategy.propose(scene, 1)).toHaveLength(2);
    await segmenter.segment(request(1));
    expect(strategy.propose(scene, 2)).toHaveLength(0);
    clock.advanceTo(1000);
    expect(strategy.propose(scene, 3)).toHaveLength(4);
    clock.advanceTo(9000);
    expect(strategy.propose(scene, 4)).toHaveLength(20);
  });

  it('starts over with each sequence', async () => {
    const { clock, meter, strategy, segmenter } = await open(4);
    await segmenter.segment(request(4));
    clock.advanceTo(60_000);
    meter.begin();
    expect(meter.measure(10, 10)).toEqual({ prompts: 0, promptsPerSecond: 0, strategyMs: 0, decoderMs: 0 });
    expect(strategy.propose(scene, 0)).toHaveLength(8);
  });

  it('counts the boxes of a detector, whose time is the strategy’s, and stops it at the end of the budget', async () => {
    const { model, meter, segmenter } = await open(4);
    const detection = { sightings: [], tried: 3, failure: null };
    const timing = { encode: 5, match: 0, decode: 3, candidates: 2, detect: 20, total: 30 };
    model.answer = ({ detect }) =>
      detect === true ? { detection, timing } : { timing: { encode: 5, match: 0, decode: 3, total: 8 } };
    await segmenter.segment(request(0, true));
    expect(meter.measure(1, 1)).toEqual({ prompts: 3, promptsPerSecond: 3, strategyMs: 20, decoderMs: 2 });
    await segmenter.segment(request(0, true));
    await segmenter.segment(request(0, true));
    expect(model.requests.map(({ detect }) => detect)).toEqual([true, true, false]);
  });

  it('does not know the time of prompts where the model does not tell it apart', async () => {
    const { model, meter, segmenter } = await open(4);
    model.answer = () => ({ timing: { encode: 5, match: 0, decode: 3, total: 8 } });
    await segmenter.segment(request(0));
    expect(meter.measure(1, 1).decoderMs).toBe(0);
    await segmenter.segment(request(1));
    expect(meter.measure(1, 1).decoderMs).toBeNull();
  });

  it('shows a strategy every frame, and passes on what it says of itself', async () => {
    const { meter } = await open(4);
    const seen: PromptScene[] = [];
    class Private implements PromptStrategy {
      readonly name = 'hybrid';
      readonly #uses = true;

      get usesDetector(): boolean {
        return this.#uses;
      }

      observe(shown: PromptScene): void {
        if (this.#uses) seen.push(shown);
      }

      propose(): Float32Array {
        return new Float32Array(this.#uses ? 2 : 0);
      }
    }
    const strategy = meter.strategy(new Private());
    strategy.observe?.(scene);
    expect(strategy.name).toBe('hybrid');
    expect(strategy.usesDetector).toBe(true);
    expect(strategy.propose(scene, 0)).toHaveLength(2);
    expect(seen).toEqual([scene]);
  });
});
