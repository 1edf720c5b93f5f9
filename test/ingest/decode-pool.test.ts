import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it } from 'vitest';
import { FrameRing, type RingPolicy } from '../../src/buffer/frame-ring.ts';
import type { TrackcastError } from '../../src/errors.ts';
import { DecodePool, type DecodeProgress, type Preview } from '../../src/ingest/decode-pool.ts';
import type { DecoderCounters } from '../../src/ingest/h264-counters.ts';
import { readRgbImage } from '../../src/ingest/image-file.ts';
import {
  colourDistance,
  colourPicture,
  coloursOfQuarters,
  encodeClip,
  quarterColours,
} from './h264-clips.ts';

const units = encodeClip({ frames: 24, crf: 4, picture: colourPicture });

/** A pool that remembers what it reported. */
class RecordingPool {
  readonly progress = new Map<string, DecodeProgress[]>();
  readonly previews: Preview[] = [];
  readonly ended = new Map<string, DecoderCounters>();
  readonly failed = new Map<string, TrackcastError>();
  readonly deaths: TrackcastError[] = [];
  readonly pool: DecodePool;
  #onChange: () => void = () => undefined;

  constructor(workers: number, startWorker?: () => Worker) {
    const change = () => this.#onChange();
    this.pool = new DecodePool({
      workers,
      ...(startWorker === undefined ? {} : { startWorker }),
      events: {
        onProgress: (streamId, progress) => {
          this.progress.set(streamId, [...(this.progress.get(streamId) ?? []), progress]);
          change();
        },
        onStreamInfo: () => undefined,
        onPreview: (_streamId, preview) => this.previews.push(preview),
        onStreamEnded: (streamId, counters) => {
          this.ended.set(streamId, counters);
          change();
        },
        onStreamFailed: (streamId, error) => {
          this.failed.set(streamId, error);
          change();
        },
        onWorkerDied: (error) => {
          this.deaths.push(error);
          change();
        },
      },
    });
  }

