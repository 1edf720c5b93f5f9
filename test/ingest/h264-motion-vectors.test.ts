import { describe, expect, it } from 'vitest';
import { packMotionVectors } from '../../src/ingest/h264-motion-vectors.ts';

interface Vector {
  source: number;
  x: number;
  y: number;
  motionX: number;
  motionY: number;
  scale?: number;
}

/** The decoder's export format: 40 bytes a vector. */
function exported(vectors: readonly Vector[], offset = 0): Uint8Array {
  const bytes = new Uint8Array(offset + vectors.length * 40);
  const view = new DataView(bytes.buffer, offset);
  for (const [at, vector] of vectors.entries()) {
    const base = at * 40;
    view.setInt32(base, vector.source, true);
    view.setUint8(base + 4, 16);
    view.setUint8(base + 5, 8);
    view.setInt16(base + 10, vector.x, true);
    view.setInt16(base + 12, vector.y, true);
    view.setInt32(base + 24, vector.motionX, true);
    view.setInt32(base + 28, vector.motionY, true);
    view.setUint16(base + 32, vector.scale ?? 4, true);
  }
  return bytes.subarray(offset);
}

const past = (x: number): Vector => ({ source: -1, x, y: 20, motionX: -7, motionY: 300 });

describe('packMotionVectors', () => {
  it('packs centre, size and motion in quarter pixels', () => {
    const target = new Int16Array(12);
    const vectors = [past(8), { source: -1, x: 900, y: 3, motionX: 5, motionY: -5, scale: 2 }];
    expect(packMotionVectors(exported(vectors), target)).toEqual({ count: 2, omitted: 0 });
    expect([...target]).toEqual([8, 20, 16, 8, -7, 300, 900, 3, 16, 8, 10, -10]);
  });

  it('leaves out vectors into the future', () => {
    const target = new Int16Array(12);
    expect(packMotionVectors(exported([{ ...past(1), source: 1 }, past(2)]), target).count).toBe(1);
    expect(target[0]).toBe(2);
  });

  it('keeps an even sample when there are too many, and says how many are missing', () => {
    const target = new Int16Array(4 * 6);
    const vectors = Array.from({ length: 10 }, (_, x) => past(x));
    expect(packMotionVectors(exported(vectors), target)).toEqual({ count: 4, omitted: 6 });
    expect([0, 6, 12, 18].map((at) => target[at])).toEqual([0, 3, 5, 8]);
  });

  it('reads from any offset of memory, and nothing from intra pictures', () => {
    const target = new Int16Array(6);
    expect(packMotionVectors(exported([past(5)], 3), target).count).toBe(1);
    expect(target[0]).toBe(5);
    expect(packMotionVectors(null, target)).toEqual({ count: 0, omitted: 0 });
  });

  it('clamps motion that no picture can have', () => {
    const target = new Int16Array(6);
    packMotionVectors(exported([{ ...past(1), motionX: 1e6, motionY: -1e6 }]), target);
    expect([target[4], target[5]]).toEqual([32767, -32768]);
  });
});
