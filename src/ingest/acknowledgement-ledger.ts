import { ChunkHistory } from './acknowledgement-history.ts';
import type { Chunk } from './chunk.ts';

/**
 * What to do with a chunk that has come in:
 * - `decode`: hand it to the decoder;
 * - `already_decoded`: the decoder has had it; do nothing;
 * - `late`: later chunks have been decoded, so that it is of no use any more; do nothing but count.
 */
export type Admission = 'decode' | 'already_decoded' | 'late';

export interface AcknowledgementLedgerOptions {
  /** Decoded chunks are acknowledged at this age even if no later IDR picture has come. */
  readonly maxUnackedMs: number;
  /** How many chunks are remembered after their acknowledgement; at least the prefetch. Default 4096. */
  readonly memory?: number;
}

/** Totals since the ledger was made. */
export interface AcknowledgementCounters {
  readonly acknowledged: number;
  /** Of these, acknowledged by age instead of by a later IDR picture. */
  readonly bounded: number;
  readonly repeated: number;
  readonly late: number;
  readonly requeued: number;
  /** How often the stream's numbering began anew. */
  readonly restarts: number;
}

interface Held {
  readonly sequence: number;
  readonly heldAtMs: number;
  settle: Chunk['settle'];
  isDecoded: boolean;
}

/**
 * Holds the chunks of ONE stream back from acknowledgement until a later IDR picture has been decoded, because a
 * successor can begin to decode only at an IDR picture. Pure state: time comes in as an argument, settlements go
 * out through the chunks. Keeps no chunk's data alive.
 *
 * Everything is settled in the order of admission, which is the order in which the decoder works, not by
 * comparing numbers: these begin anew when a camera restarts. A chunk is known again by its sequence together
 * with its timestamp, so a redelivery is recognised also after the numbering has begun anew.
 */
export class AcknowledgementLedger {
  readonly #maxUnackedMs: number;
  readonly #history: ChunkHistory;
  /** In the order of admission. */
  readonly #held = new Map<string, Held>();
  #acknowledged = 0;
  #bounded = 0;
  #repeated = 0;
  #late = 0;
  #requeued = 0;

  constructor(options: AcknowledgementLedgerOptions) {
    this.#maxUnackedMs = options.maxUnackedMs;
    this.#history = new ChunkHistory(options.memory ?? 4_096);
  }

  /** Chunks that are not settled yet. */
  get held(): number {
    return this.#held.size;
  }

  get counters(): AcknowledgementCounters {
    return {
      acknowledged: this.#acknowledged,
      bounded: this.#bounded,
      repeated: this.#repeated,
      late: this.#late,
      requeued: this.#requeued,
      restarts: this.#history.restarts,
    };
  }

  /** Takes a chunk over: from here on the ledger settles it. Times are monotonic, milliseconds. */
  admit(chunk: Chunk, nowMs: number): Admission {
    const { settle, sequence } = chunk;
    const key = `${sequence}:${chunk.timestampNs}`;
    const held = this.#held.get(key);
    if (held !== undefined) {
      // Either the first delivery's channel is gone, and settling it has no effect, or a publisher has sent the
      // chunk twice, and one of the two can go.
      held.settle('ack');
      held.settle = settle;
      this.#repeated += 1;
      return 'already_decoded';
    }
    const novelty = this.#history.place(chunk, key);
    if (novelty !== 'new') {
      // Whatever could be made of it was made before its group of pictures was acknowledged.
      settle('ack');
      this.#acknowledged += 1;
      if (novelty === 'known') {
        this.#repeated += 1;
        return 'already_decoded';
      }
      this.#late += 1;
      return 'late';
    }
    this.#held.set(key, { sequence, heldAtMs: nowMs, settle, isDecoded: false });
    return 'decode';
  }

  /**
   * The decoder is through with a chunk, and all frames it gave are counted. To be called for every chunk in the
   * order of admission, or for the last of several.
   */
  decoded(sequence: number): void {
    const reached = this.#find((held) => !held.isDecoded && held.sequence === sequence);
    if (reached === undefined) {
      return;
    }
    for (const held of this.#held.values()) {
      held.isDecoded = true;
      if (held === reached) {
        return;
      }
    }
  }

  /**
   * An IDR picture whose access unit begins in this chunk has been decoded: acknowledges everything strictly
   * before it. Returns how many.
   */
  restartAt(sequence: number): number {
    // The newest chunk of that number that went through the decoder; or the one it is at work on.
    let target: Held | undefined;
    for (const held of this.#held.values()) {
      if (held.sequence === sequence && (held.isDecoded || target === undefined)) {
        target = held;
      }
    }
    return target === undefined ? 0 : this.#acknowledgeWhile((held) => held !== target);
  }

  /** Acknowledges what is decoded and has been held for too long. Returns how many. */
  expire(nowMs: number): number {
    const count = this.#acknowledgeWhile(
      (held) => held.isDecoded && nowMs - held.heldAtMs >= this.#maxUnackedMs,
    );
    this.#bounded += count;
    return count;
  }

  /**
   * The stream has ended and its last frame is counted: acknowledges everything. What comes next begins a new
   * run, unless the source says that it is redelivered. Returns how many.
   */
  endOfStream(): number {
    const count = this.#acknowledgeWhile(() => true);
    this.#history.end();
    return count;
  }

  /**
   * Gives everything back in its order, as when the decoder has lost its state: redelivered, the same chunks are
   * to be decoded again. Returns how many.
   */
  release(): number {
    const count = this.#held.size;
    for (const held of this.#held.values()) {
      held.settle('requeue');
    }
    this.#history.forget(this.#held.keys());
    this.#held.clear();
    this.#requeued += count;
    return count;
  }

  #find(matches: (held: Held) => boolean): Held | undefined {
    for (const held of this.#held.values()) {
      if (matches(held)) {
        return held;
      }
    }
    return undefined;
  }

  #acknowledgeWhile(matches: (held: Held) => boolean): number {
    let count = 0;
    for (const [key, held] of this.#held) {
      if (!matches(held)) {
        break;
      }
      held.settle('ack');
      this.#held.delete(key);
      count += 1;
    }
    this.#acknowledged += count;
    return count;
  }
}
