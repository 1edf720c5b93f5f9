import { type ErrorCode, TrackcastError } from '../errors.ts';
import type { SegmentationFailure } from './segmentation.ts';

/** A look that came to nothing. Plain data: it crosses threads. */
export type LostLook = {
  readonly streamId: string;
  /** The frame that the look was about. */
  readonly frameIndex: number;
} & (
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly message: string }
  /** No motion leads from its frame to the present: the scene or the picture's size has changed meanwhile. */
  | { readonly kind: 'outdated' }
);

export function failedLook({ streamId, frameIndex, error }: SegmentationFailure): LostLook {
  const code = error instanceof TrackcastError ? error.code : 'TRACKCAST_INFERENCE_FAILED';
  return { kind: 'failed', streamId, frameIndex, code, message: error.message };
}
