import { type Frame, fitPixels } from '../../src/buffer/frame.ts';

/** A grey frame for tests in which nobody looks at pixels: 128 x 96, its mask grid is 32 x 24. */
export function blankFrame(index: number, changes: Partial<Frame> = {}): Frame {
  const width = changes.width ?? 128;
  const height = changes.height ?? 96;
  const pixelSize = fitPixels({ kind: 'fit', longSide: 128, multipleOf: 16 }, width, height);
  return {
    streamId: 'blank',
    index,
    timestampNs: BigInt(index) * 100_000_000n,
    isKeyframe: index === 0,
    isDamaged: false,
    width,
    height,
    chunkSequence: index,
    unitInChunk: 0,
    receivedAtMs: index,
    decodedAtMs: index,
    pixelSize,
    pixels: new Uint8Array(pixelSize.width * pixelSize.height * 3).fill(128),
    lumaWidth: width / 2,
    lumaHeight: height / 2,
    luma: new Uint8Array((width / 2) * (height / 2)).fill(128),
    motionVectors: new Int16Array(0),
    ...changes,
  };
}
