/** What places a chunk in its stream. */
export interface ChunkPosition {
  readonly sequence: number;
  readonly timestampNs: bigint;
}

/**
 * How a chunk relates to the newest before it. `again`: neither sequence nor timestamp is beyond, it is a
 * redelivery. `lost`: chunks are missing between. `restarted`: the sequence falls back while time goes on, the
 * publisher began anew.
 */
export type ChunkContinuity = 'next' | 'again' | 'lost' | 'restarted';

export function continuityOf(last: ChunkPosition | null, chunk: ChunkPosition): ChunkContinuity {
  if (last === null || chunk.sequence === last.sequence + 1) {
    return 'next';
  }
  if (chunk.sequence > last.sequence) {
    return 'lost';
  }
  return chunk.timestampNs > last.timestampNs ? 'restarted' : 'again';
}
