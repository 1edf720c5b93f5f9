/** What becomes of a chunk at its source: processed, delivered again, or refused for good. */
export type Settlement = 'ack' | 'requeue' | 'reject';

/**
 * A piece of one stream's H.264 byte stream (Annex B, ITU-T H.264 annex B), split anywhere: part of a NAL
 * unit, one access unit, or many.
 */
export interface Chunk {
  /** `[A-Za-z0-9._-]{1,128}` */
  readonly streamId: string;
  /** Counts the chunks of one stream; gaps mean loss upstream, repeats mean redelivery. */
  readonly sequence: number;
  /** Capture time of the chunk's first byte, nanoseconds. */
  readonly timestampNs: bigint;
  readonly data: Uint8Array;
  /** True on the last chunk of a stream; its data may be empty. */
  readonly endOfStream: boolean;
  /** True when the source knows that it has delivered this chunk before; absent where it cannot know. */
  readonly redelivered?: boolean;
  /**
   * Settles the chunk at its source. Only the first call has an effect, and no call throws. Works without
   * `this` and holds no reference to `data`, so that an acknowledgement can wait for seconds without its bytes.
   */
  readonly settle: (settlement: Settlement) => void;
}

/**
 * Receives chunks in the order of their source. A returned promise holds the source back until it resolves
 * (backpressure); it never rejects.
 */
export type ChunkHandler = (chunk: Chunk) => void | Promise<void>;

/** Where chunks come from. Every implementation passes the same conformance suite. */
export interface ChunkSource {
  /** For logs and metrics, such as `amqp`, `file`, `websocket`. */
  readonly name: string;
  /** Begins delivery. Rejects with a `TrackcastError` when the source can never deliver. */
  start(handler: ChunkHandler): Promise<void>;
  /** Ends delivery: once resolved, the handler is called no more. Chunks in hand may still be settled. */
  stop(): Promise<void>;
  /** Releases connections and files. Unsettled chunks go back to where they came from. */
  close(): Promise<void>;
}

const streamIdPattern = /^[A-Za-z0-9._-]{1,128}$/;

/** Whether `value` can name a stream on the wire, in a routing key and in a URL path. */
export function isStreamId(value: string): boolean {
  return streamIdPattern.test(value);
}

/** Largest chunk that any source accepts, bytes. */
export const maxChunkBytes = 16 * 1024 * 1024;
