import type { ErrorCode } from '../errors.ts';
import type { SegmentationRequest, SegmentationResult } from './segmentation.ts';
import type { ModelSettings } from './segmenter-factory.ts';

/** What the inference worker is started with. */
export type SegmentationWorkerData = ModelSettings;

/** What the inference worker is told. */
export type SegmentationCommand =
  /** `request.pixels` is a view of shared memory that stays unchanged until the report. */
  | { readonly kind: 'segment'; readonly request: SegmentationRequest }
  | { readonly kind: 'close_stream'; readonly streamId: string }
  | { readonly kind: 'stop' };

/** What the inference worker tells. */
export type SegmentationReport =
  /** Models are loaded and have run once. */
  | { readonly kind: 'ready'; readonly provider: string; readonly refused: readonly string[] }
  /** The models cannot be had; nothing will be segmented. */
  | { readonly kind: 'unusable'; readonly code: ErrorCode; readonly message: string }
  | { readonly kind: 'result'; readonly result: SegmentationResult }
  | {
      readonly kind: 'failed';
      readonly streamId: string;
      readonly frameIndex: number;
      readonly code: ErrorCode;
      readonly message: string;
    };
