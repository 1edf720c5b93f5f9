import { setImmediate } from 'node:timers/promises';
import { monotonicMs } from '../clock.ts';
import type { TrackFrame } from '../tracker/track.ts';
import { invalidPrompt, type PromptEntry } from './prompt-entry.ts';
import { type FramePrompts, noPrompts } from './prompt-schedule.ts';
import type { RecordedFrame, Recording } from './recording.ts';
import type { ReplayTracker } from './replay-tracker.ts';

export interface PromptedReplayOptions {
  readonly recording: Recording;
  readonly schedule: ReadonlyMap<number, FramePrompts>;
  readonly tracker: ReplayTracker;
  readonly streamId: string;
  /** Frames that are used. */
  readonly maxFrames: number;
  /** Ends the replay after the frame in hand. */
  readonly signal: AbortSignal;
  /** Told of each frame; the next one waits for it. */
  readonly onFrame: (replayed: MeasuredFrame) => Promise<void> | void;
}

export interface MeasuredFrame {
  readonly frame: RecordedFrame;
  /** The same in every run: without latencies, which are 0. */
  readonly trackFrame: TrackFrame;
  /** Milliseconds that reading and tracking took. */
  readonly readMs: number;
  readonly trackMs: number;
}

/** Latencies would differ from run to run; they are no part of an exact replay. */
const noLatency: TrackFrame['latencyMs'] = { decode: 0, queue: 0, track: 0, total: 0 };

/**
 * Refuses prompts of frames that a recording of known length has not got. Throws `TRACKCAST_PROMPT_INVALID`, naming
 * the entry.
 */
export function checkFrames(entries: readonly PromptEntry[], frameCount: number): void {
  const beyond = entries.find(({ frame }) => frame >= frameCount);
  if (beyond === undefined) return;
  throw invalidPrompt(`${beyond.name}: the recording has ${frameCount} frames, counted from 0`);
}

/**
 * Tracks a recording with prompts given in advance. Returns how many frames there were. Rejects as reading and
 * tracking do, and with `TRACKCAST_PROMPT_INVALID` when the recording ended before the frame of a prompt.
 */
export async function replayWithPrompts(options: PromptedReplayOptions): Promise<number> {
  const { recording, schedule, tracker, streamId, maxFrames, signal, onFrame } = options;
  let frames = 0;
  let begunAt = monotonicMs();
  for await (const frame of recording.frames()) {
    // Inference keeps the thread to itself: signals come through in between only.
    await setImmediate();
    if (signal.aborted) return frames;
    const readAt = monotonicMs();
    const replayed = await tracker.process(frame, schedule.get(frame.index) ?? noPrompts);
    const trackedAt = monotonicMs();
    frames += 1;
    const { pixels: _, ...info } = frame;
    const decoded = { chunkSequence: frame.index, unitInChunk: 0, receivedAtMs: 0, decodedAtMs: 0 };
    const trackFrame: TrackFrame = {
      ...replayed,
      frame: { ...info, ...decoded, streamId },
      latencyMs: noLatency,
    };
    await onFrame({ frame, trackFrame, readMs: readAt - begunAt, trackMs: trackedAt - readAt });
    begunAt = monotonicMs();
    if (frames >= maxFrames) return frames;
  }
  checkFrames(
    [...schedule.values()].flatMap(({ before, after }) => [...before, ...after]),
    frames,
  );
  return frames;
}
