import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AcknowledgementLedger } from '../../src/ingest/acknowledgement-ledger.ts';
import type { Chunk, Settlement } from '../../src/ingest/chunk.ts';

interface Delivery extends Chunk {
  readonly settlements: Settlement[];
}

/** A delivery of a chunk; settles once, as sources do, and tells `log`. */
function delivery(
  sequence: number,
  options: { timestampNs?: bigint; redelivered?: boolean; log?: string[] } = {},
): Delivery {
  const settlements: Settlement[] = [];
  return {
    streamId: 'camera',
    sequence,
    timestampNs: options.timestampNs ?? 1_000n + BigInt(sequence),
    data: new Uint8Array(0),
    endOfStream: false,
    ...(options.redelivered === undefined ? {} : { redelivered: options.redelivered }),
    settlements,
    settle: (settlement) => {
      settlements.push(settlement);
      options.log?.push(`${settlement} ${sequence}`);
    },
  };
}

function ledgerWith(count: number): { ledger: AcknowledgementLedger; chunks: Delivery[]; log: string[] } {
  const log: string[] = [];
  const ledger = new AcknowledgementLedger({ maxUnackedMs: 10_000 });
  const chunks = Array.from({ length: count }, (_, sequence) => delivery(sequence, { log }));
  for (const chunk of chunks) {
    expect(ledger.admit(chunk, chunk.sequence * 40)).toBe('decode');
  }
  return { ledger, chunks, log };
}

