/**
 * Time that passes only when it is told to, for measuring what a live tracker would deliver on a machine of any
 * speed: work that takes 500 ms occupies 500 ms of this clock, however long it really took.
 */
export class VirtualClock {
  #nowMs: number;

  constructor(startMs = 0) {
    this.#nowMs = startMs;
  }

  /** Milliseconds, on no clock but this one. */
  nowMs(): number {
    return this.#nowMs;
  }

  /** Moves time forward. Throws `RangeError` for a moment in the past. */
  advanceTo(ms: number): void {
    if (!(ms >= this.#nowMs)) throw new RangeError(`time cannot go from ${this.#nowMs} ms to ${ms} ms`);
    this.#nowMs = ms;
  }
}