  /** Resolves once `condition` holds after a report. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        this.#onChange = resolve;
      });
    }
  }

  open(streamId: string, policy: RingPolicy = 'overwrite-oldest', slots = 32): FrameRing {
    const ring = FrameRing.create({
      streamId,
      slots,
      maxPixelBytes: 96 * 96 * 3,
      maxLumaBytes: 48 * 48,
      maxMotionVectors: 200,
      policy,
    });
    const geometry = { kind: 'fit', longSide: 96, multipleOf: 32 } as const;
    const lossless = policy === 'wait';
    this.pool.openStream({ streamId, ring: ring.handle, geometry, lossless, lumaLongSide: 48 });
    return ring;
  }

  feed(streamId: string, from = 0, to = units.length, ends = true): boolean[] {
    return units.slice(from, to).map((data, at) => {
      const sequence = from + at;
      const timestampNs = BigInt(sequence) * 40_000_000n;
      const endOfStream = ends && sequence === units.length - 1;
      return this.pool.decode({ streamId, sequence, timestampNs, data, endOfStream });
    });
  }
}

const pools: RecordingPool[] = [];

function createPool(workers: number, startWorker?: () => Worker): RecordingPool {
  const pool = new RecordingPool(workers, startWorker);
  pools.push(pool);
  return pool;
}

afterEach(async () => {
  await Promise.all(pools.splice(0).map(({ pool }) => pool.stop()));
});

describe('DecodePool', () => {
  it('decodes several streams and reports each chunk in order and each end once', async () => {
    const recorder = createPool(2);
    const rings = ['a', 'b', 'c'].map((streamId) => recorder.open(streamId));
    for (const streamId of ['a', 'b', 'c']) {
      expect(recorder.feed(streamId).every(Boolean)).toBe(true);
    }
    await recorder.until(() => recorder.ended.size === 3);
    for (const [at, streamId] of ['a', 'b', 'c'].entries()) {
      const progress = recorder.progress.get(streamId) ?? [];
      expect(progress.map(({ sequence }) => sequence)).toEqual(units.map((_, sequence) => sequence));
      expect(progress.at(-1)?.restartSequence).toBe(16);
      expect(recorder.ended.get(streamId)).toMatchObject({ frames: 24, failed: 0, pending: 0 });
      expect(rings[at]?.counters().written).toBe(24);
      expect(rings[at]?.ended).toBe(true);
    }
    expect(recorder.failed.size).toBe(0);
    expect(recorder.pool.streams).toBe(0);
  });

  it('refuses chunks after the last one and for streams that are not open', async () => {
    const recorder = createPool(1);
    recorder.open('a');
    recorder.feed('a');
    expect(recorder.feed('a', 0, 1)).toEqual([false]);
    expect(recorder.feed('b', 0, 1)).toEqual([false]);
    expect(() => recorder.open('a')).toThrow(/already/);
    await recorder.until(() => recorder.ended.has('a'));
    recorder.open('a');
  });

  it('lets other streams of a worker go on while one waits for its reader', async () => {
    const recorder = createPool(1);
    const waiting = recorder.open('waiting', 'wait', 2);
    recorder.open('live');
    recorder.feed('waiting');
    recorder.feed('live');
    await recorder.until(() => recorder.ended.has('live'));
    expect(recorder.ended.has('waiting')).toBe(false);
    expect(recorder.pool.waitingChunks('waiting')).toBeGreaterThan(15);
    const indexes: number[] = [];
    while ((await waiting.waitForFrame()) === 'frame') {
      using frame = waiting.leaseNext();
      indexes.push(frame?.index ?? -1);
    }
    expect(indexes).toEqual(units.map((_, index) => index));
    await recorder.until(() => recorder.ended.has('waiting'));
    expect(recorder.ended.get('waiting')).toMatchObject({ frames: 24, dropped: { no_slot: 0 } });
  });

  it('closes a stream whose decoder waits for a slot', async () => {
    const recorder = createPool(1);
    const ring = recorder.open('stuck', 'wait', 2);
    recorder.feed('stuck');
    await recorder.until(() => (recorder.progress.get('stuck')?.length ?? 0) >= 2);
    recorder.pool.closeStream('stuck');
    await recorder.until(() => recorder.ended.has('stuck'));
    expect(ring.ended).toBe(true);
    expect(recorder.ended.get('stuck')?.frames).toBeLessThan(24);
  });

  it('stops by message while streams are open, and opens none afterwards', async () => {
    const recorder = createPool(2);
    recorder.open('a', 'wait', 2);
    recorder.open('b');
    recorder.feed('a');
    recorder.feed('b', 0, 10, false);
    await recorder.pool.stop();
    expect([...recorder.ended.keys()].sort()).toEqual(['a', 'b']);
    expect(recorder.deaths).toEqual([]);
    expect(() => recorder.open('c')).toThrow(/stopping/);
  });

  it('makes previews of the source picture only while they are asked for', async () => {
    const recorder = createPool(1);
    recorder.open('a');
    recorder.pool.setPreview('a', { enabled: true, maxFps: 1e6, longSide: 48 });
    recorder.feed('a', 0, 10, false);
    await recorder.until(() => recorder.progress.get('a')?.length === 10);
    const made = recorder.previews.length;
    expect(made).toBeGreaterThan(2);
    const first = recorder.previews[0];
    expect(first).toMatchObject({ frameIndex: 0, width: 48, height: 32 });
    const shown = await readRgbImage(first?.jpeg ?? new Uint8Array());
    expect(shown.width).toBe(48);
    expect(colourDistance(coloursOfQuarters(shown.data, 48, 32), quarterColours)).toBeLessThan(8);
    recorder.pool.setPreview('a', { enabled: false, maxFps: 5 });
    recorder.feed('a', 10);
    await recorder.until(() => recorder.ended.has('a'));
    expect(recorder.previews).toHaveLength(made);
  });

  it('fails the streams of a worker that dies, once, and replaces it', async () => {
    let started = 0;
    const script = `require('node:worker_threads').parentPort.on('message', ({ kind }) => {
      if (kind === 'chunk') throw new Error('out of order');
      if (kind === 'stop') process.exit(0);
    });`;
    const recorder = createPool(1, () => {
      started += 1;
      return new Worker(script, { eval: true });
    });
    const rings = [recorder.open('a'), recorder.open('b')];
    recorder.feed('a', 0, 2, false);
    await recorder.until(() => recorder.deaths.length > 0);
    expect([...recorder.failed.keys()]).toEqual(['a', 'b']);
    expect(recorder.failed.get('a')).toMatchObject({
      code: 'TRACKCAST_WORKER_DIED',
      place: { streamId: 'a' },
    });
    expect(rings.map((ring) => ring.ended)).toEqual([true, true]);
    recorder.open('a');
    expect(started).toBe(2);
    await recorder.pool.stop();
    expect(recorder.deaths).toHaveLength(1);
  });

  it('fails a stream whose ring cannot be used, and no other', async () => {
    const recorder = createPool(1);
    recorder.open('good');
    const ring = FrameRing.create({
      streamId: 'bad',
      slots: 2,
      maxPixelBytes: 10,
      maxLumaBytes: 10,
      maxMotionVectors: 1,
      policy: 'overwrite-oldest',
    });
    const geometry = { kind: 'fit', longSide: 96, multipleOf: 32 } as const;
    recorder.pool.openStream({ streamId: 'bad', ring: ring.handle, geometry, lossless: false });
    recorder.feed('bad');
    recorder.feed('good');
    await recorder.until(() => recorder.ended.size === 2);
    expect(recorder.ended.get('bad')).toMatchObject({ frames: 0, failed: 24 });
    expect(recorder.ended.get('good')).toMatchObject({ frames: 24, failed: 0 });
  });
});
