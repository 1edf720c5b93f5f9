import { describe, expect, it } from 'vitest';
import type { PixelGeometry } from '../../src/buffer/frame.ts';
import { FrameRing, type FrameWrite } from '../../src/buffer/frame-ring.ts';
import { H264Decoder } from '../../src/ingest/h264-decoder.ts';
import {
  type ClipOptions,
  chunksOf,
  colourDistance,
  colourPicture,
  coloursOfQuarters,
  decodeChunks,
  encodeClip,
  hashes,
  nalsOf,
  quarterColours,
  randomGenerator,
  scenePicture,
  typeOfNal,
} from './h264-clips.ts';

const units = encodeClip({ frames: 24 });
const clean = await decodeChunks(chunksOf(units));

describe('H264Decoder', () => {
  it('delivers every picture once, named by its chunk, with keyframes where IDR pictures are', () => {
    expect(clean.frames.map(({ name }) => name)).toEqual(units.map((_, at) => `${at}/0`));
    expect(clean.frames.map(({ index }) => index)).toEqual(units.map((_, at) => at));
    expect(clean.frames.filter(({ isKeyframe }) => isKeyframe).map(({ index }) => index)).toEqual([0, 8, 16]);
    expect(clean.frames.some(({ isDamaged }) => isDamaged)).toBe(false);
    expect(clean.events).toEqual([{ kind: 'picture_size', frameIndex: 0, width: 96, height: 64 }]);
    expect(clean.counters).toMatchObject({ accessUnits: 24, frames: 24, failed: 0, damaged: 0 });
  });

  it('exports motion vectors of predicted pictures and none of keyframes', () => {
    expect(clean.frames.filter(({ isKeyframe, motionVectors }) => isKeyframe && motionVectors > 0)).toEqual(
      [],
    );
    expect(clean.frames[1]?.motionVectors).toBeGreaterThan(10);
  });

  it('tells from which chunk on the stream would have to be delivered again', () => {
    const restarts = clean.outcomes.map(({ restartSequence }) => restartSequence);
    // The first pictures come out one chunk late, until the chunks have shown where they end.
    expect(restarts).toEqual([null, ...Array(7).fill(0), ...Array(8).fill(8), ...Array(8).fill(16)]);
  });

  it('gives pictures in display order when they are predicted from both sides', async () => {
    const brightening = (width: number, height: number, time: number) =>
      scenePicture(width, height, 0).map((value) => (value >> 1) + 5 * time);
    const reordered = encodeClip({ frames: 20, bFrames: 3, preset: 'fast', picture: brightening });
    const { frames, counters } = await decodeChunks(chunksOf(reordered));
    expect(frames).toHaveLength(20);
    expect(counters.failed).toBe(0);
    const brightness = frames.map(({ meanLuma }) => meanLuma);
    expect(brightness).toEqual(brightness.toSorted((a, b) => a - b));
    const decodingOrder = frames.map(({ name }) => Number.parseInt(name, 10));
    expect(decodingOrder).not.toEqual(decodingOrder.toSorted((a, b) => a - b));
    expect(frames.some(({ isDamaged }) => isDamaged)).toBe(false);
    expect(counters.pending).toBe(0);
  });

  it('joins in the middle of a group and begins with its next IDR picture', async () => {
    const { frames, counters } = await decodeChunks(chunksOf(units.slice(3), 3));
    expect(frames.map(({ name }) => name)).toEqual(clean.frames.slice(8).map(({ name }) => name));
    expect(hashes({ ...clean, frames })).toEqual(hashes(clean).slice(8));
    expect(counters.dropped.awaiting_keyframe).toBe(5);
    expect(counters.failed).toBe(0);
  });

  it('marks what follows a lost chunk until the next IDR picture', async () => {
    const { frames, counters, events } = await decodeChunks(
      chunksOf(units).filter(({ sequence }) => sequence !== 11),
    );
    const damaged = frames.filter(({ isDamaged }) => isDamaged).map(({ name }) => name);
    expect(damaged).toEqual(['12/0', '13/0', '14/0', '15/0']);
    expect(counters).toMatchObject({ discontinuities: 1, damaged: 4, frames: 23 });
    expect(events).toContainEqual({ kind: 'discontinuity', sequence: 12, cause: 'lost' });
    expect(hashes({ ...clean, frames }).slice(-8)).toEqual(hashes(clean).slice(-8));
  });

  it('marks what follows a lost picture even if no chunk seems lost', async () => {
    const { frames } = await decodeChunks(chunksOf(units.filter((_, at) => at !== 11)));
    expect(frames.filter(({ isDamaged }) => isDamaged).map(({ name }) => name)).toEqual([
      '11/0',
      '12/0',
      '13/0',
      '14/0',
    ]);
  });

  it('skips chunks that come again', async () => {
    const chunks = chunksOf(units);
    const again = [...chunks.slice(0, 14), ...chunks.slice(8, 14), ...chunks.slice(14)];
    const { frames, counters } = await decodeChunks(again);
    expect(hashes({ ...clean, frames })).toEqual(hashes(clean));
    expect(counters).toMatchObject({ duplicateChunks: 6, discontinuities: 0 });
  });

  it('goes on with a publisher that counts from the beginning again', async () => {
    const later = chunksOf(units).map((chunk) => ({
      ...chunk,
      timestampNs: chunk.timestampNs + 10_000_000_000n,
    }));
    const { frames, counters, events } = await decodeChunks([...chunksOf(units.slice(0, 13)), ...later]);
    expect(frames).toHaveLength(13 + 24);
    expect(hashes({ ...clean, frames }).slice(13)).toEqual(hashes(clean));
    expect(frames.some(({ isDamaged }) => isDamaged)).toBe(false);
    expect(counters.failed).toBe(0);
    expect(events).toContainEqual({ kind: 'discontinuity', sequence: 0, cause: 'restarted' });
  });

  it('follows a change of resolution and of parameter sets in the middle of the stream', async () => {
    const larger = encodeClip({ frames: 8, width: 128, height: 48, fps: 10, preset: 'medium' });
    const { frames, events, counters } = await decodeChunks(chunksOf([...units, ...larger, ...units]));
    expect(frames.map(({ width }) => width)).toEqual([
      ...Array(24).fill(96),
      ...Array(8).fill(128),
      ...Array(24).fill(96),
    ]);
    expect(hashes({ ...clean, frames }).slice(-24)).toEqual(hashes(clean));
    expect(events.filter(({ kind }) => kind === 'picture_size')).toHaveLength(3);
    expect(counters).toMatchObject({ failed: 0, damaged: 0 });
  });

  it('names and times several pictures of one chunk by the frame rate of the stream', async () => {
    const packed = [Buffer.concat(units.slice(0, 8)), Buffer.concat(units.slice(8, 16))];
    const { frames } = await decodeChunks(chunksOf(packed, 5));
    expect(frames.map(({ name }) => name).slice(6, 10)).toEqual(['5/6', '5/7', '6/0', '6/1']);
    expect(frames.slice(0, 8).map(({ timestampNs }) => timestampNs - 200_000_000n)).toEqual(
      Array.from({ length: 8 }, (_, at) => BigInt(at) * 40_000_000n),
    );
    expect(frames[8]?.timestampNs).toBe(240_000_000n);
  });

  it('gives redelivered frames their names again', async () => {
    const bytes = Buffer.concat(units);
    for (let seed = 1; seed <= 60; seed += 1) {
      const random = randomGenerator(seed);
      const size = 40 + random(3000);
      const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) =>
        bytes.subarray(at * size, (at + 1) * size),
      );
      const chunks = chunksOf(pieces);
      const first = await decodeChunks(chunks);
      const died = random(chunks.length);
      const from = first.outcomes[died]?.restartSequence ?? 0;
      const second = await decodeChunks(chunks.slice(from));
      const names = new Map(first.frames.map(({ name, hash, timestampNs }) => [name, { hash, timestampNs }]));
      const key = second.frames.findIndex(({ isKeyframe }) => isKeyframe);
      expect(key, `seed ${seed}`).toBe(0);
      for (const { name, hash, timestampNs } of second.frames) {
        expect(names.get(name), `seed ${seed}, frame ${name}`).toEqual({ hash, timestampNs });
      }
      expect(second.frames.at(-1)?.name).toBe(first.frames.at(-1)?.name);
    }
  });

  it('skips garbage without keeping it, and decodes what follows', async () => {
    const random = randomGenerator(7);
    const garbage = Array.from({ length: 40 }, () => Uint8Array.from({ length: 4096 }, () => random(256)));
    const zeros = new Uint8Array(100_000);
    const { frames, counters } = await decodeChunks(chunksOf([...garbage, zeros, ...units]));
    expect(hashes({ ...clean, frames }).slice(-16)).toEqual(hashes(clean).slice(-16));
    expect(counters.frames).toBeGreaterThanOrEqual(24);
  });

  it('throws an access unit away that never ends', async () => {
    const slice = units[1] ?? new Uint8Array();
    const endless = Array.from({ length: 20 }, () => new Uint8Array(1000).fill(0x55));
    const { frames, counters } = await decodeChunks(
      chunksOf([...units.slice(0, 1), slice, ...endless, ...units]),
      {
        maxAccessUnitBytes: 10_000,
      },
    );
    expect(counters.parserResets).toBe(1);
    expect(hashes({ ...clean, frames }).slice(-16)).toEqual(hashes(clean).slice(-16));
  });

  it.each([
    [7, 'sequence'],
    [8, 'picture'],
    [5, 'no IDR picture but'],
  ])('waits for a whole start when NAL units of type %d are missing (%s parameter sets)', async (type) => {
    const [first, ...rest] = units;
    const broken = Buffer.concat(nalsOf(first ?? new Uint8Array()).filter((nal) => typeOfNal(nal) !== type));
    const { frames, counters } = await decodeChunks(chunksOf([broken, ...rest]));
    expect(hashes({ ...clean, frames })).toEqual(hashes(clean).slice(8));
    expect(counters.dropped.awaiting_keyframe).toBe(counters.accessUnits - 16);
  });

  it('ends with an end-of-stream chunk, with or without data', async () => {
    const chunks = chunksOf([...units, new Uint8Array()]);
    const last = chunks.at(-1);
    const { frames } = await decodeChunks(
      last === undefined ? [] : [...chunks.slice(0, -1), { ...last, endOfStream: true }],
    );
    expect(frames.at(-1)?.deliveredBy).toBe(23);
    const sudden = await decodeChunks(
      chunksOf(units.slice(0, 4)).map((c) => ({ ...c, endOfStream: c.sequence === 3 })),
    );
    expect(sudden.frames.map(({ deliveredBy }) => deliveredBy)).toEqual([1, 2, 3, 3]);
  });

  it('counts frames that find no slot and goes on', async () => {
    let asked = 0;
    const { counters } = await decodeChunks(chunksOf(units), {
      sink: {
        beginWrite: () => {
          asked += 1;
          return null;
        },
      },
    });
    expect(asked).toBe(24);
    expect(counters).toMatchObject({ frames: 0, dropped: { no_slot: 24, awaiting_keyframe: 0 } });
  });

  it('counts a picture as failed that does not fit into its slot', async () => {
    const ring = FrameRing.create({
      streamId: 'small',
      slots: 2,
      maxPixelBytes: 100,
      maxLumaBytes: 10_000,
      maxMotionVectors: 10,
      policy: 'overwrite-oldest',
    });
    const { counters } = await decodeChunks(chunksOf(units), {
      sink: { beginWrite: () => ring.tryBeginWrite() },
    });
    expect(counters).toMatchObject({ frames: 0, failed: 24 });
    expect(ring.counters().noSlot).toBe(0);
  });

  it('waits for a slot where it is given a promise', async () => {
    const ring = FrameRing.create({
      streamId: 'wait',
      slots: 2,
      maxPixelBytes: 10_000,
      maxLumaBytes: 10_000,
      maxMotionVectors: 10,
      policy: 'wait',
    });
    using decoder = new H264Decoder({
      streamId: 'wait',
      geometry: { kind: 'stretch', width: 32, height: 32 },
      lumaLongSide: 32,
      sink: { beginWrite: () => ring.beginWrite() },
    });
    const all = (async () => {
      for (const chunk of chunksOf(units)) {
        await decoder.push(chunk);
      }
      await decoder.flush();
      ring.end();
    })();
    let read = 0;
    while ((await ring.waitForFrame()) === 'frame') {
      ring.leaseNext()?.[Symbol.dispose]();
      read += 1;
    }
    await all;
    expect(read).toBe(24);
    expect(decoder.counters()).toMatchObject({ frames: 24, motionVectorsOmitted: expect.any(Number) });
    expect(decoder.counters().motionVectorsOmitted).toBeGreaterThan(0);
  });
});

