import { describe, expect, it } from 'vitest';
import { maskGrid, type SegmentationRequest, type Segmenter } from '../../src/tracker/segmentation.ts';
import { type LaneTiming, TimedLane } from '../../src/tracker/timed-lane.ts';
import { VirtualClock } from '../../src/tracker/virtual-clock.ts';
import { blankFrame } from './blank-frame.ts';
import { resultOf } from './scripted-lane.ts';

class CountingSegmenter implements Segmenter {
  readonly closed: string[] = [];
  isDisposed = false;
  fails = false;

  async segment(request: SegmentationRequest) {
    if (this.fails) throw new Error('no memory');
    return resultOf(request, {});
  }

  closeStream(streamId: string): void {
    this.closed.push(streamId);
  }

  async dispose(): Promise<void> {
    this.isDisposed = true;
  }
}

function request(streamId: string, frameIndex: number): SegmentationRequest {
  const { pixels, pixelSize, width, height } = blankFrame(frameIndex);
  const nothing = { targets: [], prompted: [], gridPoints: new Float32Array(0), forgotten: [] };
  return { streamId, frameIndex, pixels, pixelSize, width, height, ...nothing, forgetAll: false };
}

function open(timing: LaneTiming) {
  const segmenter = new CountingSegmenter();
  return { segmenter, lane: new TimedLane(segmenter, timing) };
}

const frameOf = (lane: TimedLane, streamId: string) => {
  const outcome = lane.take(streamId);
  return outcome?.kind === 'result' ? outcome.result.frameIndex : outcome;
};

describe('TimedLane without time', () => {
  it('has the result at once, and once', async () => {
    const { lane } = open({ kind: 'immediate' });
    expect(lane.canStart('a')).toBe(true);
    expect(lane.take('a')).toBeNull();
    await lane.start(request('a', 3));
    await lane.finished();
    expect(lane.canStart('a')).toBe(false);
    expect(lane.canStart('b')).toBe(true);
    expect(frameOf(lane, 'a')).toBe(3);
    expect(lane.take('a')).toBeNull();
    expect(lane.canStart('a')).toBe(true);
  });

  it('turns what is thrown into a failure of that frame', async () => {
    const { lane, segmenter } = open({ kind: 'immediate' });
    segmenter.fails = true;
    await lane.start(request('a', 3));
    expect(lane.take('a')).toMatchObject({
      kind: 'failure',
      failure: { streamId: 'a', frameIndex: 3, error: { message: 'no memory' } },
    });
    segmenter.fails = false;
    await lane.start(request('a', 4));
    expect(frameOf(lane, 'a')).toBe(4);
  });

  it('drops a result nobody wants any more and passes on what ends', async () => {
    const { lane, segmenter } = open({ kind: 'immediate' });
    await lane.start(request('a', 3));
    lane.closeStream('a');
    expect(lane.take('a')).toBeNull();
    expect(segmenter.closed).toEqual(['a']);
    await lane.dispose();
    expect(segmenter.isDisposed).toBe(true);
  });

  it('has the grid of the frame in its results', async () => {
    const { lane } = open({ kind: 'immediate' });
    await lane.start(request('a', 0));
    expect(lane.take('a')).toMatchObject({ result: { grid: maskGrid(blankFrame(0).pixelSize) } });
  });
});

describe('TimedLane on a virtual clock', () => {
  it('holds a result back until its time has come, and is occupied so long', async () => {
    const clock = new VirtualClock(1000);
    const { lane } = open({ kind: 'virtual', clock, durationMs: 400 });
    await lane.start(request('a', 3));
    clock.advanceTo(1399);
    expect(lane.take('a')).toBeNull();
    expect(lane.canStart('a')).toBe(false);
    expect(lane.canStart('b')).toBe(false);
    clock.advanceTo(1400);
    expect(lane.canStart('b')).toBe(true);
    expect(lane.canStart('a')).toBe(false);
    expect(frameOf(lane, 'a')).toBe(3);
    expect(lane.canStart('a')).toBe(true);
  });

  it('is soon done with prompts on what is encoded already', async () => {
    const clock = new VirtualClock();
    const { lane } = open({ kind: 'virtual', clock, durationMs: 400 });
    await lane.start({ ...request('a', 3), pixels: null });
    clock.advanceTo(39);
    expect(lane.take('a')).toBeNull();
    clock.advanceTo(40);
    expect(frameOf(lane, 'a')).toBe(3);
  });

  it('serves streams one after another', async () => {
    const clock = new VirtualClock();
    const { lane } = open({ kind: 'virtual', clock, durationMs: 100 });
    await lane.start(request('a', 0));
    clock.advanceTo(100);
    await lane.start(request('b', 0));
    expect(lane.take('b')).toBeNull();
    expect(frameOf(lane, 'a')).toBe(0);
    clock.advanceTo(200);
    expect(frameOf(lane, 'b')).toBe(0);
  });

  it('takes as long as the segmentation really took where that is asked for', async () => {
    const clock = new VirtualClock();
    const { lane } = open({ kind: 'virtual', clock, durationMs: 'measured' });
    await lane.start(request('a', 0));
    // The scripted result says that it took 6 ms.
    clock.advanceTo(5);
    expect(lane.take('a')).toBeNull();
    clock.advanceTo(6);
    expect(frameOf(lane, 'a')).toBe(0);
  });
});
