import { describe, expect, it } from 'vitest';
import type { FrameInfo } from '../../src/buffer/frame.ts';
import { PublishedFrames } from '../../src/pipeline/published-frames.ts';

function frame(chunkSequence: number, timestampNs: number, unitInChunk = 0): FrameInfo {
  return {
    streamId: 'a',
    index: 0,
    timestampNs: BigInt(timestampNs),
    isKeyframe: false,
    isDamaged: false,
    width: 16,
    height: 16,
    chunkSequence,
    unitInChunk,
    receivedAtMs: 0,
    decodedAtMs: 0,
  };
}

describe('PublishedFrames', () => {
  it('takes every frame once', () => {
    const published = new PublishedFrames();
    expect(
      [frame(1, 10), frame(1, 20, 1), frame(2, 30), frame(1, 10)].map((each) => published.add(each)),
    ).toEqual([true, true, true, false]);
  });

  it('takes frames whose order of display is not the order of their chunks', () => {
    const published = new PublishedFrames();
    // Two B-frames come in the chunks after the picture that they are shown before.
    const shown = [frame(0, 0), frame(2, 80), frame(3, 120), frame(1, 40)];
    expect(shown.every((each) => published.add(each))).toBe(true);
  });

  it('takes the same numbers again with another capture time', () => {
    const published = new PublishedFrames();
    published.add(frame(1, 10));
    expect(published.add(frame(1, 999))).toBe(true);
  });

  it('forgets all when told to, and the oldest by itself', () => {
    const published = new PublishedFrames();
    published.add(frame(0, 0));
    published.clear();
    expect(published.add(frame(0, 0))).toBe(true);
    for (let sequence = 1; sequence <= 4096; sequence++) published.add(frame(sequence, sequence));
    expect(published.add(frame(4096, 4096))).toBe(false);
    expect(published.add(frame(0, 0))).toBe(true);
  });
});
