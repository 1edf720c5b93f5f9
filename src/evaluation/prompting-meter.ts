import { monotonicMs } from '../clock.ts';
import type { PromptScene, PromptStrategy } from '../prompting/prompt-strategy.ts';
import type { SegmentationRequest, SegmentationResult, Segmenter } from '../tracker/segmentation.ts';
import type { TrackerInstruments } from '../tracker/tracker-factory.ts';
import type { VirtualClock } from '../tracker/virtual-clock.ts';
import type { SharedSegmenter } from './shared-segmenter.ts';

/** What automatic prompting cost on one sequence. Milliseconds are real time; all else repeats exactly. */
export interface PromptingCost {
  /** Points, and boxes of a detector, that the model tried. */
  readonly prompts: number;
  /** Per second of video. */
  readonly promptsPerSecond: number;
  /** Spent by the strategy and its detector, per frame. */
  readonly strategyMs: number;
  /** Spent by the model on the prompts, per frame; null where it does not say. */
  readonly decoderMs: number | null;
}

/**
 * Counts and times the automatic prompts of one tracker, one stream at a time, and keeps them within a budget: at
 * the end of second t no more than (t + 1) times as many points have been proposed as the budget allows per second.
 * What a strategy ranks lowest is left out. Points that were proposed and never tried cost nothing. A detector looks
 * only while something is left; how many boxes it finds cannot be known before.
 */
export class PromptingMeter implements TrackerInstruments {
  readonly #clock: VirtualClock;
  readonly #models: SharedSegmenter;
  readonly #promptsPerSecond: number;
  #begunAtMs = 0;
  #tried = 0;
  #strategyMs = 0;
  #decoderMs: number | null = 0;

  /** @param promptsPerSecond of the clock; `Infinity` for no limit */
  constructor(clock: VirtualClock, models: SharedSegmenter, promptsPerSecond: number) {
    this.#clock = clock;
    this.#models = models;
    this.#promptsPerSecond = promptsPerSecond;
  }

  /** Starts over, for the next sequence. */
  begin(): void {
    this.#begunAtMs = this.#clock.nowMs();
    this.#tried = 0;
    this.#strategyMs = 0;
    this.#decoderMs = 0;
  }

  /** Of the sequence so far. */
  measure(frames: number, framesPerSecond: number): PromptingCost {
    return {
      prompts: this.#tried,
      promptsPerSecond: (this.#tried * framesPerSecond) / frames,
      strategyMs: this.#strategyMs / frames,
      decoderMs: this.#decoderMs === null ? null : this.#decoderMs / frames,
    };
  }

  strategy(made: PromptStrategy): PromptStrategy {
    const measured: Pick<Required<PromptStrategy>, 'observe' | 'propose'> = {
      observe: (scene) => this.#timed(() => made.observe?.(scene)),
      propose: (scene, round) => this.#timed(() => this.#proposals(made, scene, round)),
    };
    // All else that a strategy says of itself is passed on. Accessors see the strategy, for their private fields.
    return new Proxy(made, {
      get: (target, member) => Reflect.get(member in measured ? measured : target, member),
    });
  }

  async segmenter(load: () => Promise<Segmenter>): Promise<Segmenter> {
    const models = await this.#models.open(load);
    return { ...models, segment: (request) => this.#segment(models, request) };
  }

  #proposals(made: PromptStrategy, scene: PromptScene, round: number): Float32Array {
    return made.propose(scene, round).slice(0, 2 * this.#affordable());
  }

  #affordable(): number {
    const seconds = (this.#clock.nowMs() - this.#begunAtMs) / 1000;
    return Math.max(0, Math.floor(this.#promptsPerSecond * (seconds + 1)) - this.#tried);
  }

  async #segment(models: Segmenter, request: SegmentationRequest): Promise<SegmentationResult> {
    const detect = request.detect === true && this.#affordable() > 0;
    const result = await models.segment({ ...request, detect });
    const { timing, detection } = result;
    const prompts = request.gridPoints.length / 2 + (detection?.tried ?? 0);
    this.#tried += prompts;
    this.#strategyMs += timing.detect ?? 0;
    if (this.#decoderMs !== null && prompts > 0) {
      this.#decoderMs = timing.candidates === undefined ? null : this.#decoderMs + timing.candidates;
    }
    return result;
  }

  #timed<Result>(work: () => Result): Result {
    const begunAt = monotonicMs();
    try {
      return work();
    } finally {
      this.#strategyMs += monotonicMs() - begunAt;
    }
  }
}
