/** A run takes at most six groups of five bits: the largest picture needs 26 bits, a signed difference 27. */
export const maxGroupsPerRun = 6;

/** Collects a mask's runs in COCO's compressed form; its buffer is kept from mask to mask. */
export class RunWriter {
  #codes = new Uint8Array(4096);
  #length = 0;
  #runs = 0;
  #previous = 0;
  #beforePrevious = 0;
  #end = 0;
  #fillStart = 0;
  #fillEnd = 0;

  begin(): void {
    this.#length = 0;
    this.#runs = 0;
    this.#previous = 0;
    this.#beforePrevious = 0;
    this.#end = 0;
    this.#fillStart = 0;
    this.#fillEnd = 0;
  }

  /** Appends one run; from the fourth on, as its difference to the last run of the same value. */
  push(count: number): void {
    if (this.#length + maxGroupsPerRun > this.#codes.length) {
      const grown = new Uint8Array(this.#codes.length * 2);
      grown.set(this.#codes);
      this.#codes = grown;
    }
    let rest = this.#runs > 2 ? count - this.#beforePrevious : count;
    for (;;) {
      const group = rest & 0x1f;
      rest >>= 5;
      const more = group & 0x10 ? rest !== -1 : rest !== 0;
      this.#codes[this.#length++] = (more ? group | 0x20 : group) + 48;
      if (!more) break;
    }
    this.#runs += 1;
    this.#beforePrevious = this.#previous;
    this.#previous = count;
  }

  /** Marks pixels `start` to `end` (exclusive, column-major) as inside; calls come in ascending order. */
  fill(start: number, end: number): void {
    if (start !== this.#fillEnd) {
      this.#flushFill();
      this.#fillStart = start;
    }
    this.#fillEnd = end;
  }

  /** The runs of a mask given by `fill`, completed to `total` pixels. */
  finish(total: number): string {
    this.#flushFill();
    if (this.#end < total || this.#runs === 0) this.push(total - this.#end);
    return this.text();
  }

  #flushFill(): void {
    if (this.#fillEnd === this.#fillStart) return;
    this.push(this.#fillStart - this.#end);
    this.push(this.#fillEnd - this.#fillStart);
    this.#end = this.#fillEnd;
  }

  /** The runs pushed so far. */
  text(): string {
    return Buffer.from(this.#codes.buffer, 0, this.#length).toString('latin1');
  }
}
