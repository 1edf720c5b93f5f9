import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Frame, frameInfoOf } from '../../src/buffer/frame.ts';
import { FrameRing } from '../../src/buffer/frame-ring.ts';
import { StreamRunner } from '../../src/tracker/stream-runner.ts';
import type { TrackFrame } from '../../src/tracker/track.ts';
import type { TrackedStream } from '../../src/tracker/video-tracker.ts';
import { describeTestFrame } from '../buffer/ring-frames.ts';

/** Notes what it is given. A frame lasts until the test lets it go, if the test wants to hold it. */
class NotingStream implements TrackedStream {
  readonly streamId = 'ring';
  readonly tracked: number[] = [];
  readonly skipped: number[] = [];
  readonly order: number[] = [];
  closed = 0;
  throwsOn: (frameIndex: number) => boolean = () => false;
  hold: Promise<void> | null = null;

  async processFrame(frame: Frame): Promise<TrackFrame> {
    this.order.push(frame.index);
    await this.hold;
    if (this.throwsOn(frame.index)) throw new Error(`frame ${frame.index} is bad`);
    this.tracked.push(frame.index);
    const latencyMs = { decode: 0, queue: 0, track: 0, total: 0 };
    return { frame: frameInfoOf(frame), provenance: 'propagated', latencyMs, tracks: [], events: [] };
  }

  skipFrame(frame: Frame): void {
    this.order.push(frame.index);
    this.skipped.push(frame.index);
  }

  async prompt(): Promise<number> {
    return 0;
  }

  change(): void {}
  remove(): void {}
  reset(): void {}

  snapshot() {
    return { streamId: this.streamId, nextTrackId: 1, tracks: [] };
  }

  counters() {
    const reprompts = { interval: 0, scene_cut: 0, first_frame: 0 };
    return { segmentations: 0, lastSegmentation: null, prompts: 0, reprompts, rejectedCandidates: {} };
  }

  async close(): Promise<void> {
    this.closed++;
  }
}

function open(lossless: boolean, slots = 12) {
  const sizes = { maxPixelBytes: 1536, maxLumaBytes: 128, maxMotionVectors: 5 };
  const ring = FrameRing.create({ streamId: 'ring', slots, policy: 'overwrite-oldest', ...sizes });
  const stream = new NotingStream();
  const reported: number[] = [];
  const failed: number[] = [];
  const runner = new StreamRunner(ring, stream, lossless, {
    onFrame: ({ frame }) => reported.push(frame.index),
    onFrameFailed: (frameIndex) => failed.push(frameIndex),
  });
  let next = 0;
  const write = (count: number) => {
    for (let written = 0; written < count; written++) ring.tryBeginWrite()?.commit(describeTestFrame(next++));
  };
  return { ring, stream, runner, reported, failed, write };
}

/** A promise that a test resolves. */
function gate() {
  let release = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    release = resolve;
  });
  return { opened, release };
}

describe('StreamRunner', () => {
  it('tracks all frames in order and closes the stream when the ring ends', async () => {
    const { ring, runner, stream, reported, write } = open(false);
    write(3);
    ring.end();
    await runner.run();
    expect(reported).toEqual([0, 1, 2]);
    expect(stream.closed).toBe(1);
    expect(runner.untracked).toEqual({ stale: 0, streamClosed: 0, failed: 0 });
  });

  it('goes on with the newest frame when a live stream piles up, and tells of the others', async () => {
    const { ring, runner, stream, reported, write } = open(false);
    const first = gate();
    stream.hold = first.opened;
    write(1);
    const run = runner.run();
    await expect.poll(() => stream.order).toEqual([0]);
    write(9);
    ring.end();
    first.release();
    await run;
    expect(reported).toEqual([0, 9]);
    expect(stream.skipped).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(runner.untracked).toEqual({ stale: 8, streamClosed: 0, failed: 0 });
  });

  it('skips nothing of a recording, however far behind', async () => {
    const { ring, runner, reported, stream, write } = open(true);
    write(11);
    ring.end();
    await runner.run();
    expect(reported).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(stream.skipped).toEqual([]);
  });

  it('finishes the frame in hand when it is closed, and counts what is left', async () => {
    const { runner, stream, reported, write } = open(true);
    const first = gate();
    stream.hold = first.opened;
    write(5);
    const run = runner.run();
    await expect.poll(() => stream.order).toEqual([0]);
    runner.close();
    first.release();
    await run;
    expect(reported).toEqual([0]);
    expect(runner.untracked).toEqual({ stale: 0, streamClosed: 4, failed: 0 });
    expect(stream.closed).toBe(1);
  });

  it('counts a frame at which the tracker throws, and goes on', async () => {
    const { ring, runner, stream, reported, failed, write } = open(true);
    stream.throwsOn = (frameIndex) => frameIndex % 2 === 1;
    write(5);
    ring.end();
    await runner.run();
    expect(reported).toEqual([0, 2, 4]);
    expect(failed).toEqual([1, 3]);
    expect(runner.untracked).toEqual({ stale: 0, streamClosed: 0, failed: 2 });
  });

  it('gives every slot back', async () => {
    const { ring, runner, stream, write } = open(true, 4);
    stream.throwsOn = (frameIndex) => frameIndex === 1;
    write(3);
    ring.end();
    await runner.run();
    for (let slot = 0; slot < 4; slot++) expect(ring.tryBeginWrite()).not.toBeNull();
  });

  it('accounts for each frame that it read exactly once, whatever happens', async () => {
    const step = fc.oneof(
      fc.integer({ min: 1, max: 6 }).map((count) => ({ kind: 'write', count }) as const),
      fc.constant({ kind: 'breathe' } as const),
      fc.constant({ kind: 'close' } as const),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.boolean(),
        fc.array(step, { maxLength: 12 }),
        fc.nat(4),
        async (lossless, steps, bad) => {
          const { ring, runner, stream, reported, failed, write } = open(lossless, 8);
          stream.throwsOn = (frameIndex) => frameIndex % 5 === bad;
          const run = runner.run();
          for (const { kind, ...rest } of steps) {
            if (kind === 'write' && 'count' in rest) write(rest.count);
            else if (kind === 'close') runner.close();
            else await new Promise((resolve) => setImmediate(resolve));
          }
          ring.end();
          await run;
          const { stale, streamClosed } = runner.untracked;
          const { written, overwrittenUnread } = ring.counters();
          expect(reported.length + failed.length + stale + streamClosed).toBe(written - overwrittenUnread);
          expect(runner.untracked.failed).toBe(failed.length);
          expect(stream.skipped).toHaveLength(stale);
          expect(stream.order).toEqual([...stream.order].sort((a, b) => a - b));
          expect(stream.closed).toBe(1);
        },
      ),
      { numRuns: 60 },
    );
  });
});
