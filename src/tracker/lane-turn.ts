import { setTimeout as delay } from 'node:timers/promises';
import { monotonicMs } from '../clock.ts';
import type { SegmentationLane } from './segmentation.ts';

/** How long a frame waits for the lane to load its models or to serve other streams, milliseconds. */
const patienceMs = 2000;
const askAgainMs = 4;

/**
 * Waits for a stream's turn on a lane. A lane that let one frame wait in vain, because its models are broken or
 * many streams share it, is only asked once per frame until it takes one again: a stream never stands still.
 */
export class LaneTurn {
  readonly #lane: SegmentationLane;
  readonly #streamId: string;
  readonly #waits: boolean;
  #isPatient: boolean;

  /** @param waits false to ask only once per frame, as on a virtual clock, where waiting takes no time */
  constructor(lane: SegmentationLane, streamId: string, waits: boolean) {
    this.#lane = lane;
    this.#streamId = streamId;
    this.#waits = waits;
    this.#isPatient = waits;
  }

  /**
   * Resolves with whether the lane takes a request of the stream now.
   *
   * @param isUrgent whether a person waits for it
   */
  async come(isUrgent = false): Promise<boolean> {
    const begun = monotonicMs();
    while (!this.#lane.canStart(this.#streamId, isUrgent)) {
      if (!this.#isPatient) return false;
      if (monotonicMs() - begun >= patienceMs) {
        this.#isPatient = false;
        return false;
      }
      await delay(askAgainMs);
    }
    this.#isPatient = this.#waits;
    return true;
  }
}
