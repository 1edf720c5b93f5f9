/** One picture of a recording, at source size. */
export interface RecordedFrame {
  /** From 0, without gaps. */
  readonly index: number;
  readonly width: number;
  readonly height: number;
  /** RGB, interleaved, `height` rows of `width * 3` bytes; valid until the next frame is asked for. */
  readonly pixels: Uint8Array;
  /** Of the recording's clock, which begins at 0. */
  readonly timestampNs: bigint;
  /** True for IDR pictures, and for all pictures of recordings that are no video. */
  readonly isKeyframe: boolean;
  /** True when the decoder concealed errors. */
  readonly isDamaged: boolean;
}

export interface PictureSize {
  /** Pixels. */
  readonly width: number;
  readonly height: number;
}

/** A recording that can be read from its beginning, as often as wanted. */
export interface Recording {
  readonly kind: 'video' | 'pictures' | 'raw' | 'tensor';
  /** How many frames there are; null where only reading to the end could tell. */
  readonly frameCount: number | null;
  /**
   * Reads the frames in order. Throws `TRACKCAST_SOURCE_UNREADABLE` where one cannot be read, and
   * `TRACKCAST_DECODER_FAILED` when there is no decoder.
   */
  frames(): AsyncGenerator<RecordedFrame, void, undefined>;
}

/** Between two frames of a recording that has no clock: 25 frames per second. */
const frameIntervalNs = 40_000_000n;

/** When a frame of a recording without a clock is shown. */
export function timestampOf(index: number): bigint {
  return BigInt(index) * frameIntervalNs;
}

/** Largest picture that is read, pixels: 8K by 8K. */
const maxPixels = 8192 * 8192;

/** Whether a picture of this size is read at all. */
export function isPictureSize({ width, height }: PictureSize): boolean {
  return (
    Number.isInteger(width) &&
    Number.isInteger(height) &&
    width >= 1 &&
    height >= 1 &&
    width * height <= maxPixels
  );
}
