import type { Frame, FrameLease } from '../buffer/frame.ts';
import { monotonicMs } from '../clock.ts';
import type { Prompt } from '../prompting/prompt.ts';
import type { TrackFrame } from '../tracker/track.ts';
import type { TrackerCounters, VideoTracker } from '../tracker/video-tracker.ts';
import type { VirtualClock } from '../tracker/virtual-clock.ts';

/** What a tracker is put through. */
export interface HarnessOptions {
  readonly tracker: VideoTracker;
  readonly streamId: string;
  /** Every frame of the stream, in order. Each is released once it has been tracked. */
  readonly frames: AsyncIterable<FrameLease>;
  /** Prompts by the index of the frame that they are about. */
  readonly prompts: ReadonlyMap<number, readonly Prompt[]>;
  readonly framesPerSecond: number;
  /** The tracker's clock in virtual time; null when it waits for its own results or keeps real time. */
  readonly clock: VirtualClock | null;
  /** Called with each frame while it is in hand. */
  readonly onFrame?: (tracked: TrackFrame, frame: Frame) => void;
}

/** What came out. */
export interface HarnessRun {
  /** One for each frame, in order. */
  readonly tracked: readonly TrackFrame[];
  readonly counters: TrackerCounters;
  /** Real milliseconds that each call of `processFrame` took. */
  readonly trackMs: readonly number[];
}

/**
 * Tracks one stream in virtual time: frame i arrives `i / framesPerSecond` seconds after the first, and the clock
 * says so before the tracker sees it. No frame is skipped, so tracking one frame is taken to fit into a frame
 * interval; what takes longer is the tracker's asynchronous segmentation, which the clock times.
 */
export async function runHarness(options: HarnessOptions): Promise<HarnessRun> {
  const { tracker, streamId, frames, prompts, framesPerSecond, clock, onFrame } = options;
  const startMs = clock?.nowMs() ?? 0;
  const stream = tracker.openStream({ streamId });
  const tracked: TrackFrame[] = [];
  const trackMs: number[] = [];
  try {
    for await (const lease of frames) {
      using frame = lease;
      clock?.advanceTo(startMs + (frame.index * 1000) / framesPerSecond);
      const begunAt = monotonicMs();
      const result = await stream.processFrame(frame, prompts.get(frame.index) ?? []);
      trackMs.push(monotonicMs() - begunAt);
      tracked.push(result);
      onFrame?.(result, frame);
    }
    return { tracked, counters: stream.counters(), trackMs };
  } finally {
    await stream.close();
  }
}
