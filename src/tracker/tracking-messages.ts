import type { FrameRingHandle } from '../buffer/frame-ring.ts';
import type { ErrorCode } from '../errors.ts';
import type { ObjectChange } from '../prompting/object-change.ts';
import type { Prompt } from '../prompting/prompt.ts';
import type { LostLook } from './lost-look.ts';
import type { ModelSettings } from './segmenter-factory.ts';
import type { TrackFrame } from './track.ts';
import type { TrackerSettings } from './tracker-factory.ts';
import type { TrackerCounters, TrackerSnapshot, VideoTracker } from './video-tracker.ts';

/** What the tracking worker is started with. */
export interface TrackingWorkerData {
  readonly kind: VideoTracker['kind'];
  readonly settings: TrackerSettings;
  readonly models: ModelSettings;
  /** Every frame waits for its own segmentation; for recordings that may take all the time they want. */
  readonly waitsForSegmentation: boolean;
}

export interface TrackingStreamOptions {
  readonly streamId: string;
  readonly ring: FrameRingHandle;
  /** Tracks every frame, however late; otherwise frames that pile up are skipped. */
  readonly lossless: boolean;
  readonly firstTrackId?: number;
}

/** A change that somebody asks for; answered by `answer` with the same `requestId`. */
export type TrackingRequest =
  | { readonly kind: 'prompt'; readonly prompt: Prompt }
  | { readonly kind: 'change'; readonly objectId: number; readonly change: ObjectChange }
  | { readonly kind: 'remove'; readonly objectId: number }
  | { readonly kind: 'reset' }
  | { readonly kind: 'snapshot' };

/** What the tracking worker is told. */
export type TrackingCommand =
  | { readonly kind: 'open'; readonly options: TrackingStreamOptions }
  | {
      readonly kind: 'request';
      readonly streamId: string;
      readonly requestId: number;
      readonly request: TrackingRequest;
    }
  /** Whether masks are also wanted as polygons. */
  | { readonly kind: 'polygons'; readonly wanted: boolean }
  | { readonly kind: 'close'; readonly streamId: string }
  | { readonly kind: 'stop' };

/** Frames of a stream that did not become a `TrackFrame`; both only grow. */
export interface UntrackedCounters {
  /** Skipped because newer ones were waiting. */
  readonly stale: number;
  /** Left in the ring when the stream was closed. */
  readonly streamClosed: number;
  /** The tracker threw. */
  readonly failed: number;
}

/** What the tracking worker tells. */
export type TrackingReport =
  | { readonly kind: 'ready'; readonly provider: string; readonly refused: readonly string[] }
  | { readonly kind: 'unusable'; readonly code: ErrorCode; readonly message: string }
  /** Several looks in a row have failed, of whatever streams. */
  | { readonly kind: 'failing'; readonly code: ErrorCode; readonly message: string }
  /** A look has succeeded after that. */
  | { readonly kind: 'recovered' }
  | { readonly kind: 'look_lost'; readonly look: LostLook }
  | {
      readonly kind: 'frame';
      readonly streamId: string;
      readonly trackFrame: TrackFrame;
      readonly untracked: UntrackedCounters;
      readonly counters: TrackerCounters;
    }
  | {
      readonly kind: 'frame_failed';
      readonly streamId: string;
      readonly frameIndex: number;
      readonly message: string;
      readonly untracked: UntrackedCounters;
    }
  | {
      readonly kind: 'answer';
      readonly requestId: number;
      readonly answer: TrackingAnswer;
    }
  /** The last report of a stream. */
  | {
      readonly kind: 'ended';
      readonly streamId: string;
      readonly untracked: UntrackedCounters;
      readonly counters: TrackerCounters;
    };

export type TrackingAnswer =
  | { readonly kind: 'done'; readonly objectId: number | null; readonly snapshot: TrackerSnapshot | null }
  | { readonly kind: 'refused'; readonly code: ErrorCode; readonly message: string };
