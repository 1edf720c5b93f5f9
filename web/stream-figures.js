const windowMs = 5_000;

/** Figures of one stream over the last seconds. */
export class StreamFigures {
  #samples = [];
  #lastIndex = -1;
  /** Frames that never came, since the page was opened. */
  skipped = 0;

  /** @param {number} nowMs monotonic */
  add(message, nowMs) {
    const { index } = message.frame;
    if (this.#lastIndex >= 0 && index > this.#lastIndex) this.skipped += index - this.#lastIndex - 1;
    if (index <= this.#lastIndex) this.#samples = [];
    this.#lastIndex = index;
    this.#samples.push({
      atMs: nowMs,
      index,
      captureMs: Number(BigInt(message.frame.timestampNs) / 1_000_000n),
      totalMs: message.latencyMs.total,
      segmented: message.provenance === 'segmented',
    });
  }

  /** Messages that were lost on the way to this page were not skipped by the service. */
  excuse(count) {
    this.skipped = Math.max(0, this.skipped - count);
  }

  /** @returns figures, with null for what is not known yet */
  summary(nowMs) {
    const first = this.#samples.findIndex(({ atMs }) => nowMs - atMs <= windowMs);
    this.#samples = first < 0 ? [] : this.#samples.slice(first);
    const count = this.#samples.length;
    if (count < 2) return { rate: null, segmented: null, median: null, high: null, cameraRate: null };
    const [oldest, newest] = [this.#samples[0], this.#samples[count - 1]];
    const latencies = this.#samples.map(({ totalMs }) => totalMs).sort((a, b) => a - b);
    const at = (share) => latencies[Math.min(count - 1, Math.floor(share * count))];
    const captureMs = newest.captureMs - oldest.captureMs;
    return {
      rate: ((count - 1) * 1000) / Math.max(1, newest.atMs - oldest.atMs),
      segmented: this.#samples.filter(({ segmented }) => segmented).length / count,
      median: at(0.5),
      high: at(0.95),
      cameraRate: captureMs > 0 ? ((newest.index - oldest.index) * 1000) / captureMs : null,
    };
  }
}
