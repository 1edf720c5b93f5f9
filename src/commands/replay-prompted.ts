import { setImmediate } from 'node:timers/promises';
import { monotonicMs } from '../clock.ts';
import { TrackcastError } from '../errors.ts';
import { StreamTotals } from '../publish/stream-totals.ts';
import { openRecording } from '../replay/open-recording.ts';
import { readPromptEntries } from '../replay/prompt-entry.ts';
import { type FramePrompts, schedulePrompts } from '../replay/prompt-schedule.ts';
import { checkFrames, replayWithPrompts } from '../replay/prompted-replay.ts';
import type { PictureSize, Recording } from '../replay/recording.ts';
import { type ModelConfig, planModel } from '../tracking-plan.ts';
import { type PromptedOutputOptions, PromptedOutputs } from './prompted-outputs.ts';
import { type ReplaySummary, warnOfRefused } from './replay-run.ts';
import {
  type OpenedTracker,
  openReplayTracker,
  type ReplayModel,
  type ReplayTrackerOptions,
} from './replay-trackers.ts';

export interface PromptedReplayOptions extends PromptedOutputOptions {
  /** A video file, a folder of pictures or raw frames, a file of raw frames, or a tensor of frames. */
  readonly path: string;
  /** The file of prompts. */
  readonly prompts: string;
  /** Whether all prompts are given before the first frame is tracked. */
  readonly promptsAhead: boolean;
  readonly config: ModelConfig & ReplayTrackerOptions['config'];
  /** Of raw frames; null when it is not given. */
  readonly rawSize: PictureSize | null;
  /** Frames that are used. */
  readonly maxFrames: number;
  /** Folder for the raw results of `sam2_video`. */
  readonly logits: string | null;
  /** Ends the replay early, cleanly. */
  readonly signal: AbortSignal;
  /** Told in one line of what a person ought to know. */
  readonly onWarning: (text: string) => void;
}

/** What a replay with prompts found out; one JSON object. */
export interface PromptedReplaySummary extends Omit<ReplaySummary, 'overlay'> {
  /** Prompts of the file, and those on frames that were tracked. */
  readonly prompts: { readonly given: number; readonly used: number };
  /** Of `sam2_video`. */
  readonly model?: ReplayModel;
  /** Pictures of the overlay video. */
  readonly overlay?: { readonly frames: number };
}

export interface PromptedReplayResult {
  readonly summary: PromptedReplaySummary;
  /** Why the replay came to its end before the recording did. */
  readonly error: TrackcastError | null;
}

/**
 * Tracks a recording exactly and reproducibly, with prompts given in advance. Rejects when there is nothing to sum
 * up: with `TRACKCAST_PROMPT_INVALID` for prompts that are wrong in themselves, `TRACKCAST_SOURCE_UNREADABLE`,
 * `TRACKCAST_OUTPUT_UNWRITABLE`, `TRACKCAST_CONFIG_INVALID`, and as finding and opening the model does.
 */
export async function runPromptedReplay(options: PromptedReplayOptions): Promise<PromptedReplayResult> {
  const { path, config, rawSize, promptsAhead, logits, signal, onProgress } = options;
  // All that may be wrong is looked at before the model is loaded, for that takes seconds.
  const entries = await readPromptEntries(options.prompts);
  const plan = await planModel(config);
  if (plan.kind !== 'sam2_video') refuseSam2Options(plan.kind, options);
  const schedule = schedulePrompts(entries, promptsAhead);
  const { geometry } = plan;
  const modelSize = async () => (geometry.kind === 'stretch' ? geometry : null);
  const recording = await openRecording(path, { rawSize, modelSize });
  const { frameCount } = recording;
  if (frameCount !== null) checkFrames(entries, frameCount);
  const outputs = await PromptedOutputs.create(options);
  try {
    const begunAt = monotonicMs();
    onProgress('the model is warming up');
    const firstAutomaticId = 1 + entries.reduce((highest, { objectId }) => Math.max(highest, objectId), 0);
    const opened = await unlessAborted(
      openReplayTracker(plan, { config, frameCount, firstAutomaticId, logits, signal }),
      signal,
    );
    const modelReadyMs = opened === null ? 0 : Math.round(monotonicMs() - begunAt);
    const refused = opened?.refused ?? [];
    warnOfRefused(refused, options.onWarning);
    const error = opened === null ? null : await track(opened, recording, schedule, outputs, options);
    await outputs.finish();
    const { statistics, drawn } = outputs;
    const totals = new StreamTotals();
    totals.received = statistics.tracked;
    totals.tracked.segmented = statistics.tracked;
    const summary: PromptedReplaySummary = {
      file: path,
      streamId: options.streamId,
      mode: 'lossless',
      tracker: plan.kind,
      end: error !== null ? 'failed' : signal.aborted ? 'interrupted' : 'ended',
      prompts: {
        given: entries.length,
        used: entries.filter(({ frame }) => frame < statistics.tracked).length,
      },
      frames: totals.ledger(),
      ...statistics.finish(),
      segmentations: opened?.tracker.segmentations ?? 0,
      refused,
      modelReadyMs,
      peakRssMb: Math.round(process.resourceUsage().maxRSS / 1024),
      ...(opened?.model === undefined ? {} : { model: opened.model }),
      ...(drawn === null ? {} : { overlay: { frames: drawn } }),
    };
    return { summary, error };
  } finally {
    await outputs.close();
  }
}

/** Null when it was given up for the signal. */
async function unlessAborted<Result>(opening: Promise<Result>, signal: AbortSignal): Promise<Result | null> {
  try {
    return await opening;
  } catch (error) {
    if (signal.aborted && error === signal.reason) return null;
    throw error;
  }
}

/** Tracks all frames, and closes the tracker. Returns what has ended the run early. */
async function track(
  { tracker }: OpenedTracker,
  recording: Recording,
  schedule: ReadonlyMap<number, FramePrompts>,
  outputs: PromptedOutputs,
  { streamId, maxFrames, signal, promptsAhead }: PromptedReplayOptions,
): Promise<TrackcastError | null> {
  let error: TrackcastError | null = null;
  outputs.statistics.start(monotonicMs());
  try {
    // Opening the model kept the thread to itself: signals come through now.
    await setImmediate();
    if (signal.aborted) return null;
    await outputs.begin();
    if (promptsAhead) await tracker.promptAhead?.(recording, schedule, signal);
    const onFrame = outputs.add.bind(outputs);
    await replayWithPrompts({ recording, schedule, tracker, streamId, maxFrames, signal, onFrame });
  } catch (thrown) {
    if (!(thrown instanceof TrackcastError)) throw thrown;
    error = thrown;
  } finally {
    await tracker.close();
  }
  return error;
}

function refuseSam2Options(kind: string, { logits, promptsAhead }: PromptedReplayOptions): void {
  const key = logits !== null ? '--logits' : promptsAhead ? '--prompts-ahead' : null;
  if (key === null) return;
  const message = `${key} is for the tracker sam2_video, not for ${kind}`;
  throw new TrackcastError('TRACKCAST_CONFIG_INVALID', message, { key });
}
