/** How the access units of a file become chunks. */
export type FileChunking =
  | { readonly kind: 'access-unit' }
  /** Pieces of `min` to `max` bytes without regard to access units; the same seed gives the same pieces. */
  | { readonly kind: 'bytes'; readonly min: number; readonly max: number; readonly seed: number };

/** Bytes of a stream with the time of the first of them, nanoseconds. */
export interface TimedBytes {
  readonly data: Uint8Array;
  readonly timestampNs: bigint;
}

/** Cuts a byte stream anew. `push` and `flush` together give back exactly the bytes that went in. */
export interface Chunker {
  push(unit: TimedBytes): TimedBytes[];
  /** What is left at the end of the stream. */
  flush(): TimedBytes[];
}

/** @throws RangeError when `min` and `max` are not integers with 1 <= min <= max */
export function createChunker(chunking: FileChunking): Chunker {
  if (chunking.kind === 'access-unit') {
    return { push: (unit) => [unit], flush: () => [] };
  }
  const { min, max, seed } = chunking;
  if (!Number.isInteger(min) || !Number.isInteger(max) || min < 1 || max < min) {
    throw new RangeError(`pieces of ${min} to ${max} bytes cannot be cut`);
  }
  return new ByteChunker(min, max, seed);
}

class ByteChunker implements Chunker {
  readonly #min: number;
  readonly #max: number;
  readonly #random: () => number;
  #piece: Uint8Array;
  #filled = 0;
  #timestampNs = 0n;

  constructor(min: number, max: number, seed: number) {
    this.#min = min;
    this.#max = max;
    this.#random = seededRandom(seed);
    this.#piece = this.#nextPiece();
  }

  push(unit: TimedBytes): TimedBytes[] {
    const pieces: TimedBytes[] = [];
    for (let offset = 0; offset < unit.data.length; ) {
      if (this.#filled === 0) {
        this.#timestampNs = unit.timestampNs;
      }
      const part = unit.data.subarray(offset, offset + this.#piece.length - this.#filled);
      this.#piece.set(part, this.#filled);
      this.#filled += part.length;
      offset += part.length;
      if (this.#filled === this.#piece.length) {
        pieces.push({ data: this.#piece, timestampNs: this.#timestampNs });
        this.#piece = this.#nextPiece();
        this.#filled = 0;
      }
    }
    return pieces;
  }

  flush(): TimedBytes[] {
    if (this.#filled === 0) {
      return [];
    }
    const rest = { data: this.#piece.subarray(0, this.#filled), timestampNs: this.#timestampNs };
    this.#piece = this.#nextPiece();
    this.#filled = 0;
    return [rest];
  }

  #nextPiece(): Uint8Array {
    return new Uint8Array(this.#min + Math.floor(this.#random() * (this.#max - this.#min + 1)));
  }
}

/** A 32-bit xorshift generator (Marsaglia, 2003): enough to vary sizes, and the same everywhere. In [0, 1). */
function seededRandom(seed: number): () => number {
  // The generator stays at zero once it is there.
  let state = seed >>> 0 || 0x9e3779b9;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
