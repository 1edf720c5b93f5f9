import { isStreamId, maxChunkBytes } from './chunk.ts';

/** Why a message is not a chunk. Used as a metric label and as the `x-trackcast-reason` of dead letters. */
export const chunkRejectionReasons = [
  'bad_stream_id',
  'bad_sequence',
  'bad_timestamp',
  'bad_end_of_stream',
  'unsupported_codec',
  'oversize',
  'empty',
] as const;

export type ChunkRejectionReason = (typeof chunkRejectionReasons)[number];

/** What the headers of a chunk say. */
export interface ChunkHeaders {
  readonly streamId: string;
  readonly sequence: number;
  /** Capture clock, nanoseconds, 0 to 2^63 - 1. */
  readonly timestampNs: bigint;
  readonly endOfStream: boolean;
}

export type ChunkHeadersResult =
  | { readonly kind: 'accepted'; readonly headers: ChunkHeaders }
  | { readonly kind: 'rejected'; readonly reason: ChunkRejectionReason };

/** What is known of an AMQP message before its body is looked at. */
export interface ChunkMessage {
  readonly routingKey: string;
  /** As decoded by the AMQP library: any JSON-like value under any key. */
  readonly headers: Readonly<Record<string, unknown>> | undefined;
  readonly bodyBytes: number;
}

const maxTimestampNs = 2n ** 63n - 1n;
const decimalInteger = /^\d{1,19}$/;

/**
 * Decides whether a message is a chunk. Never throws, whatever the headers hold.
 *
 * `x-timestamp-ns` may be an integer, but AMQP libraries of JavaScript read 64-bit integers as doubles: beyond
 * 2^53 (104 days after the epoch) it is rounded to 256 ns or so. Only a decimal string is exact.
 */
export function readChunkHeaders(message: ChunkMessage, maxBodyBytes = maxChunkBytes): ChunkHeadersResult {
  const headers = message.headers ?? {};
  if (!isStreamId(message.routingKey)) {
    return rejected('bad_stream_id');
  }
  const codec = headers['x-codec'];
  if (codec !== undefined && codec !== 'h264') {
    return rejected('unsupported_codec');
  }
  const sequence = headers['x-sequence'];
  if (typeof sequence !== 'number' || !Number.isSafeInteger(sequence) || sequence < 0) {
    return rejected('bad_sequence');
  }
  const timestampNs = readTimestamp(headers['x-timestamp-ns']);
  if (timestampNs === undefined) {
    return rejected('bad_timestamp');
  }
  const endOfStream = headers['x-end-of-stream'] ?? false;
  if (typeof endOfStream !== 'boolean') {
    return rejected('bad_end_of_stream');
  }
  if (message.bodyBytes > maxBodyBytes) {
    return rejected('oversize');
  }
  if (message.bodyBytes === 0 && !endOfStream) {
    return rejected('empty');
  }
  return {
    kind: 'accepted',
    // `-0` is an integer too, and would show in messages.
    headers: { streamId: message.routingKey, sequence: sequence + 0, timestampNs, endOfStream },
  };
}

/** Headers under which a chunk is published; `readChunkHeaders` gives back what went in. */
export function writeChunkHeaders(headers: Omit<ChunkHeaders, 'streamId'>): Record<string, unknown> {
  return {
    'x-sequence': headers.sequence,
    'x-timestamp-ns': headers.timestampNs.toString(),
    'x-end-of-stream': headers.endOfStream,
    'x-codec': 'h264',
  };
}

function readTimestamp(value: unknown): bigint | undefined {
  let timestampNs: bigint;
  if (typeof value === 'number' && Number.isInteger(value)) {
    timestampNs = BigInt(value);
  } else if (typeof value === 'string' && decimalInteger.test(value)) {
    timestampNs = BigInt(value);
  } else {
    return undefined;
  }
  return timestampNs >= 0n && timestampNs <= maxTimestampNs ? timestampNs : undefined;
}

function rejected(reason: ChunkRejectionReason): ChunkHeadersResult {
  return { kind: 'rejected', reason };
}
