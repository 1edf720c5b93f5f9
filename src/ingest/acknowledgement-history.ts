import type { Chunk } from './chunk.ts';

/** How a chunk relates to those that came before it. */
export type Novelty = 'new' | 'known' | 'late';

/**
 * Remembers which chunks of one stream have been seen, in bounded memory, and decides for the next one.
 *
 * The numbering may begin anew (a camera that reboots). A chunk whose number is not above all others is
 * 1. `known`, when the same number came with the same timestamp;
 * 2. `new`, the first of a new run, when its timestamp is above all others: redelivered and late chunks are older;
 * 3. `new`, the first of a new run, when its number is remembered with another timestamp, or is below all numbers
 *    remembered: a reboot of a camera whose clock starts at zero too;
 * 4. `late` otherwise: it fills a gap that the decoder has passed.
 */
export class ChunkHistory {
  readonly #capacity: number;
  /** Keys of this run and those before it, oldest first. */
  readonly #keys = new Set<string>();
  /** Numbers of this run, oldest first. */
  readonly #sequences = new Set<number>();
  #highestSequence = -1;
  #newestNs = -1n;
  #hasEnded = false;
  #restarts = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get restarts(): number {
    return this.#restarts;
  }

  /** Decides for a chunk and remembers it. `key` stands for its sequence and timestamp. */
  place(chunk: Chunk, key: string): Novelty {
    const novelty = this.#decide(chunk, key);
    if (novelty !== 'known') {
      this.#remember(chunk, key);
    }
    return novelty;
  }

  /** Chunks that are to be decoded again when they come again. */
  forget(keys: Iterable<string>): void {
    for (const key of keys) {
      this.#keys.delete(key);
    }
    this.#beginRun();
  }

  /** After the end of a stream only what is marked as redelivered is known. */
  end(): void {
    this.#hasEnded = true;
  }

  #decide(chunk: Chunk, key: string): Novelty {
    const isKnown = this.#keys.has(key);
    if (this.#hasEnded && !(isKnown && chunk.redelivered === true)) {
      // A recording that is sent again brings the same numbers and timestamps.
      this.#hasEnded = false;
      this.#keys.clear();
      this.#restarts += 1;
      this.#beginRun();
      return 'new';
    }
    if (isKnown) {
      return 'known';
    }
    if (chunk.sequence > this.#highestSequence) {
      return 'new';
    }
    const oldest = this.#sequences.values().next().value ?? 0;
    if (
      chunk.timestampNs > this.#newestNs ||
      this.#sequences.has(chunk.sequence) ||
      chunk.sequence < oldest
    ) {
      this.#restarts += 1;
      this.#beginRun();
      return 'new';
    }
    return 'late';
  }

  #beginRun(): void {
    this.#sequences.clear();
    this.#highestSequence = -1;
    this.#newestNs = -1n;
  }

  #remember(chunk: Chunk, key: string): void {
    this.#keys.add(key);
    this.#sequences.add(chunk.sequence);
    dropOldest(this.#keys, this.#capacity);
    dropOldest(this.#sequences, this.#capacity);
    this.#highestSequence = Math.max(this.#highestSequence, chunk.sequence);
    if (chunk.timestampNs > this.#newestNs) {
      this.#newestNs = chunk.timestampNs;
    }
  }
}

function dropOldest<T>(values: Set<T>, capacity: number): void {
  for (const value of values) {
    if (values.size <= capacity) {
      return;
    }
    values.delete(value);
  }
}
