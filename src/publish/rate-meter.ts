const buckets = 5;

/** Events per second over the last five full seconds, or over as many as there were. */
export class RateMeter {
  readonly #counts = new Uint32Array(buckets + 1);
  #firstSecond: number | undefined;
  #second = 0;

  /** @param nowMs of a clock that never goes back */
  count(nowMs: number): void {
    this.#advance(nowMs);
    const at = this.#second % this.#counts.length;
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
  }

  perSecond(nowMs: number): number {
    if (this.#firstSecond === undefined) return 0;
    this.#advance(nowMs);
    const full = Math.min(buckets, this.#second - this.#firstSecond);
    if (full === 0) return 0;
    let total = 0;
    for (let back = 1; back <= full; back++) {
      total += this.#counts[(this.#second - back) % this.#counts.length] ?? 0;
    }
    return total / full;
  }

  #advance(nowMs: number): void {
    const second = Math.floor(nowMs / 1000);
    if (this.#firstSecond === undefined) {
      this.#firstSecond = second;
      this.#second = second;
    }
    if (second - this.#second > buckets) this.#counts.fill(0);
    for (; this.#second < second && second - this.#second <= buckets; this.#second++) {
      this.#counts[(this.#second + 1) % this.#counts.length] = 0;
    }
    this.#second = second;
  }
}
