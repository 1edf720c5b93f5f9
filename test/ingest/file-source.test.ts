import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import type { Chunk } from '../../src/ingest/chunk.ts';
import { FileSource, type FileSourceClock, type FileSourceOptions } from '../../src/ingest/file-source.ts';
import { describeChunkSource } from './chunk-source-conformance.ts';
import { encodeClip, muxClip, TemporaryFolder } from './clip-fixture.ts';

const folder = new TemporaryFolder();
afterAll(() => folder.remove());

const asFastAsPossible = { kind: 'asFastAsPossible' } as const;

describeChunkSource('FileSource', async (parts) => {
  const path = folder.write('conformance.h264', Buffer.concat(parts));
  return {
    source: new FileSource({ path, streamId: 'file-1', pace: asFastAsPossible }),
    streamId: 'file-1',
    feed: async () => {},
    dispose: async () => {},
  };
});

describeChunkSource('FileSource with random splits', async (parts) => {
  const path = folder.write('splits.h264', Buffer.concat(parts));
  const chunking = { kind: 'bytes', min: 1, max: 97, seed: 5 } as const;
  return {
    source: new FileSource({ path, streamId: 'file-1', pace: asFastAsPossible, chunking }),
    streamId: 'file-1',
    feed: async () => {},
    dispose: async () => {},
  };
});

/** A clock that only sleeping moves. */
class SleepClock implements FileSourceClock {
  ms = 5_000;
  readonly sleeps: number[] = [];

  nowMs(): number {
    return this.ms;
  }

  async sleep(ms: number): Promise<void> {
    this.sleeps.push(ms);
    this.ms += ms;
  }
}

