import type { FrameDescription, FrameWrite } from '../../src/buffer/frame-ring.ts';

/** Pixels of the frames that the ring tests write: 32 x 16 RGB. */
export const testPixels = { width: 32, height: 16, contentWidth: 32, contentHeight: 12 };
export const testPixelBytes = 32 * 16 * 3;
export const testLuma = { width: 16, height: 8 };
export const testVectors = 5;

/** Byte `at` of a plane of frame `index`: differs between frames, planes and places. */
export function marker(index: number, plane: number, at: number): number {
  return (index * 31 + plane * 97 + at * 7) & 0xff;
}

/** Fills a slot with content that tells which frame it is, and commits it. */
export function writeTestFrame(write: FrameWrite, index: number): void {
  for (let at = 0; at < testPixelBytes; at += 1) {
    write.pixels[at] = marker(index, 0, at);
  }
  for (let at = 0; at < testLuma.width * testLuma.height; at += 1) {
    write.luma[at] = marker(index, 1, at);
  }
  write.motionVectors.fill(index & 0x7fff, 0, testVectors * 6);
  write.commit(describeTestFrame(index));
}

export function describeTestFrame(index: number): FrameDescription {
  return {
    streamId: 'ring',
    index,
    timestampNs: 1_763_683_200_123_456_789n + BigInt(index),
    isKeyframe: index % 3 === 0,
    isDamaged: index % 5 === 0,
    width: 1280 + index,
    height: 720,
    chunkSequence: 2 ** 40 + index,
    unitInChunk: index % 4,
    receivedAtMs: index + 0.25,
    decodedAtMs: index + 0.5,
    pixelSize: testPixels,
    lumaWidth: testLuma.width,
    lumaHeight: testLuma.height,
    motionVectorCount: testVectors,
  };
}
