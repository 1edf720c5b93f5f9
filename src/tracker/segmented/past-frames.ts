import { TrackcastError } from '../../errors.ts';
import type { PromptedFrame } from '../prompted-mask.ts';

/** Frames that are known by their time: more than motion is kept of. */
const maxFrames = 256;

/** How far after the newest frame a time may lie, nanoseconds: what is shown may be ahead of what is tracked. */
const maxAheadNs = 1_000_000_000n;

/** The newest frames of a stream by their capture clock, so that people may speak of what they saw. */
export class PastFrames<Known extends PromptedFrame> {
  readonly #streamId: string;
  /** Oldest first. */
  #frames: Known[] = [];

  constructor(streamId: string) {
    this.#streamId = streamId;
  }

  /** Null before the first. */
  get newest(): Known | null {
    return this.#frames.at(-1) ?? null;
  }

  add(frame: Known): void {
    const newest = this.newest;
    if (newest !== null && frame.index <= newest.index) this.#frames = [];
    this.#frames.push(frame);
    if (this.#frames.length > maxFrames) this.#frames.shift();
  }

  /**
   * The frame that was to be seen at a time: the one of that very time, or the newest that is not later.
   *
   * @param isReachable whether motion leads from that frame to the newest
   * @throws TrackcastError `TRACKCAST_FRAME_UNREACHABLE`
   */
  at(timestampNs: bigint, isReachable: (frameIndex: number) => boolean): Known {
    const newest = this.newest;
    // A capture clock may be set back, so the very time counts first, wherever it is.
    const frame =
      this.#frames.findLast((known) => known.timestampNs === timestampNs) ??
      this.#frames.findLast((known) => known.timestampNs <= timestampNs);
    if (newest === null || frame === undefined) throw this.#unreachable(timestampNs, 'is not known any more');
    if (frame === newest && timestampNs - newest.timestampNs > maxAheadNs) {
      throw this.#unreachable(timestampNs, 'is still to come');
    }
    const hasSameSize = frame.width === newest.width && frame.height === newest.height;
    if (!hasSameSize || !isReachable(frame.index)) {
      throw this.#unreachable(
        timestampNs,
        'does not lead to the present: too much time, a cut or a new size',
      );
    }
    return frame;
  }

  #unreachable(timestampNs: bigint, why: string): TrackcastError {
    return new TrackcastError(
      'TRACKCAST_FRAME_UNREACHABLE',
      `the frame of ${timestampNs} ns on stream ${this.#streamId} ${why}`,
      { streamId: this.#streamId },
    );
  }
}
