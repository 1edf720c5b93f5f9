import type {
  SegmentationLane,
  SegmentationOutcome,
  SegmentationRequest,
  Segmenter,
} from './segmentation.ts';
import type { VirtualClock } from './virtual-clock.ts';

/** What prompts on a picture that is encoded already take of a whole look's time. */
const keptShare = 0.1;

/** How long a segmentation lasts for the tracker. */
export type LaneTiming =
  /** No time: the result is there at once. */
  | { readonly kind: 'immediate' }
  /** That long on the virtual clock; `measured` takes as long as it really took. */
  | { readonly kind: 'virtual'; readonly clock: VirtualClock; readonly durationMs: number | 'measured' };

interface UnderWay {
  readonly outcome: SegmentationOutcome;
  readonly readyAtMs: number;
}

/**
 * Runs segmentations in the calling thread, and hands results out when they would have been ready: recordings get
 * every result at once, evaluation gets the delays of a live run, the same on every machine. One device: streams
 * take turns.
 */
export class TimedLane implements SegmentationLane {
  readonly #segmenter: Segmenter;
  readonly #timing: LaneTiming;
  readonly #underWay = new Map<string, UnderWay>();
  #freeAtMs = 0;

  constructor(segmenter: Segmenter, timing: LaneTiming) {
    this.#segmenter = segmenter;
    this.#timing = timing;
  }

  canStart(streamId: string): boolean {
    return !this.#underWay.has(streamId) && this.#now() >= this.#freeAtMs;
  }

  async start(request: SegmentationRequest): Promise<void> {
    const outcome = await this.#run(request);
    let lasts = 0;
    if (this.#timing.kind === 'virtual') {
      const measured = outcome.kind === 'result' ? outcome.result.timing.total : 0;
      const share = request.pixels === null ? keptShare : 1;
      lasts = this.#timing.durationMs === 'measured' ? measured : share * this.#timing.durationMs;
    }
    this.#freeAtMs = this.#now() + lasts;
    this.#underWay.set(request.streamId, { outcome, readyAtMs: this.#freeAtMs });
  }

  take(streamId: string): SegmentationOutcome | null {
    const underWay = this.#underWay.get(streamId);
    if (underWay === undefined || underWay.readyAtMs > this.#now()) return null;
    this.#underWay.delete(streamId);
    return underWay.outcome;
  }

  async finished(): Promise<void> {
    // Immediate results are there before `start` resolves; on the virtual clock nothing can be waited for.
  }

  closeStream(streamId: string): void {
    this.#underWay.delete(streamId);
    this.#segmenter.closeStream(streamId);
  }

  async dispose(): Promise<void> {
    await this.#segmenter.dispose();
  }

  #now(): number {
    return this.#timing.kind === 'virtual' ? this.#timing.clock.nowMs() : 0;
  }

  async #run(request: SegmentationRequest): Promise<SegmentationOutcome> {
    try {
      return { kind: 'result', result: await this.#segmenter.segment(request) };
    } catch (cause) {
      const error = cause instanceof Error ? cause : new Error(String(cause));
      const { streamId, frameIndex } = request;
      return { kind: 'failure', failure: { streamId, frameIndex, error } };
    }
  }
}
