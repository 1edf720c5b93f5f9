import type { Chunk, ChunkHandler } from './chunk.ts';

/**
 * Hands chunks to a handler in order, one at a time per stream: a handler that makes one stream wait does not
 * hold up the others. Bounded by what the source lets in (prefetch, paused sockets), not by itself.
 */
export class DeliveryLanes {
  readonly #handler: ChunkHandler;
  readonly #onHandled: (chunk: Chunk) => void;
  /** Chunks that wait, by stream; a stream has an entry exactly while its handler is at work. */
  readonly #waiting = new Map<string, Chunk[]>();
  #stopped = false;

  /** @param onHandled called when the handler is through with a chunk */
  constructor(handler: ChunkHandler, onHandled: (chunk: Chunk) => void = () => {}) {
    this.#handler = handler;
    this.#onHandled = onHandled;
  }

  push(chunk: Chunk): void {
    if (this.#stopped) {
      return;
    }
    const waiting = this.#waiting.get(chunk.streamId);
    if (waiting !== undefined) {
      waiting.push(chunk);
      return;
    }
    const pending = this.#hand(chunk);
    if (pending !== undefined) {
      const queue: Chunk[] = [];
      this.#waiting.set(chunk.streamId, queue);
      void this.#drain(chunk.streamId, queue, pending);
    }
  }

  /** Forgets the chunks that wait, because their source delivers them again. */
  discardWaiting(): void {
    for (const queue of this.#waiting.values()) {
      queue.length = 0;
    }
  }

  /** The handler is called no more; chunks that wait stay unsettled. */
  stop(): void {
    this.#stopped = true;
    this.#waiting.clear();
  }

  async #drain(streamId: string, queue: Chunk[], first: Promise<void>): Promise<void> {
    await first;
    for (let chunk = queue.shift(); chunk !== undefined && !this.#stopped; chunk = queue.shift()) {
      await this.#hand(chunk);
    }
    this.#waiting.delete(streamId);
  }

  /** Returns a promise, which never rejects, only when the handler is not through yet. */
  #hand(chunk: Chunk): Promise<void> | undefined {
    const refuse = () => {
      chunk.settle('reject');
      this.#onHandled(chunk);
    };
    try {
      const pending = this.#handler(chunk);
      if (pending !== undefined) {
        return pending.then(() => this.#onHandled(chunk), refuse);
      }
      this.#onHandled(chunk);
    } catch {
      // Handlers do not throw; should one do so all the same, its chunk is the poison, not the process's end.
      refuse();
    }
    return undefined;
  }
}
