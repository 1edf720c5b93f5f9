import { type FrameLease, motionVectorStride } from './frame.ts';
import type { RingSlot } from './ring-layout.ts';

/** The frame in a slot that the caller has just leased. `release` is called once, when the lease ends. */
export function leaseSlot(slot: RingSlot, streamId: string, release: () => void): FrameLease {
  const { pixelSize } = slot;
  const lumaWidth = slot.number('lumaWidth');
  const lumaHeight = slot.number('lumaHeight');
  let held = true;
  return {
    streamId,
    index: slot.number('index'),
    timestampNs: slot.timestampNs,
    isKeyframe: slot.isKeyframe,
    isDamaged: slot.isDamaged,
    width: slot.number('width'),
    height: slot.number('height'),
    chunkSequence: slot.number('chunkSequence'),
    unitInChunk: slot.number('unitInChunk'),
    receivedAtMs: slot.number('receivedAtMs'),
    decodedAtMs: slot.number('decodedAtMs'),
    pixelSize,
    pixels: slot.pixels.subarray(0, pixelSize.width * pixelSize.height * 3),
    lumaWidth,
    lumaHeight,
    luma: slot.luma.subarray(0, lumaWidth * lumaHeight),
    motionVectors: slot.motionVectors.subarray(0, slot.number('motionVectorCount') * motionVectorStride),
    [Symbol.dispose]: () => {
      if (held) {
        held = false;
        release();
      }
    },
  };
}