describe('pixels of a decoded frame', () => {
  async function firstFrame(
    geometry: PixelGeometry,
    picture: NonNullable<ClipOptions['picture']> = scenePicture,
  ) {
    const planes = {
      pixels: new Uint8Array(96 * 96 * 3),
      luma: new Uint8Array(96 * 96),
      motionVectors: new Int16Array(60),
    };
    let committed: Parameters<FrameWrite['commit']>[0] | null = null;
    const write: FrameWrite = { ...planes, commit: (info) => (committed ??= info), abandon: () => undefined };
    using decoder = new H264Decoder({
      streamId: 'pixels',
      geometry,
      lumaLongSide: 96,
      sink: { beginWrite: () => (committed === null ? write : null) },
    });
    for (const chunk of chunksOf(encodeClip({ frames: 1, crf: 1, picture }))) {
      await decoder.push(chunk);
    }
    await decoder.flush();
    return { ...planes, info: committed as Parameters<FrameWrite['commit']>[0] | null };
  }

  it('show the source picture at the top left and padding elsewhere', async () => {
    const { pixels, info } = await firstFrame({ kind: 'fit', longSide: 96, multipleOf: 48 }, colourPicture);
    expect(info?.pixelSize).toEqual({ width: 96, height: 96, contentWidth: 96, contentHeight: 64 });
    expect(colourDistance(coloursOfQuarters(pixels, 96, 64), quarterColours)).toBeLessThan(6);
    expect([...pixels.subarray(64 * 96 * 3, 64 * 96 * 3 + 6), ...pixels.subarray(-3)]).toEqual([
      124, 116, 104, 124, 116, 104, 124, 116, 104,
    ]);
    expect(pixels[64 * 96 * 3 - 3]).not.toBe(124);
  });

  it('pad at the right of upright pictures', async () => {
    const { pixels, info } = await firstFrame({ kind: 'fit', longSide: 40, multipleOf: 32 });
    expect(info?.pixelSize).toEqual({ width: 64, height: 32, contentWidth: 40, contentHeight: 27 });
    for (const row of [0, 13, 26, 31]) {
      const column = row < 27 ? 40 : 0;
      const at = (row * 64 + column) * 3;
      expect([...pixels.subarray(at, at + 3)], `row ${row}`).toEqual([124, 116, 104]);
    }
  });

  it('come with full-range luma of the whole picture', async () => {
    const { luma, info } = await firstFrame({ kind: 'stretch', width: 32, height: 32 });
    expect([info?.lumaWidth, info?.lumaHeight]).toEqual([96, 64]);
    const source = scenePicture(96, 64, 0);
    let difference = 0;
    for (let at = 0; at < 96 * 64; at += 1) {
      const [red = 0, green = 0, blue = 0] = source.subarray(at * 3, at * 3 + 3);
      difference += Math.abs(0.299 * red + 0.587 * green + 0.114 * blue - (luma[at] ?? 0)) / (96 * 64);
    }
    expect(difference).toBeLessThan(3);
  });
});
