import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type ChunkMessage,
  chunkRejectionReasons,
  readChunkHeaders,
  writeChunkHeaders,
} from '../../src/ingest/chunk-headers.ts';

const good: ChunkMessage = {
  routingKey: 'or-3',
  headers: { 'x-sequence': 7, 'x-timestamp-ns': '1763683200123456789' },
  bodyBytes: 100,
};

function withHeader(key: string, value: unknown): ChunkMessage {
  return { ...good, headers: { ...good.headers, [key]: value } };
}

describe('readChunkHeaders', () => {
  it('reads what it needs and fills in what may be left out', () => {
    expect(readChunkHeaders(good)).toEqual({
      kind: 'accepted',
      headers: { streamId: 'or-3', sequence: 7, timestampNs: 1763683200123456789n, endOfStream: false },
    });
  });

  it.each([
    ['a timestamp that is an integer', 'x-timestamp-ns', 40_000_000, 'accepted'],
    [
      'a timestamp beyond 2^53, as amqplib reads a long',
      'x-timestamp-ns',
      Number(1763683200123456789n),
      'accepted',
    ],
    ['the latest timestamp', 'x-timestamp-ns', '9223372036854775807', 'accepted'],
    ['a timestamp past 63 bits', 'x-timestamp-ns', '9223372036854775808', 'bad_timestamp'],
    ['a double past 63 bits', 'x-timestamp-ns', 1e300, 'bad_timestamp'],
    ['a negative timestamp', 'x-timestamp-ns', '-1', 'bad_timestamp'],
    ['a fractional timestamp', 'x-timestamp-ns', 1.5, 'bad_timestamp'],
    ['a hexadecimal timestamp', 'x-timestamp-ns', '0x10', 'bad_timestamp'],
    ['an empty timestamp', 'x-timestamp-ns', '', 'bad_timestamp'],
    ['an AMQP timestamp', 'x-timestamp-ns', { '!': 'timestamp', value: 12 }, 'bad_timestamp'],
    ['no timestamp', 'x-timestamp-ns', undefined, 'bad_timestamp'],
    ['the highest sequence', 'x-sequence', Number.MAX_SAFE_INTEGER, 'accepted'],
    ['a sequence beyond exact integers', 'x-sequence', 2 ** 53, 'bad_sequence'],
    ['a negative sequence', 'x-sequence', -1, 'bad_sequence'],
    ['a fractional sequence', 'x-sequence', 0.5, 'bad_sequence'],
    ['NaN as sequence', 'x-sequence', Number.NaN, 'bad_sequence'],
    ['a sequence in a string', 'x-sequence', '7', 'bad_sequence'],
    ['no sequence', 'x-sequence', undefined, 'bad_sequence'],
    ['h264', 'x-codec', 'h264', 'accepted'],
    ['another codec', 'x-codec', 'hevc', 'unsupported_codec'],
    ['no codec at all', 'x-codec', null, 'unsupported_codec'],
    ['an end', 'x-end-of-stream', true, 'accepted'],
    ['an end in a string', 'x-end-of-stream', 'true', 'bad_end_of_stream'],
  ] as const)('decides on %s', (_, key, value, expected) => {
    const result = readChunkHeaders(withHeader(key, value));
    expect(result.kind === 'rejected' ? result.reason : result.kind).toBe(expected);
  });

  it.each(['', 'a b', 'é', '../x', 'x'.repeat(129), 'a\n'])('refuses the stream id %j', (routingKey) => {
    expect(readChunkHeaders({ ...good, routingKey })).toEqual({ kind: 'rejected', reason: 'bad_stream_id' });
  });

  it('refuses bodies beyond the limit, and empty ones that do not end a stream', () => {
    expect(readChunkHeaders({ ...good, bodyBytes: 16 * 1024 * 1024 }).kind).toBe('accepted');
    expect(readChunkHeaders({ ...good, bodyBytes: 16 * 1024 * 1024 + 1 })).toEqual({
      kind: 'rejected',
      reason: 'oversize',
    });
    expect(readChunkHeaders({ ...good, bodyBytes: 101 }, 100)).toEqual({
      kind: 'rejected',
      reason: 'oversize',
    });
    expect(readChunkHeaders({ ...good, bodyBytes: 0 })).toEqual({ kind: 'rejected', reason: 'empty' });
    expect(readChunkHeaders({ ...withHeader('x-end-of-stream', true), bodyBytes: 0 }).kind).toBe('accepted');
  });

  it('refuses a message without headers', () => {
    expect(readChunkHeaders({ ...good, headers: undefined })).toEqual({
      kind: 'rejected',
      reason: 'bad_sequence',
    });
  });

  it('gives back what was written', () => {
    fc.assert(
      fc.property(
        fc.stringMatching(/^[A-Za-z0-9._-]{1,128}$/),
        fc.maxSafeNat(),
        fc.bigInt(0n, 2n ** 63n - 1n),
        fc.boolean(),
        (streamId, sequence, timestampNs, endOfStream) => {
          const headers = writeChunkHeaders({ sequence, timestampNs, endOfStream });
          expect(readChunkHeaders({ routingKey: streamId, headers, bodyBytes: 1 })).toEqual({
            kind: 'accepted',
            headers: { streamId, sequence, timestampNs, endOfStream },
          });
        },
      ),
    );
  });

  it('decides for any headers whatever, and accepts only what keeps its promises', () => {
    const value = fc.oneof(fc.anything(), fc.integer(), fc.double(), fc.string(), fc.boolean(), fc.bigInt());
    const headers = fc.record(
      { 'x-sequence': value, 'x-timestamp-ns': value, 'x-codec': fc.oneof(value, fc.constant('h264')) },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.string(), headers, fc.nat(), (key, given, bodyBytes) => {
        const routingKey = /^[A-Za-z0-9._-]{1,128}$/.test(key) ? key : 'camera';
        const result = readChunkHeaders({ routingKey, headers: given, bodyBytes });
        if (result.kind === 'rejected') {
          expect(chunkRejectionReasons).toContain(result.reason);
        } else {
          expect(Number.isSafeInteger(result.headers.sequence)).toBe(true);
          expect(result.headers.sequence).toBeGreaterThanOrEqual(0);
          expect(result.headers.timestampNs).toBeGreaterThanOrEqual(0n);
        }
      }),
      { numRuns: 1_000 },
    );
  });
});