describe('AcknowledgementLedger', () => {
  it('acknowledges everything before a later IDR picture, in order, and nothing from it on', () => {
    const { ledger, log } = ledgerWith(8);
    expect(ledger.restartAt(0)).toBe(0);
    expect(ledger.restartAt(5)).toBe(5);
    expect(log).toEqual(['ack 0', 'ack 1', 'ack 2', 'ack 3', 'ack 4']);
    expect(ledger.held).toBe(3);
    expect(ledger.restartAt(5)).toBe(0);
    expect(ledger.restartAt(99)).toBe(0);
  });

  it('acknowledges by age only what is decoded', () => {
    const { ledger, log } = ledgerWith(4);
    expect(ledger.expire(20_000)).toBe(0);
    ledger.decoded(1);
    expect(ledger.expire(9_999)).toBe(0);
    expect(ledger.expire(10_000)).toBe(1);
    expect(ledger.expire(20_000)).toBe(1);
    expect(log).toEqual(['ack 0', 'ack 1']);
    expect(ledger.counters).toMatchObject({ acknowledged: 2, bounded: 2 });
  });

  it('acknowledges everything at the end of the stream', () => {
    const { ledger, log } = ledgerWith(3);
    expect(ledger.endOfStream()).toBe(3);
    expect(log).toEqual(['ack 0', 'ack 1', 'ack 2']);
    expect(ledger.held).toBe(0);
  });

  it('gives everything back in order when released, and has it decoded again', () => {
    const { ledger, log } = ledgerWith(5);
    ledger.restartAt(2);
    expect(ledger.release()).toBe(3);
    expect(log.slice(2)).toEqual(['requeue 2', 'requeue 3', 'requeue 4']);
    for (const sequence of [2, 3, 4, 5]) {
      expect(ledger.admit(delivery(sequence, { redelivered: sequence < 5 }), 0)).toBe('decode');
    }
    expect(ledger.admit(delivery(1, { redelivered: true }), 0)).toBe('already_decoded');
  });

  it('lets a redelivery take the place of the stale delivery, which is not decoded again', () => {
    const { ledger, chunks } = ledgerWith(3);
    const again = delivery(1, { redelivered: true });
    expect(ledger.admit(again, 500)).toBe('already_decoded');
    expect(ledger.held).toBe(3);
    expect(again.settlements).toEqual([]);
    expect(chunks[1]?.settlements).toEqual(['ack']);
    ledger.restartAt(2);
    expect(again.settlements).toEqual(['ack']);
    expect(chunks[1]?.settlements).toEqual(['ack']);
  });

  it('acknowledges a redelivery at once when its group of pictures is acknowledged', () => {
    const { ledger } = ledgerWith(6);
    ledger.restartAt(5);
    const again = delivery(2, { redelivered: true });
    expect(ledger.admit(again, 0)).toBe('already_decoded');
    expect(again.settlements).toEqual(['ack']);
    expect(ledger.counters.repeated).toBe(1);
  });

  it('does not decode a chunk that fills a gap behind the decoder', () => {
    const ledger = new AcknowledgementLedger({ maxUnackedMs: 10_000 });
    for (const sequence of [4, 6, 7]) {
      ledger.admit(delivery(sequence), 0);
    }
    const late = delivery(5);
    expect(ledger.admit(late, 0)).toBe('late');
    expect(late.settlements).toEqual(['ack']);
    expect(ledger.counters).toMatchObject({ late: 1, restarts: 0 });
    expect(ledger.admit(delivery(8), 0)).toBe('decode');
  });

  it('takes a lower number with a newer timestamp for a camera that has begun anew', () => {
    const { ledger, log } = ledgerWith(6);
    ledger.decoded(5);
    const first = delivery(0, { timestampNs: 9_000n, log });
    expect(ledger.admit(first, 300)).toBe('decode');
    expect(ledger.admit(delivery(1, { timestampNs: 9_001n, log }), 340)).toBe('decode');
    ledger.decoded(0);
    ledger.decoded(1);
    expect(log).toEqual([]);
    // The IDR picture of the new run, not the one of the same number before it.
    expect(ledger.restartAt(0)).toBe(6);
    expect(log).toEqual(['ack 0', 'ack 1', 'ack 2', 'ack 3', 'ack 4', 'ack 5']);
    expect(ledger.counters.restarts).toBe(1);
  });

  it('takes even a number that is missing so far for a new run when its timestamp is newer', () => {
    const ledger = new AcknowledgementLedger({ maxUnackedMs: 10_000 });
    for (const sequence of [4, 6, 7]) {
      ledger.admit(delivery(sequence), 0);
    }
    expect(ledger.admit(delivery(5, { timestampNs: 9_000n }), 0)).toBe('decode');
    expect(ledger.counters.restarts).toBe(1);
  });

  it('does not take the IDR picture of an old run for that of a new one that is not decoded yet', () => {
    const { ledger, log } = ledgerWith(3);
    ledger.admit(delivery(0, { timestampNs: 9_000n, log }), 300);
    ledger.decoded(0);
    expect(ledger.restartAt(0)).toBe(0);
    expect(log).toEqual([]);
  });

  it('recognises redeliveries of the run before', () => {
    const { ledger } = ledgerWith(6);
    ledger.admit(delivery(0, { timestampNs: 9_000n }), 300);
    expect(ledger.admit(delivery(4, { redelivered: true }), 400)).toBe('already_decoded');
    expect(ledger.admit(delivery(5, { redelivered: true }), 400)).toBe('already_decoded');
    expect(ledger.admit(delivery(0, { timestampNs: 9_000n, redelivered: true }), 400)).toBe(
      'already_decoded',
    );
    expect(ledger.admit(delivery(1, { timestampNs: 9_001n }), 400)).toBe('decode');
  });

  it('takes a known number with an older timestamp for a camera whose clock has begun anew too', () => {
    const { ledger } = ledgerWith(6);
    expect(ledger.admit(delivery(0, { timestampNs: 3n }), 300)).toBe('decode');
    expect(ledger.admit(delivery(1, { timestampNs: 4n }), 300)).toBe('decode');
    expect(ledger.counters.restarts).toBe(1);
  });

  it('takes a number below all that it remembers for a new run, whatever its timestamp', () => {
    const ledger = new AcknowledgementLedger({ maxUnackedMs: 10_000, memory: 4 });
    for (let sequence = 0; sequence < 10; sequence += 1) {
      ledger.admit(delivery(sequence), 0);
    }
    ledger.restartAt(9);
    expect(ledger.admit(delivery(2, { timestampNs: 1n }), 0)).toBe('decode');
    expect(ledger.counters.restarts).toBe(1);
  });

  it('decodes a recording that is sent again after its end, but not a redelivery', () => {
    const { ledger } = ledgerWith(3);
    ledger.endOfStream();
    expect(ledger.admit(delivery(2, { redelivered: true }), 0)).toBe('already_decoded');
    expect(ledger.admit(delivery(0, { redelivered: false }), 0)).toBe('decode');
    expect(ledger.admit(delivery(1), 0)).toBe('decode');
    expect(ledger.held).toBe(2);
  });

  it('settles every delivery exactly once, acknowledges in order, and only what is decoded', () => {
    const command = fc.oneof(
      { weight: 6, arbitrary: fc.constant({ kind: 'next' } as const) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('repeat' as const), back: fc.nat(40) }) },
      { weight: 4, arbitrary: fc.constant({ kind: 'decode' } as const) },
      { weight: 2, arbitrary: fc.constant({ kind: 'idr' } as const) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(8_000) }) },
      { weight: 1, arbitrary: fc.constant({ kind: 'reboot' } as const) },
    );
    fc.assert(
      fc.property(fc.array(command, { maxLength: 120 }), (commands) => {
        const ledger = new AcknowledgementLedger({ maxUnackedMs: 10_000, memory: 256 });
        const deliveries: Delivery[] = [];
        // Chunks in the order of their first admission: those before `decodedCount` are through the decoder.
        const admitted: { sequence: number; timestampNs: bigint; last: Delivery }[] = [];
        let decodedCount = 0;
        let sequence = 0;
        let nowMs = 0;
        const receive = (chunk: Delivery) => {
          deliveries.push(chunk);
          return ledger.admit(chunk, nowMs);
        };
        const isAcked = (index: number) => (admitted[index]?.last.settlements.length ?? 0) > 0;

        for (const action of commands) {
          nowMs += 10;
          switch (action.kind) {
            case 'next': {
              const timestampNs = BigInt(nowMs) * 1_000n;
              const chunk = delivery(sequence, { timestampNs });
              expect(receive(chunk)).toBe('decode');
              admitted.push({ sequence, timestampNs, last: chunk });
              sequence += 1;
              break;
            }
            case 'repeat': {
              const original = admitted.at(-1 - action.back);
              if (original !== undefined) {
                const wasAcked = original.last.settlements.length > 0;
                const again = delivery(original.sequence, {
                  timestampNs: original.timestampNs,
                  redelivered: true,
                });
                expect(receive(again)).toBe('already_decoded');
                expect(again.settlements).toEqual(wasAcked ? ['ack'] : []);
                original.last = again;
              }
              break;
            }
            case 'decode': {
              const next = admitted[decodedCount];
              if (next !== undefined) {
                decodedCount += 1;
                ledger.decoded(next.sequence);
              }
              break;
            }
            case 'idr': {
              const last = admitted[decodedCount - 1];
              if (last !== undefined) {
                ledger.restartAt(last.sequence);
                // Everything before the chunk in which the IDR picture begins, if that is held, is settled.
                const isHeld = last.last.settlements.length === 0;
                for (let index = 0; isHeld && index < decodedCount - 1; index += 1) {
                  expect(isAcked(index)).toBe(true);
                }
              }
              break;
            }
            case 'wait':
              nowMs += action.ms;
              ledger.expire(nowMs);
              break;
            case 'reboot':
              sequence = 0;
              break;
          }
          const acked = admitted.map((_, index) => isAcked(index));
          expect(acked.lastIndexOf(true)).toBeLessThan(decodedCount);
          expect(acked.indexOf(false) === -1 || acked.indexOf(false) > acked.lastIndexOf(true)).toBe(true);
          expect(ledger.held).toBe(acked.filter((isSettled) => !isSettled).length);
        }
        ledger.endOfStream();
        expect(ledger.held).toBe(0);
        for (const each of deliveries) {
          expect(each.settlements).toEqual(['ack']);
        }
      }),
      { numRuns: 500 },
    );
  });
});
