import { describe, expect, it } from 'vitest';
import type { Chunk } from '../../src/ingest/chunk.ts';
import { DeliveryLanes } from '../../src/ingest/delivery-lanes.ts';
import { eventually } from './eventually.ts';

function chunk(streamId: string, sequence: number, settle: Chunk['settle'] = () => {}): Chunk {
  return { streamId, sequence, timestampNs: 0n, data: new Uint8Array(1), endOfStream: false, settle };
}

describe('DeliveryLanes', () => {
  it('hands chunks over at once while the handler keeps up', () => {
    const seen: number[] = [];
    const lanes = new DeliveryLanes((each) => {
      seen.push(each.sequence);
    });
    lanes.push(chunk('a', 0));
    lanes.push(chunk('a', 1));
    expect(seen).toEqual([0, 1]);
  });

  it('keeps the order within a stream and lets others pass', async () => {
    const seen: string[] = [];
    let open: () => void = () => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const lanes = new DeliveryLanes((each) => {
      seen.push(`${each.streamId}${each.sequence}`);
      return each.streamId === 'a' && each.sequence === 0 ? gate : undefined;
    });
    lanes.push(chunk('a', 0));
    lanes.push(chunk('a', 1));
    lanes.push(chunk('a', 2));
    lanes.push(chunk('b', 0));
    expect(seen).toEqual(['a0', 'b0']);
    open();
    await eventually(() => expect(seen).toEqual(['a0', 'b0', 'a1', 'a2']));
    lanes.push(chunk('a', 3));
    expect(seen.at(-1)).toBe('a3');
  });

  it('forgets what waits on request, and goes on with what comes then', async () => {
    const seen: number[] = [];
    let open: () => void = () => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const lanes = new DeliveryLanes((each) => {
      seen.push(each.sequence);
      return seen.length === 1 ? gate : undefined;
    });
    for (const sequence of [0, 1, 2]) {
      lanes.push(chunk('a', sequence));
    }
    lanes.discardWaiting();
    lanes.push(chunk('a', 9));
    open();
    await eventually(() => expect(seen).toEqual([0, 9]));
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('poison');
      },
    ],
    ['rejects', () => Promise.reject(new Error('poison'))],
  ])('rejects the chunk on which its handler %s, and goes on', async (_, fail) => {
    const settled: string[] = [];
    const handled: number[] = [];
    const lanes = new DeliveryLanes(
      (each) => (each.sequence === 0 ? fail() : undefined),
      (each) => handled.push(each.sequence),
    );
    lanes.push(chunk('a', 0, (settlement) => settled.push(settlement)));
    lanes.push(chunk('a', 1, (settlement) => settled.push(settlement)));
    await eventually(() => expect(handled).toEqual([0, 1]));
    expect(settled).toEqual(['reject']);
  });
});
