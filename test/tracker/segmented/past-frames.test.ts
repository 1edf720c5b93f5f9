import { describe, expect, it } from 'vitest';
import { PastFrames } from '../../../src/tracker/segmented/past-frames.ts';

const frame = (index: number, milliseconds: number, width = 640) => ({
  index,
  timestampNs: BigInt(milliseconds) * 1_000_000n,
  width,
  height: 360,
});
const at = (milliseconds: number) => BigInt(milliseconds) * 1_000_000n;
const always = () => true;
const unreachable = expect.objectContaining({ code: 'TRACKCAST_FRAME_UNREACHABLE' });

function filled(...frames: readonly ReturnType<typeof frame>[]) {
  const past = new PastFrames('a');
  for (const known of frames) past.add(known);
  return past;
}

describe('PastFrames', () => {
  it('knows a frame by its very time, or by any time until the next frame', () => {
    const past = filled(frame(0, 0), frame(1, 40), frame(3, 120));
    expect([0, 39, 40, 100, 119, 120, 150, 1120].map((time) => past.at(at(time), always).index)).toEqual([
      0, 0, 1, 1, 1, 3, 3, 3,
    ]);
  });

  it.each([
    ['before the first', filled(frame(0, 100), frame(1, 140)), 99],
    ['far after the newest', filled(frame(0, 100)), 1101],
    ['of a stream that has shown nothing', filled(), 100],
    ['of another picture size', filled(frame(0, 0, 320), frame(1, 40)), 0],
  ])('does not know the time %s', (_name, past, time) => {
    expect(() => past.at(at(time), always)).toThrow(unreachable);
  });

  it('refuses frames from which no motion leads to the present', () => {
    const past = filled(frame(0, 0), frame(1, 40), frame(2, 80));
    const afterCut = (index: number) => index >= 1;
    expect(past.at(at(40), afterCut).index).toBe(1);
    expect(() => past.at(at(0), afterCut)).toThrow(unreachable);
  });

  it('finds frames by their very time though the clock was set back, and forgets a source that began anew', () => {
    const past = filled(frame(0, 5000), frame(1, 5040), frame(2, 100), frame(3, 140));
    expect([5040, 100, 120, 140].map((time) => past.at(at(time), always).index)).toEqual([1, 2, 2, 3]);
    past.add(frame(0, 180));
    expect(() => past.at(at(5040), always)).toThrow(unreachable);
    expect(past.newest?.index).toBe(0);
  });

  it('keeps a bounded number of frames', () => {
    const past = filled(...Array.from({ length: 1000 }, (_, index) => frame(index, index * 40)));
    expect(() => past.at(at(0), always)).toThrow(unreachable);
    expect(past.at(at(900 * 40), always).index).toBe(900);
  });
});
