import type { PromptScene, PromptStrategy } from '../../prompting/prompt-strategy.ts';

/** Why a round of automatic prompting began. */
export type RepromptReason = 'interval' | 'scene_cut' | 'first_frame';

/** Points tried per segmentation beside live tracks: few, because they delay them. */
const pointsPerRun: Readonly<Record<RepromptReason, number>> = {
  first_frame: 10,
  scene_cut: 10,
  interval: 4,
};
/** Points tried per segmentation while there is no live track to delay. */
const pointsWhileEmpty = 24;
/** A strategy that had nothing to try is asked again soon: what it looks for may have come meanwhile. */
const framesAfterNothing = 6;

/**
 * Rounds of automatic prompting. A round's points are spread over several segmentations, so that looking for new
 * objects never holds up the known ones; points that have been covered meanwhile are passed over. Where the strategy
 * uses a detector, a round begins with a segmentation that has its boxes and no points.
 */
export class PromptScan {
  readonly #strategy: PromptStrategy;
  readonly #intervalFrames: number;
  #pending: number[] = [];
  #wantsDetection = false;
  #reason: RepromptReason = 'first_frame';
  #lastRoundFrame: number | null = null;
  readonly #rounds: Record<RepromptReason, number> = { interval: 0, scene_cut: 0, first_frame: 0 };
  #prompts = 0;
  #round = 0;
  #framesToNext: number;

  constructor(strategy: PromptStrategy, intervalFrames: number) {
    this.#strategy = strategy;
    this.#intervalFrames = intervalFrames;
    this.#framesToNext = intervalFrames;
  }

  get rounds(): Readonly<Record<RepromptReason, number>> {
    return { ...this.#rounds };
  }

  get prompts(): number {
    return this.#prompts;
  }

  /** Shows the strategy a frame, which is none that was shown before, and begins a round if one is due on it. */
  update(frameIndex: number, isSceneCut: boolean, scene: PromptScene): void {
    this.#strategy.observe?.(scene);
    const reason =
      this.#lastRoundFrame === null
        ? 'first_frame'
        : isSceneCut
          ? 'scene_cut'
          : frameIndex - this.#lastRoundFrame >= this.#framesToNext && !this.isPending
            ? 'interval'
            : null;
    if (reason === null) return;
    this.#lastRoundFrame = frameIndex;
    this.#pending = [...this.#strategy.propose(scene, this.#round++)];
    this.#reason = reason;
    this.#wantsDetection = this.#strategy.usesDetector === true;
    const isInVain = !this.isPending;
    this.#framesToNext = isInVain ? Math.min(framesAfterNothing, this.#intervalFrames) : this.#intervalFrames;
    if (!isInVain) this.#rounds[reason]++;
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
    const limit = hasLiveTracks ? pointsPerRun[this.#reason] : pointsWhileEmpty;
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
    this.#lastRoundFrame = null;
  }
}
