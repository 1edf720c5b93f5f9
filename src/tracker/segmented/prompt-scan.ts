import { MovingThings } from '../../prompting/moving-things.ts';
import type { PromptScene, PromptStrategy } from '../../prompting/prompt-strategy.ts';
import { type RepromptReason, RepromptTiming } from '../../prompting/reprompt-timing.ts';
import type { BegunRound } from '../track.ts';

/** Points tried per segmentation beside live tracks: few, because they delay them. */
const pointsPerRun: Readonly<Record<RepromptReason, number>> = {
  first_frame: 10,
  scene_cut: 10,
  interval: 4,
  motion: 4,
  track_lost: 4,
};
/** Points tried per segmentation while there is no live track to delay. */
const pointsWhileEmpty = 24;
/** Points per segmentation at most, however quick the model is. */
const maxPointsPerRun = 64;
/** How fast the known cost of a point follows what the last segmentation took. */
const costPace = 0.3;

/** How far prompting may delay tracking. */
export interface PromptBudget {
  /** Milliseconds of a segmentation that points for new objects may take beside live tracks; null for fixed counts. */
  readonly msPerRun: number | null;
}

/**
 * Rounds of automatic prompting. A round's points are spread over several segmentations, so that looking for new
 * objects never holds up the known ones; points that have been covered meanwhile are passed over. Where the strategy
 * uses a detector, a round begins with a segmentation that has its boxes and no points.
 */
export class PromptScan {
  readonly #strategy: PromptStrategy;
  #pending: number[] = [];
  #wantsDetection = false;
  #reason: RepromptReason = 'first_frame';
  readonly #rounds: Record<RepromptReason, number> = {
    first_frame: 0,
    interval: 0,
    scene_cut: 0,
    motion: 0,
    track_lost: 0,
  };
  readonly #timing: RepromptTiming;
  readonly #movingThings: MovingThings | null;
  readonly #budget: PromptBudget;
  #msPerPoint: number | null = null;
  #begun: BegunRound | null = null;
  #prompts = 0;
  #round = 0;

  constructor(strategy: PromptStrategy, intervalFrames: number, budget: PromptBudget = { msPerRun: null }) {
    this.#strategy = strategy;
    this.#timing = new RepromptTiming(intervalFrames);
    this.#budget = budget;
    const finds = strategy.name !== 'none';
    this.#movingThings = finds ? (strategy.movingThings ?? new MovingThings()) : null;
  }

  get rounds(): Readonly<Record<RepromptReason, number>> {
    return { ...this.#rounds };
  }

  get prompts(): number {
    return this.#prompts;
  }

  /**
   * Shows the strategy a frame, which is none that was shown before, and begins a round if one is due on it.
   *
   * @param lostTracks tracks that were hidden or lost since the frame before
   */
  update(frameIndex: number, isSceneCut: boolean, scene: PromptScene, lostTracks = 0): void {
    this.#strategy.observe?.(scene);
    if (this.#strategy.movingThings === undefined) this.#movingThings?.observe(scene);
    const places = () => this.#movingThings?.places(scene) ?? new Float32Array(0);
    const hasUncoveredMotion = () => places().length > 0;
    const signals = { frameIndex, isSceneCut, lostTracks, hasUncoveredMotion };
    const reason = this.#timing.reasonFor(signals, this.isPending);
    if (reason === null) return;
    // Something that moves is prompted where it moves; the whole picture has its turn at the interval.
    const followsMotion = reason === 'motion' && this.#strategy.name !== 'detector';
    const points = followsMotion ? places() : this.#strategy.propose(scene, this.#round++);
    this.#pending = [...points];
    this.#reason = reason;
    this.#wantsDetection = this.#strategy.usesDetector === true;
    const isInVain = !this.isPending;
    this.#timing.roundBegan(frameIndex, reason, isInVain);
    if (isInVain) return;
    this.#rounds[reason]++;
    this.#begun = { reason, points: points.length / 2 };
  }

  /** The round that has begun since the last call, if any. */
  takeBegun(): BegunRound | null {
    const begun = this.#begun;
    this.#begun = null;
    return begun;
  }

  /** Takes note that prompting has found something. */
  paidOff(): void {
    this.#timing.paidOff();
  }

  /** Takes note of how long the points of a segmentation took. */
  learnCost(points: number, ms: number): void {
    if (points === 0) return;
    const cost = ms / points;
    this.#msPerPoint =
      this.#msPerPoint === null ? cost : this.#msPerPoint + costPace * (cost - this.#msPerPoint);
  }

  /** Whether the detector waits to be asked, or points to be tried. */
  get isPending(): boolean {
    return this.#wantsDetection || this.#pending.length > 0;
  }

  /** Whether this segmentation has the detector's boxes, and so no points; true once a round. */
  takeDetection(): boolean {
    const wantsDetection = this.#wantsDetection;
    this.#wantsDetection = false;
    return wantsDetection;
  }

  /** Takes note of boxes that were tried. */
  countBoxes(count: number): void {
    this.#prompts += count;
  }

  /**
   * Takes the next points that are still uncovered.
   *
   * @param hasLiveTracks whether the search would delay anything
   */
  take(scene: PromptScene, hasLiveTracks: boolean): Float32Array {
    const limit = this.#limit(hasLiveTracks);
    const points: number[] = [];
    while (this.#pending.length > 0 && points.length < 2 * limit) {
      const [x, y] = this.#pending.splice(0, 2) as [number, number];
      if (!scene.isCovered(x, y)) points.push(x, y);
    }
    this.#prompts += points.length / 2;
    return Float32Array.from(points);
  }

  /** Starts over, as after a reset. */
  reset(): void {
    this.#pending = [];
    this.#wantsDetection = false;
    this.#timing.reset();
  }

  /** Points of the next segmentation at most: as many as its budget allows, where points have been timed. */
  #limit(hasLiveTracks: boolean): number {
    const usual = hasLiveTracks ? pointsPerRun[this.#reason] : pointsWhileEmpty;
    const { msPerRun } = this.#budget;
    if (msPerRun === null || this.#msPerPoint === null) return usual;
    const share = usual / pointsPerRun.interval;
    const affordable = Math.floor((share * msPerRun) / Math.max(this.#msPerPoint, 1e-3));
    return Math.max(1, Math.min(maxPointsPerRun, affordable));
  }
}
