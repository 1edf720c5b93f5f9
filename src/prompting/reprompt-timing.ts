/** Why a round of automatic prompting began. */
export const repromptReasons = ['first_frame', 'interval', 'scene_cut', 'motion', 'track_lost'] as const;

export type RepromptReason = (typeof repromptReasons)[number];

/** What speaks for a round on a frame. */
export interface RoundSignals {
  readonly frameIndex: number;
  readonly isSceneCut: boolean;
  /** Tracks that were hidden or lost since the frame before. */
  readonly lostTracks: number;
  /** Whether something that no track covers has been moving for a while. Asked now and then only. */
  readonly hasUncoveredMotion: () => boolean;
}

/** A strategy that had nothing to try is asked again soon: what it looks for may have come meanwhile. */
const framesAfterNothing = 6;
/** Frames between two questions about motion: a third of a second of most streams is soon enough. */
const framesBetweenMotionChecks = 6;
/** Rounds out of turn come at most this many times as often as others. */
const eagerness = 3;

/**
 * Decides when a round of automatic prompting begins: at the first frame, at scene cuts and at a steady interval, and
 * out of turn where something uncovered keeps moving or a track was lost. Rounds out of turn keep a distance that
 * doubles with each one that found nothing, up to the interval, so that a shadow that moves for ever does not take
 * the time of the tracks.
 */
export class RepromptTiming {
  readonly #intervalFrames: number;
  readonly #minGap: number;
  #gap: number;
  #lastRoundFrame: number | null = null;
  /** Of rounds in their turn: those out of turn put none off. */
  #lastInTurnFrame = 0;
  #framesToNext: number;
  #hasLostTracks = false;
  #motionAskedAt = Number.NEGATIVE_INFINITY;

  /** @param intervalFrames between two rounds when nothing happens */
  constructor(intervalFrames: number) {
    this.#intervalFrames = intervalFrames;
    this.#framesToNext = intervalFrames;
    this.#minGap = Math.max(1, Math.ceil(intervalFrames / eagerness));
    this.#gap = this.#minGap;
  }

  /** @param isPending whether a round is still under way; only a scene cut interrupts it */
  reasonFor(signals: RoundSignals, isPending: boolean): RepromptReason | null {
    const { frameIndex, isSceneCut, lostTracks } = signals;
    if (lostTracks > 0) this.#hasLostTracks = true;
    if (this.#lastRoundFrame === null) return 'first_frame';
    if (isSceneCut) return 'scene_cut';
    if (isPending) return null;
    const elapsed = frameIndex - this.#lastRoundFrame;
    if (frameIndex - this.#lastInTurnFrame >= this.#framesToNext) return 'interval';
    if (elapsed < this.#gap) return null;
    if (this.#hasLostTracks) return 'track_lost';
    return this.#seesMotion(signals) ? 'motion' : null;
  }

  /**
   * Takes note that a round has begun.
   *
   * @param isInVain whether there was nothing to try
   */
  roundBegan(frameIndex: number, reason: RepromptReason, isInVain: boolean): void {
    this.#lastRoundFrame = frameIndex;
    this.#hasLostTracks = false;
    if (reason === 'motion' || reason === 'track_lost') {
      this.#gap = Math.min(this.#intervalFrames, 2 * this.#gap);
      return;
    }
    this.#lastInTurnFrame = frameIndex;
    this.#framesToNext = isInVain ? Math.min(framesAfterNothing, this.#intervalFrames) : this.#intervalFrames;
  }

  /** Takes note that prompting has found something. */
  paidOff(): void {
    this.#gap = this.#minGap;
  }

  /** Starts over, as after a reset. */
  reset(): void {
    this.#lastRoundFrame = null;
    this.#hasLostTracks = false;
    this.#gap = this.#minGap;
    this.#framesToNext = this.#intervalFrames;
  }

  #seesMotion({ frameIndex, hasUncoveredMotion }: RoundSignals): boolean {
    if (frameIndex - this.#motionAskedAt < framesBetweenMotionChecks) return false;
    this.#motionAskedAt = frameIndex;
    return hasUncoveredMotion();
  }
}
