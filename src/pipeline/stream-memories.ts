import { AcknowledgementLedger } from '../ingest/acknowledgement-ledger.ts';
import { PublishedFrames } from './published-frames.ts';

/** What is kept of a stream after it has closed, so that its next life continues it. */
export interface StreamMemory {
  readonly ledger: AcknowledgementLedger;
  epoch: number;
  nextFrameIndex: number;
  nextTrackId: number;
  readonly published: PublishedFrames;
  /** Until then chunks that come for the first time wait behind those that were given back; see `ChunkIntake`. */
  redeliveryUntilMs: number;
  closedAtMs: number;
}

/** Memories of closed streams are kept this long: longer than a broker needs to redeliver. */
const keptMs = 10 * 60_000;
const maxClosed = 256;

/**
 * What the program remembers of streams across their lives: their acknowledgements, and where their frame and
 * track numbers go on. Bounded in number and in time.
 */
export class StreamMemories {
  readonly #memories = new Map<string, StreamMemory>();
  readonly #maxUnackedMs: number;
  readonly #historySize: number;

  /** @param historySize chunks remembered per stream; at least the prefetch */
  constructor(maxUnackedMs: number, historySize: number) {
    this.#maxUnackedMs = maxUnackedMs;
    this.#historySize = historySize;
  }

  /** The memory of a stream, made when it is new; it counts as closed now until a session says otherwise. */
  of(streamId: string, nowMs: number): StreamMemory {
    let memory = this.#memories.get(streamId);
    if (memory === undefined) {
      memory = {
        ledger: new AcknowledgementLedger({ maxUnackedMs: this.#maxUnackedMs, memory: this.#historySize }),
        epoch: 0,
        nextFrameIndex: 0,
        nextTrackId: 1,
        published: new PublishedFrames(),
        redeliveryUntilMs: 0,
        closedAtMs: nowMs,
      };
      this.#memories.set(streamId, memory);
    }
    return memory;
  }

  all(): IterableIterator<StreamMemory> {
    return this.#memories.values();
  }

  /** Forgets streams that closed long ago, and the oldest when there are too many. */
  prune(nowMs: number): void {
    const closed = [...this.#memories].filter(([, memory]) => Number.isFinite(memory.closedAtMs));
    closed.sort(([, a], [, b]) => a.closedAtMs - b.closedAtMs);
    closed.forEach(([streamId, memory], at) => {
      const isSurplus = at < closed.length - maxClosed;
      if (isSurplus || nowMs - memory.closedAtMs > keptMs) this.#memories.delete(streamId);
    });
  }
}
