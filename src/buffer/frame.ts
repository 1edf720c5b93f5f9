/** How a source picture becomes the pixels that a model sees. */
export type PixelGeometry =
  /** Keeps the aspect ratio: the long side becomes `longSide`, both sides are padded up to `multipleOf`. */
  | { readonly kind: 'fit'; readonly longSide: number; readonly multipleOf: number }
  /** Ignores the aspect ratio, as SAM 2 does. */
  | { readonly kind: 'stretch'; readonly width: number; readonly height: number };

/** Size of model pixels: the picture fills `contentWidth` x `contentHeight` from the top left, the rest is padding. */
export interface FittedSize {
  readonly width: number;
  readonly height: number;
  readonly contentWidth: number;
  readonly contentHeight: number;
}

/** Pads with the mean colour of ImageNet, so that padding is nearly zero once a model has normalised it. */
export const paddingColour: readonly [number, number, number] = [124, 116, 104];

/** Size that a source picture takes under a geometry. Throws `RangeError` for sides below 1. */
export function fitPixels(geometry: PixelGeometry, sourceWidth: number, sourceHeight: number): FittedSize {
  if (!(sourceWidth >= 1) || !(sourceHeight >= 1)) {
    throw new RangeError(`a picture of ${sourceWidth}x${sourceHeight} has no pixels`);
  }
  if (geometry.kind === 'stretch') {
    const { width, height } = geometry;
    return { width, height, contentWidth: width, contentHeight: height };
  }
  const scale = geometry.longSide / Math.max(sourceWidth, sourceHeight);
  const contentWidth = Math.max(1, Math.round(sourceWidth * scale));
  const contentHeight = Math.max(1, Math.round(sourceHeight * scale));
  const padded = (side: number) => Math.ceil(side / geometry.multipleOf) * geometry.multipleOf;
  return { width: padded(contentWidth), height: padded(contentHeight), contentWidth, contentHeight };
}

/** Values per motion vector in `Frame.motionVectors`. */
export const motionVectorStride = 6;

/** What is known of a frame besides its pixels. */
export interface FrameInfo {
  readonly streamId: string;
  /** Per stream, from 0, never reused. */
  readonly index: number;
  /** Capture clock, nanoseconds. */
  readonly timestampNs: bigint;
  /** True for IDR pictures, where a decoder can start. */
  readonly isKeyframe: boolean;
  /** True when the decoder concealed errors or missed a reference picture. */
  readonly isDamaged: boolean;
  /** Source size, pixels. */
  readonly width: number;
  readonly height: number;
  /** Sequence of the chunk in which the frame's access unit begins. */
  readonly chunkSequence: number;
  /** Ordinal, from 0, of the access unit among those that begin in that chunk; with it, the frame's stable name. */
  readonly unitInChunk: number;
  /** `monotonicMs()` when the chunk that completed the access unit arrived. */
  readonly receivedAtMs: number;
  /** `monotonicMs()` when the frame was ready in the ring. */
  readonly decodedAtMs: number;
}

/**
 * A decoded frame in a slot of its stream's ring. The arrays are views of shared memory: valid until the
 * lease ends, never to be written by readers.
 */
export interface Frame extends FrameInfo {
  readonly pixelSize: FittedSize;
  /** RGB, interleaved, `pixelSize.height` rows of `pixelSize.width * 3` bytes, row-major. */
  readonly pixels: Uint8Array;
  readonly lumaWidth: number;
  readonly lumaHeight: number;
  /** Full-range luma of the whole source picture, `lumaHeight` rows of `lumaWidth` bytes. */
  readonly luma: Uint8Array;
  /**
   * The codec's vectors, `motionVectorStride` values each: block centre x, y; block width, height; where the
   * block came from relative to its centre, x, y in quarter pixels. Source pixels, top left origin. Empty for
   * intra pictures. The reference picture meant is not known.
   */
  readonly motionVectors: Int16Array;
}

/** A frame that a reader holds: its slot is not overwritten until `Symbol.dispose` runs. */
export interface FrameLease extends Frame, Disposable {}

/** The plain data of a frame, which may outlive its lease and cross threads. */
export function frameInfoOf(frame: FrameInfo): FrameInfo {
  return {
    streamId: frame.streamId,
    index: frame.index,
    timestampNs: frame.timestampNs,
    isKeyframe: frame.isKeyframe,
    isDamaged: frame.isDamaged,
    width: frame.width,
    height: frame.height,
    chunkSequence: frame.chunkSequence,
    unitInChunk: frame.unitInChunk,
    receivedAtMs: frame.receivedAtMs,
    decodedAtMs: frame.decodedAtMs,
  };
}