describe('FileSource', () => {
  const units = encodeClip({ frames: 12, gop: 5 });
  const rawPath = folder.write('clip.h264', Buffer.concat(units));
  let source: FileSource | undefined;

  function open(options: Partial<FileSourceOptions>): FileSource {
    source = new FileSource({ path: rawPath, streamId: 'clip', startTimestampNs: 1_000n, ...options });
    return source;
  }

  async function readAll(options: Partial<FileSourceOptions>): Promise<Chunk[]> {
    const chunks: Chunk[] = [];
    const opened = open({ pace: asFastAsPossible, ...options });
    await opened.start((chunk) => {
      chunks.push(chunk);
    });
    expect(await opened.finished).toEqual({ kind: 'ended' });
    return chunks;
  }

  afterEach(async () => {
    await source?.close();
  });

  it('makes one chunk of each access unit, 40 ms apart in a raw byte stream', async () => {
    const chunks = await readAll({});
    expect(chunks.map((chunk) => chunk.data.length)).toEqual([...units.map((unit) => unit.length), 0]);
    expect(chunks.map((chunk) => chunk.timestampNs)).toEqual(
      chunks.map((_, index) => 1_000n + BigInt(index) * 40_000_000n),
    );
  });

  it('takes another frame rate for raw byte streams', async () => {
    const chunks = await readAll({ framesPerSecond: 50 });
    expect(chunks[3]?.timestampNs).toBe(60_001_000n);
  });

  it.each(['mp4', 'mkv'])(
    'reads %s as an Annex B byte stream with parameter sets at each IDR',
    async (type) => {
      const path = join(folder.path, `plain.${type}`);
      await muxClip(path, { frames: 12, gop: 5 });
      const chunks = await readAll({ path });
      expect(chunks).toHaveLength(13);
      const withParameterSets = chunks.filter(({ data }) => holdsNal(data, 7) && holdsNal(data, 5));
      expect(withParameterSets.map((chunk) => chunk.sequence)).toEqual([0, 5, 10]);
      for (const { data } of chunks.slice(0, -1)) {
        expect(Buffer.from(data.subarray(0, 4)).toString('hex')).toMatch(/^000000?01/);
      }
    },
  );

  it.each(['mp4', 'mkv'])(
    'gives pictures that are coded out of order in %s the times at which they show',
    async (type) => {
      const path = join(folder.path, `reordered.${type}`);
      await muxClip(path, { frames: 12, gop: 12, bFrames: 2 });
      const times = (await readAll({ path }))
        .slice(0, -1)
        .map((chunk) => Number(chunk.timestampNs - 1_000n) / 1e6);
      expect(times.slice(0, 3)).toEqual([0, 80, 40]);
      expect(times.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 12 }, (_, index) => index * 40));
    },
  );

  it('keeps the pace of the file on the clock it is given', async () => {
    const clock = new SleepClock();
    const at: number[] = [];
    const opened = open({ clock, pace: { kind: 'realtime' } });
    await opened.start((chunk) => {
      at.push(Math.round(clock.ms - 5_000));
      if (chunk.sequence === 4) {
        // A reader that stalls is not made to wait again for the time that has passed.
        clock.ms += 100;
      }
    });
    await opened.finished;
    expect(at).toEqual([0, 40, 80, 120, 160, 260, 260, 280, 320, 360, 400, 440, 440]);
  });

  it('plays faster on request', async () => {
    const clock = new SleepClock();
    const opened = open({ clock, pace: { kind: 'realtime', speed: 4 } });
    await opened.start(() => {});
    await opened.finished;
    expect(Math.round(clock.ms - 5_000)).toBe(110);
  });

  it('begins again at the end of a loop, with growing sequences and timestamps, until stopped', async () => {
    const chunks: Chunk[] = [];
    const opened = open({ loop: true, pace: asFastAsPossible, sequenceStart: 100 });
    const enough = new Promise<void>((resolve) => {
      void opened.start((chunk) => {
        chunks.push(chunk);
        if (chunks.length === 30) {
          resolve();
        }
      });
    });
    await enough;
    await opened.stop();
    expect(await opened.finished).toEqual({ kind: 'stopped' });
    expect(chunks.slice(0, 30).map((chunk) => chunk.sequence)).toEqual(
      Array.from({ length: 30 }, (_, index) => 100 + index),
    );
    expect(chunks.slice(0, 30).map((chunk) => chunk.timestampNs)).toEqual(
      Array.from({ length: 30 }, (_, index) => 1_000n + BigInt(index) * 40_000_000n),
    );
    expect(Buffer.from(chunks[12]?.data ?? []).equals(Buffer.from(chunks[0]?.data ?? []))).toBe(true);
    expect(opened.nextSequence).toBe(100 + chunks.length);
  });

  it('cuts the same bytes at the same places for the same seed', async () => {
    const sizes = async (seed: number) =>
      (await readAll({ chunking: { kind: 'bytes', min: 10, max: 200, seed } })).map(
        (chunk) => chunk.data.length,
      );
    const first = await sizes(1);
    expect(await sizes(1)).toEqual(first);
    expect(await sizes(2)).not.toEqual(first);
    expect(first.slice(0, -2).every((size) => size >= 10 && size <= 200)).toBe(true);
  });

  it('stops at once while it waits for the time of the next picture', async () => {
    const opened = open({ pace: { kind: 'realtime', speed: 1e-6 } });
    await opened.start(() => {});
    await opened.stop();
    expect(await opened.finished).toEqual({ kind: 'stopped' });
  });

  it('ends as failed when its handler breaks its promise', async () => {
    const opened = open({ pace: asFastAsPossible });
    await opened.start(() => Promise.reject(new Error('broken')));
    expect(await opened.finished).toMatchObject({
      kind: 'failed',
      error: { code: 'TRACKCAST_SOURCE_UNREADABLE' },
    });
  });

  it('refuses what it cannot read, with the path and the reason', async () => {
    const mpeg4 = join(folder.path, 'mpeg4.mp4');
    await muxClip(mpeg4, { frames: 3, codec: 'mpeg4' });
    const cases = [
      [join(folder.path, 'absent.mp4'), 'ENOENT'],
      [folder.path, 'it is not a file'],
      [folder.write('text.mp4', Buffer.from('no video at all')), 'Invalid data'],
      [folder.write('text.h264', Buffer.from('no video at all')), ''],
      [mpeg4, 'no H.264 video track'],
    ] as const;
    for (const [path, reason] of cases) {
      await expect(open({ path }).start(() => {})).rejects.toMatchObject({
        code: 'TRACKCAST_SOURCE_UNREADABLE',
        message: expect.stringContaining(reason),
        place: { key: path },
      });
    }
  });

  it('refuses a stream id that cannot be one', () => {
    expect(() => open({ streamId: 'a b' })).toThrow(
      expect.objectContaining({ code: 'TRACKCAST_CONFIG_INVALID' }),
    );
  });
});

/** Whether a NAL unit of this type is in a piece of an Annex B byte stream. */
function holdsNal(data: Uint8Array, type: number): boolean {
  for (let index = 0; index + 3 < data.length; index += 1) {
    if (
      data[index] === 0 &&
      data[index + 1] === 0 &&
      data[index + 2] === 1 &&
      ((data[index + 3] ?? 0) & 31) === type
    ) {
      return true;
    }
  }
  return false;
}
