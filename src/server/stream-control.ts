import type { ObjectChange } from '../prompting/object-change.ts';
import type { Prompt } from '../prompting/prompt.ts';
import type { StreamActivity } from '../publish/metrics.ts';

/** One open stream as `/v1/streams` shows it. */
export interface StreamStatus extends StreamActivity {
  readonly id: string;
  readonly epoch: number;
  readonly state: 'starting' | 'live' | 'ending';
  /** Of the source picture, pixels; null before the first frame. */
  readonly size: { readonly width: number; readonly height: number } | null;
}

/**
 * What the server may ask of streams. Rejections are `TrackcastError`s: `TRACKCAST_STREAM_UNKNOWN`,
 * `TRACKCAST_OBJECT_UNKNOWN`, `TRACKCAST_PROMPT_INVALID`, `TRACKCAST_MASK_INVALID`, `TRACKCAST_FRAME_UNREACHABLE`.
 */
export interface StreamControl {
  list(): readonly StreamStatus[];
  prompt(streamId: string, prompt: Prompt): Promise<{ readonly objectId: number }>;
  remove(streamId: string, objectId: number): Promise<void>;
  change(streamId: string, objectId: number, change: ObjectChange): Promise<void>;
  reset(streamId: string): Promise<void>;
}
