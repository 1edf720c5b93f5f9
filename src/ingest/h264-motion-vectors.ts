import { motionVectorStride } from '../buffer/frame.ts';

/** FFmpeg's `AVMotionVector`, little-endian, in 16-bit words. */
const record = {
  words: 20,
  source: 0,
  blockSize: 2,
  centreX: 5,
  centreY: 6,
  motionX: 12,
  motionY: 14,
  scale: 16,
} as const;

export interface PackedMotionVectors {
  readonly count: number;
  /** Vectors left out because `target` was full. */
  readonly omitted: number;
}

/**
 * Packs the decoder's exported motion vectors into `Frame.motionVectors` layout: block centre x, y; block width,
 * height; where it came from relative to its centre, x, y in quarter pixels. Vectors into the future, which
 * only B pictures have, are left out. When there are more than fit, an even sample over the picture stays.
 *
 * @param exported side data as the decoder gives it, 40 bytes a vector; null for intra pictures
 */
export function packMotionVectors(exported: Uint8Array | null, target: Int16Array): PackedMotionVectors {
  if (exported === null) {
    return { count: 0, omitted: 0 };
  }
  const aligned = exported.byteOffset % 2 === 0 ? exported : new Uint8Array(exported);
  const words = new Int16Array(aligned.buffer, aligned.byteOffset, aligned.byteLength >> 1);
  const total = countPast(words);
  const capacity = Math.floor(target.length / motionVectorStride);
  const count = Math.min(total, capacity);
  let seen = 0;
  let packed = 0;
  for (let at = 0; at + record.words <= words.length && packed < count; at += record.words) {
    if (isPast(words, at)) {
      // Takes vector number `seen` when it is the first at or after the next sampling point.
      if (seen * count >= packed * total) {
        packOne(words, at, target, packed * motionVectorStride);
        packed += 1;
      }
      seen += 1;
    }
  }
  return { count: packed, omitted: total - packed };
}

function isPast(words: Int16Array, at: number): boolean {
  return (words[at + record.source + 1] ?? 0) < 0;
}

function countPast(words: Int16Array): number {
  let count = 0;
  for (let at = 0; at + record.words <= words.length; at += record.words) {
    count += isPast(words, at) ? 1 : 0;
  }
  return count;
}

function packOne(words: Int16Array, at: number, target: Int16Array, to: number): void {
  const size = words[at + record.blockSize] ?? 0;
  const scale = words[at + record.scale] || 4;
  target[to] = words[at + record.centreX] ?? 0;
  target[to + 1] = words[at + record.centreY] ?? 0;
  target[to + 2] = size & 0xff;
  target[to + 3] = (size >> 8) & 0xff;
  target[to + 4] = quarterPixels(words, at + record.motionX, scale);
  target[to + 5] = quarterPixels(words, at + record.motionY, scale);
}

function quarterPixels(words: Int16Array, at: number, scale: number): number {
  const motion = ((words[at] ?? 0) & 0xffff) | ((words[at + 1] ?? 0) << 16);
  return Math.max(-32768, Math.min(32767, Math.round((motion * 4) / scale)));
}
