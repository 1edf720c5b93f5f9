import { type ErrorCode, TrackcastError } from '../errors.ts';
import type { SegmentationFailure, SegmentationResult } from './segmentation.ts';

/** A look that came to nothing, or to less than it should have. Plain data: it crosses threads. */
export type LostLook = {
  readonly streamId: string;
  /** The frame that the look was about. */
  readonly frameIndex: number;
} & (
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly message: string }
  /** No motion leads from its frame to the present: the scene or the picture's size has changed meanwhile. */
  | { readonly kind: 'outdated' }
  /** The detector failed, and nothing else. */
  | { readonly kind: 'undetected'; readonly message: string }
);

export function failedLook({ streamId, frameIndex, error }: SegmentationFailure): LostLook {
  const code = error instanceof TrackcastError ? error.code : 'TRACKCAST_INFERENCE_FAILED';
  return { kind: 'failed', streamId, frameIndex, code, message: error.message };
}

/** What is to be told of a look whose detector failed; null where it did not. */
export function undetectedLook({ streamId, frameIndex, detection }: SegmentationResult): LostLook | null {
  const message = detection?.failure ?? null;
  return message === null ? null : { kind: 'undetected', streamId, frameIndex, message };
}
