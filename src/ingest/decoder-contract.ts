import type { Frame } from 'node-av/lib';
import type { FrameInfo, PixelGeometry } from '../buffer/frame.ts';
import type { FrameWrite } from '../buffer/frame-ring.ts';

/** A chunk as the decoder sees it: what travels to its thread. */
export interface DecoderChunk {
  readonly sequence: number;
  readonly timestampNs: bigint;
  /** Annex B bytes, split anywhere. */
  readonly data: Uint8Array;
  readonly endOfStream: boolean;
  /** `monotonicMs()` when the chunk arrived. */
  readonly receivedAtMs: number;
}

/** What the stream turned out to be, or to lack. */
export type DecoderEvent =
  /** The size of the pictures is known, or is another from this frame on. */
  | {
      readonly kind: 'picture_size';
      readonly frameIndex: number;
      readonly width: number;
      readonly height: number;
    }
  /** Chunks are missing before `sequence`, or (`restarted`) their publisher began anew. */
  | { readonly kind: 'discontinuity'; readonly sequence: number; readonly cause: 'lost' | 'restarted' };

/** Where decoded frames go. */
export interface FrameSink {
  /** The next slot; null drops the frame (`no_slot`). A promise holds the decoder back. */
  beginWrite(): FrameWrite | null | Promise<FrameWrite | null>;
  onEvent?(event: DecoderEvent): void;
  /** Each delivered frame's decoded picture at source size; valid during the call only. */
  onPicture?(picture: Frame, info: FrameInfo): void;
}

export interface H264DecoderOptions {
  readonly streamId: string;
  readonly geometry: PixelGeometry;
  /** Long side of the luma plane, pixels. Default 512. */
  readonly lumaLongSide?: number;
  /** Index of the first frame. Default 0. */
  readonly firstFrameIndex?: number;
  /**
   * `auto`: a picture comes out in the call that brings its last byte, once the stream has shown that its chunks
   * end with pictures. `never`: in the call that brings the next picture's first bytes; exact for any split.
   * Default `auto`.
   */
  readonly eagerAccessUnits?: 'auto' | 'never';
  /** Longest access unit, bytes. Default 8 MiB. */
  readonly maxAccessUnitBytes?: number;
  readonly sink: FrameSink;
}

/** What is known once a chunk has gone through. */
export interface PushOutcome {
  readonly sequence: number;
  /**
   * Sequence of the chunk in which the newest decoded IDR picture's access unit begins; all chunks before it are
   * needed no more. Null before the first.
   */
  readonly restartSequence: number | null;
}
