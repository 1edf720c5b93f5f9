import { describe, expect, it } from 'vitest';
import {
  type ClipOptions,
  chunksOf,
  cutAt,
  decodeChunks,
  encodeClip,
  hashes,
  nalOffsets,
  nalsOf,
  randomGenerator,
} from './h264-clips.ts';

const clips: [string, ClipOptions][] = [
  ['one slice per picture', { frames: 20 }],
  ['four slices per picture', { frames: 20, slices: 4 }],
];

describe.each(clips)('a stream with %s', (_name, options) => {
  const units = encodeClip(options);
  const bytes = Buffer.concat(units);

  it('gives identical frames for 1,000 random cuts', async () => {
    const expected = hashes(await decodeChunks(chunksOf(units), { eagerAccessUnits: 'never' }));
    expect(expected).toHaveLength(20);
    expect(new Set(expected).size).toBe(20);
    const nals = nalOffsets(bytes);
    for (let seed = 1; seed <= 1000; seed += 1) {
      const random = randomGenerator(seed);
      const count = 1 + random(seed % 10 === 0 ? 400 : 40);
      // Every third case cuts only between NAL units, which is where a decoder can be deceived.
      const place = seed % 3 === 0 ? () => nals[random(nals.length)] ?? 0 : () => random(bytes.length);
      const pieces = cutAt(bytes, Array.from({ length: count }, place));
      const decoded = await decodeChunks(chunksOf(pieces));
      expect(hashes(decoded), `seed ${seed}`).toEqual(expected);
      expect(decoded.counters.damaged, `seed ${seed}`).toBe(0);
    }
  });

  it('gives identical frames byte by byte', async () => {
    const head = units.slice(0, 3);
    const expected = hashes(await decodeChunks(chunksOf(head)));
    const pieces = [...Buffer.concat(head)].map((byte) => Uint8Array.of(byte));
    expect(hashes(await decodeChunks(chunksOf(pieces)))).toEqual(expected);
  });

  it('gives identical frames NAL unit by NAL unit', async () => {
    const expected = hashes(await decodeChunks(chunksOf(units)));
    expect(hashes(await decodeChunks(chunksOf(units.flatMap(nalsOf))))).toEqual(expected);
  });

  it('delivers each picture with its own chunk once eight chunks have ended with pictures', async () => {
    const { frames } = await decodeChunks(chunksOf(units));
    const delays = frames.map(({ name, deliveredBy }) => Number(deliveredBy) - Number.parseInt(name, 10));
    expect(delays).toEqual([...Array(8).fill(1), ...Array(12).fill(0)]);
  });

  it('waits for the next picture where it may not end one early', async () => {
    const { frames } = await decodeChunks(chunksOf(units), { eagerAccessUnits: 'never' });
    const delays = frames.map(({ name, deliveredBy }) => (deliveredBy ?? 20) - Number.parseInt(name, 10));
    expect(delays).toEqual(Array(20).fill(1));
  });

  it('notices a picture that goes on after its chunk, and is exact again from the next IDR picture on', async () => {
    const expected = hashes(await decodeChunks(chunksOf(units)));
    const cutUnit = 11;
    const second = units[cutUnit] ?? new Uint8Array();
    const middle = nalOffsets(second)[1] ?? second.length >> 1;
    const pieces = [
      ...units.slice(0, cutUnit),
      second.subarray(0, middle),
      second.subarray(middle),
      ...units.slice(cutUnit + 1),
    ];
    const { frames, counters } = await decodeChunks(chunksOf(pieces));
    expect(counters).toMatchObject({ cutEarly: 1, frames: 20 });
    const wrong = frames.filter(({ hash }, at) => hash !== expected[at]);
    expect(wrong.length).toBeGreaterThan(0);
    expect(wrong.every(({ isDamaged }) => isDamaged)).toBe(true);
    expect(frames.slice(16).map(({ hash }) => hash)).toEqual(expected.slice(16));
    expect(frames.slice(16).some(({ isDamaged }) => isDamaged)).toBe(false);
  });
});
