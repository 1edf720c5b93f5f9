const startCode = Buffer.from([0, 0, 1]);
const initialCapacity = 64 * 1024;

/** The part of a byte stream that is still needed: grows at its end, shrinks at its beginning. */
export class GrowingBytes {
  #storage = Buffer.alloc(initialCapacity);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  append(data: Uint8Array): void {
    const needed = this.#length + data.length;
    if (needed > this.#storage.length) {
      const larger = Buffer.alloc(Math.max(needed, this.#storage.length * 2));
      larger.set(this.#storage.subarray(0, this.#length));
      this.#storage = larger;
    }
    this.#storage.set(data, this.#length);
    this.#length = needed;
  }

  /** The byte at `position`; 0 outside. */
  at(position: number): number {
    return position < this.#length ? (this.#storage[position] ?? 0) : 0;
  }

  /** A view, valid until the next change. */
  view(start: number, end: number): Uint8Array {
    return this.#storage.subarray(start, Math.min(end, this.#length));
  }

  /** Position of the next start code (00 00 01) from `start` on; -1 when there is none. */
  nextStartCode(start: number): number {
    return this.#storage.subarray(0, this.#length).indexOf(startCode, start);
  }

  /** Forgets the first `count` bytes. Storage that one large picture needed is given back once it is gone. */
  discard(count: number): void {
    if (count === 0) {
      return;
    }
    const rest = this.#length - count;
    if (this.#storage.length > 16 * initialCapacity && rest <= initialCapacity) {
      const smaller = Buffer.alloc(initialCapacity);
      smaller.set(this.#storage.subarray(count, this.#length));
      this.#storage = smaller;
    } else {
      this.#storage.copyWithin(0, count, this.#length);
    }
    this.#length = rest;
  }
}

/** Length of the start code that `data` begins with: 3, 4, or 0 when it begins with none. */
export function leadingStartCode(data: Uint8Array): 0 | 3 | 4 {
  if (data[0] !== 0 || data[1] !== 0) {
    return 0;
  }
  if (data[2] === 1) {
    return 3;
  }
  return data[2] === 0 && data[3] === 1 ? 4 : 0;
}
