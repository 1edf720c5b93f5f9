import type { MaskLogits } from '../../mask/mask-logits.ts';
import type { Appearance } from '../appearance.ts';
import type { CellGrid } from '../propagation/motion-field.ts';
import type { MotionHistory } from '../propagation/motion-history.ts';
import { PropagatedMask } from '../propagation/propagated-mask.ts';

/** A mask about an older frame that waits to be carried to the present. */
export interface Arrival {
  readonly objectId: number;
  readonly mask: PropagatedMask;
  readonly score: number;
  readonly appearance: Appearance | null;
  readonly isNew: boolean;
  /** The frame that `mask` is about now. */
  atFrame: number;
}

/** Cells through which masks are carried per frame, all objects together: bounds the time that a landing takes. */
const cellsPerFrame = 30_000;

/**
 * Brings late results up to date: a mask about an older frame is carried through the motion since, so that it
 * lands without lag. The work is spread over frames; until its turn an object keeps the mask that it had.
 */
export class LandingQueue {
  readonly #history: MotionHistory;
  #waiting: Arrival[] = [];

  constructor(history: MotionHistory) {
    this.#history = history;
  }

  add(
    arrival: Omit<Arrival, 'mask' | 'atFrame'> & { readonly logits: MaskLogits; readonly frameIndex: number },
    grid: CellGrid,
  ): void {
    const { logits, frameIndex, ...rest } = arrival;
    this.drop(arrival.objectId);
    this.#waiting.push({ ...rest, mask: new PropagatedMask(logits, grid), atFrame: frameIndex });
  }

  /** Pictures that what waits is about now, from which motion must not be forgotten. */
  get frames(): number[] {
    return this.#waiting.map(({ atFrame }) => atFrame);
  }

  /** Forgets what waits for one object. */
  drop(objectId: number): void {
    this.#waiting = this.#waiting.filter((arrival) => arrival.objectId !== objectId);
  }

  clear(): void {
    this.#waiting = [];
  }

  /**
   * Carries what waits towards the present picture; masks that reach it are handed out. Masks from before a break in
   * the motion are dropped.
   *
   * @param limitSteps false to carry everything at once
   */
  land(limitSteps: boolean, onLanded: (arrival: Arrival) => void): void {
    let budget = limitSteps ? cellsPerFrame : Number.POSITIVE_INFINITY;
    const stillWaiting: Arrival[] = [];
    for (const arrival of this.#waiting) {
      const fields = this.#history.since(arrival.atFrame);
      if (fields === null) continue;
      let steps = 0;
      for (const field of fields) {
        if (budget <= 0) break;
        budget -= arrival.mask.step(field);
        steps++;
      }
      if (steps === fields.length) {
        onLanded(arrival);
      } else {
        arrival.atFrame = this.#history.frameAfter(arrival.atFrame, steps);
        stillWaiting.push(arrival);
      }
    }
    this.#waiting = stillWaiting;
  }
}
