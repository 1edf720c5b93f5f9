import type { PixelGeometry } from '../buffer/frame.ts';
import type { FrameRingHandle } from '../buffer/frame-ring.ts';
import type { ErrorCode } from '../errors.ts';
import type { DecoderChunk, DecoderEvent, PushOutcome } from './decoder-contract.ts';
import type { DecoderCounters } from './h264-counters.ts';
import type { PreviewOptions } from './preview-encoder.ts';

/** How a stream is to be decoded. */
export interface DecodedStreamOptions {
  readonly streamId: string;
  readonly ring: FrameRingHandle;
  readonly geometry: PixelGeometry;
  /** Index of the stream's first frame. Default 0. */
  readonly firstFrameIndex?: number;
  /** Waits for free slots instead of dropping frames; the ring's policy should then be `wait`. */
  readonly lossless: boolean;
  /** Long side of the luma plane, pixels. Default 512. */
  readonly lumaLongSide?: number;
}

/** What the pool tells a worker. Each is about one stream except `stop`. */
export type DecodeCommand =
  | { readonly kind: 'open'; readonly options: DecodedStreamOptions }
  | { readonly kind: 'chunk'; readonly streamId: string; readonly chunk: DecoderChunk }
  | { readonly kind: 'preview'; readonly streamId: string; readonly options: PreviewOptions }
  | { readonly kind: 'close'; readonly streamId: string }
  | { readonly kind: 'stop' };

/** A chunk went through, whether or not it gave frames. */
export interface DecodeProgress extends PushOutcome {
  readonly counters: DecoderCounters;
}

/** A JPEG of one frame at most at the rate and size that were asked for. */
export interface Preview {
  readonly frameIndex: number;
  readonly timestampNs: bigint;
  readonly width: number;
  readonly height: number;
  readonly jpeg: Uint8Array;
}

/** What is learnt about a stream on the way. */
export type StreamInfo =
  | DecoderEvent
  /** A preview could not be made; previews of the stream are off until they are configured again. */
  | { readonly kind: 'preview_failed' };

/** What a worker tells the pool. */
export type DecodeReport =
  | { readonly kind: 'progress'; readonly streamId: string; readonly progress: DecodeProgress }
  | { readonly kind: 'info'; readonly streamId: string; readonly event: StreamInfo }
  | { readonly kind: 'preview'; readonly streamId: string; readonly preview: Preview }
  | { readonly kind: 'ended'; readonly streamId: string; readonly counters: DecoderCounters }
  | {
      readonly kind: 'failed';
      readonly streamId: string;
      readonly code: ErrorCode;
      readonly message: string;
    };
