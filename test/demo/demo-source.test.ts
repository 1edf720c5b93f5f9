import { afterEach, describe, expect, it, vi } from 'vitest';
import { DemoSource, type DemoSourceOptions } from '../../src/demo/demo-source.ts';
import type { Chunk } from '../../src/ingest/chunk.ts';

const small = { width: 320, height: 180, realTime: false, frames: 12, gopSize: 5 };
let source: DemoSource | undefined;

function open(options: DemoSourceOptions = {}): DemoSource {
  source = new DemoSource({ ...small, ...options });
  return source;
}

afterEach(async () => {
  await source?.close();
  source = undefined;
});

/** NAL unit types of an Annex B byte string (ITU-T H.264 table 7-1). */
function nalTypes(data: Uint8Array): number[] {
  const types: number[] = [];
  for (let at = 0; at + 3 < data.length; at++) {
    if (data[at] === 0 && data[at + 1] === 0 && data[at + 2] === 1) types.push((data[at + 3] ?? 0) & 31);
  }
  return types;
}

describe('the demo source', () => {
  it('delivers one access unit per chunk, keyframes where asked for, and the end once', async () => {
    const chunks: Chunk[] = [];
    await open({ streamId: 'or-3' }).start((chunk) => {
      chunks.push(chunk);
    });
    await vi.waitFor(() => expect(chunks.at(-1)?.endOfStream).toBe(true), 10_000);
    expect(chunks.map(({ sequence }) => sequence)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    expect(new Set(chunks.map(({ streamId }) => streamId))).toEqual(new Set(['or-3']));
    expect(chunks.filter(({ endOfStream }) => endOfStream)).toHaveLength(1);
    for (const [index, { data }] of chunks.entries()) {
      const pictures = nalTypes(data).filter((type) => type === 1 || type === 5);
      expect(pictures).toEqual([index % 5 === 0 ? 5 : 1]);
    }
    const [first, second] = chunks;
    expect((second?.timestampNs ?? 0n) - (first?.timestampNs ?? 0n)).toBe(40_000_000n);
  });

  it('calls the handler for one chunk at a time', async () => {
    let atWork = 0;
    let mostAtWork = 0;
    let last = false;
    await open().start(async (chunk) => {
      mostAtWork = Math.max(mostAtWork, ++atWork);
      await new Promise(setImmediate);
      atWork--;
      last = chunk.endOfStream;
    });
    await vi.waitFor(() => expect(last).toBe(true), 10_000);
    expect(mostAtWork).toBe(1);
  });

  it('waits for a slow handler instead of piling chunks up', async () => {
    let release: () => void = () => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const chunks: Chunk[] = [];
    await open({ frames: Number.POSITIVE_INFINITY }).start((chunk) => {
      chunks.push(chunk);
      return gate;
    });
    await vi.waitFor(() => expect(chunks).toHaveLength(1), 10_000);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(chunks).toHaveLength(1);
    release();
    await vi.waitFor(() => expect(chunks.length).toBeGreaterThan(3), 10_000);
  });

  it('is silent once stopped, even while a handler is at work', async () => {
    let release: () => void = () => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    let calls = 0;
    const stopping = open({ frames: Number.POSITIVE_INFINITY });
    await stopping.start(() => {
      calls++;
      return gate;
    });
    await vi.waitFor(() => expect(calls).toBe(1), 10_000);
    await stopping.stop();
    release();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(calls).toBe(1);
  });

  it('keeps to the clock in real time', async () => {
    const chunks: Chunk[] = [];
    await open({ realTime: true, fps: 50, frames: 4 }).start((chunk) => {
      chunks.push(chunk);
    });
    await vi.waitFor(() => expect(chunks.at(-1)?.endOfStream).toBe(true), 10_000);
    const stamps = chunks.map(
      ({ timestampNs }) => Number(timestampNs - (chunks[0]?.timestampNs ?? 0n)) / 1e6,
    );
    for (const [index, stamp] of stamps.entries()) expect(stamp).toBeGreaterThanOrEqual(index * 20);
  });

  it('stops while it waits for the next picture to be due', async () => {
    const slow = open({ realTime: true, fps: 1, frames: 3600 });
    let calls = 0;
    await slow.start(() => {
      calls++;
    });
    await vi.waitFor(() => expect(calls).toBe(1), 10_000);
    await slow.stop();
    expect(calls).toBe(1);
  });

  it('can be closed before it was started', async () => {
    await expect(open().close()).resolves.toBeUndefined();
  });

  it('says when it cannot be drawn', async () => {
    await expect(open({ width: 321 }).start(() => {})).rejects.toMatchObject({
      code: 'TRACKCAST_WORKER_DIED',
    });
  });

  it('refuses names that cannot be stream ids', () => {
    expect(() => new DemoSource({ streamId: 'a b' })).toThrow(/stream id/);
  });
});
