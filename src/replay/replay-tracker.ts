import { TrackcastError } from '../errors.ts';
import type { TrackFrame } from '../tracker/track.ts';
import type { PromptEntry } from './prompt-entry.ts';
import type { FramePrompts } from './prompt-schedule.ts';
import type { RecordedFrame, Recording } from './recording.ts';

/** All objects of one frame, and what happened to them there. */
export type ReplayedFrame = Pick<TrackFrame, 'provenance' | 'tracks' | 'events'>;

/** Tracks the frames of a recording one after the other, each with its prompts. Calls do not overlap. */
export interface ReplayTracker {
  /**
   * Takes all prompts before the first frame is tracked, where the tracker can. Frames that come before a prompted
   * one then know it. Rejects as `process` does, and as reading does.
   *
   * @param signal ends it after the frame in hand; nothing can be tracked then
   */
  promptAhead?(
    recording: Recording,
    schedule: ReadonlyMap<number, FramePrompts>,
    signal: AbortSignal,
  ): Promise<void>;
  /**
   * Tracks the next frame. Rejects with `TRACKCAST_PROMPT_INVALID` and the entry's name for a prompt that does not
   * fit the frame, and with `TRACKCAST_INFERENCE_FAILED`.
   */
  process(frame: RecordedFrame, prompts: FramePrompts): Promise<ReplayedFrame>;
  /** Runs of the image encoder so far. */
  readonly segmentations: number;
  /** Releases everything, the model too. */
  close(): Promise<void>;
}

/** Does what a prompt asks for; its errors name the entry. */
export async function named<Result>(
  entry: PromptEntry,
  apply: () => Promise<Result> | Result,
): Promise<Result> {
  try {
    return await apply();
  } catch (error) {
    const isOfPrompt =
      error instanceof TrackcastError &&
      ['TRACKCAST_PROMPT_INVALID', 'TRACKCAST_MASK_INVALID', 'TRACKCAST_OBJECT_UNKNOWN'].includes(error.code);
    if (!isOfPrompt) throw error;
    const { code, message, place, cause } = error;
    throw new TrackcastError(code, `${entry.name}: ${message}`, place, { cause });
  }
}
