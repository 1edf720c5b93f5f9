import { setImmediate as turn } from 'node:timers/promises';
import type { FrameRing } from '../buffer/frame-ring.ts';
import type { TrackFrame } from './track.ts';
import type { UntrackedCounters } from './tracking-messages.ts';
import type { TrackedStream } from './video-tracker.ts';

/** What a runner reports of its stream. */
export interface StreamRunnerEvents {
  onFrame(trackFrame: TrackFrame): void;
  onFrameFailed(frameIndex: number, error: unknown): void;
}

/** Frames that may wait before a live stream skips to the newest: a hiccup is caught up, a backlog is not. */
const maxBacklogFrames = 3;

/**
 * Takes one stream's frames from its ring to its tracker, in order. Live streams stay fresh: when frames pile up,
 * the tracker is told of the older ones' motion only and goes on with the newest.
 */
export class StreamRunner {
  readonly #ring: FrameRing;
  readonly #stream: TrackedStream;
  readonly #lossless: boolean;
  readonly #events: StreamRunnerEvents;
  readonly #untracked = { stale: 0, streamClosed: 0, failed: 0 };

  constructor(ring: FrameRing, stream: TrackedStream, lossless: boolean, events: StreamRunnerEvents) {
    this.#ring = ring;
    this.#stream = stream;
    this.#lossless = lossless;
    this.#events = events;
  }

  get stream(): TrackedStream {
    return this.#stream;
  }

  get untracked(): UntrackedCounters {
    return { ...this.#untracked };
  }

  /** Resolves when the ring has ended and its last frame is tracked, or after `close`. */
  async run(): Promise<void> {
    while ((await this.#ring.waitForFrame()) === 'frame') {
      if (!this.#lossless && this.#ring.unread() > maxBacklogFrames) this.#skipToNewest();
      await this.#trackNext();
      // While frames pile up nothing here waits: without a turn of their own, requests would not be heard.
      await turn();
    }
    this.#countLeftOver();
    await this.#stream.close();
  }

  /** Ends `run` after the frame in hand; frames that wait are counted as dropped. */
  close(): void {
    this.#ring.close();
  }

  #skipToNewest(): void {
    while (this.#ring.unread() > 1) {
      using frame = this.#ring.leaseNext();
      if (frame === null) return;
      try {
        this.#stream.skipFrame(frame);
        this.#untracked.stale++;
      } catch (error) {
        this.#untracked.failed++;
        this.#events.onFrameFailed(frame.index, error);
      }
    }
  }

  async #trackNext(): Promise<void> {
    using frame = this.#ring.leaseNext();
    if (frame === null) return;
    try {
      this.#events.onFrame(await this.#stream.processFrame(frame));
    } catch (error) {
      this.#untracked.failed++;
      this.#events.onFrameFailed(frame.index, error);
    }
  }

  #countLeftOver(): void {
    for (;;) {
      using frame = this.#ring.leaseNext();
      if (frame === null) return;
      this.#untracked.streamClosed++;
    }
  }
}
