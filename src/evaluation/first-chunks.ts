import type { ChunkSource } from '../ingest/chunk.ts';

/** The source cut off after its first `count` chunks; the last of them ends the stream. */
export function firstChunks(source: ChunkSource, count: number): ChunkSource {
  let taken = 0;
  return {
    name: source.name,
    start: (handler) =>
      source.start((chunk) => {
        if (taken >= count) return;
        taken += 1;
        if (taken < count) return handler(chunk);
        const handled = Promise.resolve(handler({ ...chunk, endOfStream: true }));
        // Not awaited here: the source waits for this handler before it has stopped.
        void handled.then(() => source.stop());
        return handled;
      }),
    stop: () => source.stop(),
    close: () => source.close(),
  };
}
