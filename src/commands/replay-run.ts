import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monotonicMs } from '../clock.ts';
import type { Config } from '../config/schema.ts';
import type { TrackcastError } from '../errors.ts';
import { firstChunks } from '../evaluation/first-chunks.ts';
import { type OverlayVideoResult, writeOverlayVideo } from '../evaluation/overlay-video.ts';
import { checkWritable } from '../evaluation/video-file-writer.ts';
import { type FilePace, FileSource, type FileSourceEnd } from '../ingest/file-source.ts';
import { FileDemuxer } from '../ingest/file-source-demuxer.ts';
import type { Logger } from '../log.ts';
import { createPipeline } from '../main.ts';
import { PipelineMetrics } from '../publish/metrics.ts';
import type { FrameLedger } from '../publish/stream-totals.ts';
import type { TrackingWorkerData } from '../tracker/tracking-messages.ts';
import { LineFile } from './line-file.ts';
import { ReplayOutcome } from './replay-outcome.ts';
import { ReplayStatistics, type TrackingFigures } from './replay-statistics.ts';

export interface ReplayOptions {
  readonly path: string;
  readonly streamId: string;
  readonly config: Config;
  /** Every frame waits for its segmentation; otherwise frames come by the file's clock, as from a camera. */
  readonly lossless: boolean;
  /** Access units of the file that are used. */
  readonly maxFrames: number;
  /** Where track messages go, one a line. */
  readonly out: string | null;
  /** Whether track events go there too. */
  readonly withEvents: boolean;
  /** Where the video with its tracks drawn on it goes. */
  readonly overlay: string | null;
  readonly log: Logger;
  /** Ends the replay early, cleanly. */
  readonly signal: AbortSignal;
  readonly onProgress: (text: string) => void;
  /** Told in one line of what a person ought to know. */
  readonly onWarning: (text: string) => void;
}

/** What a replay found out; one JSON object. */
export interface ReplaySummary extends TrackingFigures {
  readonly file: string;
  readonly streamId: string;
  readonly mode: 'realtime' | 'lossless';
  /** The one that ran: `iou` without video mode, whatever else is configured. */
  readonly tracker: TrackingWorkerData['kind'];
  readonly end: 'ended' | 'interrupted' | 'failed';
  /** `received` is `tracked`, all `dropped` and `failed` together. */
  readonly frames: FrameLedger;
  /** Runs of the segmentation model. */
  readonly segmentations: number;
  /** Execution providers that were preferred and cannot run the model, each with the reason. */
  readonly refused: readonly string[];
  /** 0 when the replay was interrupted before. */
  readonly modelReadyMs: number;
  readonly peakRssMb: number;
  readonly overlay?: OverlayVideoResult;
}

export interface ReplayResult {
  readonly summary: ReplaySummary;
  /** Why the replay came to its end before the file did. */
  readonly error: TrackcastError | null;
}

/**
 * Sends a file through the pipeline as it serves cameras, and measures. Rejects with
 * `TRACKCAST_SOURCE_UNREADABLE`, `TRACKCAST_OUTPUT_UNWRITABLE`, `TRACKCAST_MODEL_INVALID`,
 * `TRACKCAST_WORKER_DIED` when there is nothing to sum up.
 */
export async function runReplay(options: ReplayOptions): Promise<ReplayResult> {
  const { path, out, overlay, signal } = options;
  // Before the models are loaded, for they take seconds.
  await (await FileDemuxer.open(path)).close();
  if (overlay !== null) await checkWritable(overlay);
  const scratch = overlay === null || out !== null ? null : await mkdtemp(join(tmpdir(), 'trackcast-'));
  const messages = scratch === null ? out : join(scratch, 'tracks.jsonl');
  try {
    const startTimestampNs = BigInt(Date.now()) * 1_000_000n;
    const { summary, error } = await track(options, messages, startTimestampNs);
    if (overlay === null || messages === null) return { summary, error };
    // Nothing to draw; there may be messages of an earlier run.
    if (summary.end === 'interrupted' && summary.frames.received === 0) return { summary, error };
    const drawn = await writeOverlayVideo({
      input: path,
      messages,
      output: overlay,
      startTimestampNs,
      maxFrames: options.maxFrames,
      endsWithMessages: summary.end !== 'ended',
      // Who interrupts the replay wants to see what there is.
      ...(signal.aborted ? {} : { signal }),
      onProgress: (frames) => options.onProgress(`drawing  ${frames}/${summary.frames.received}`),
    });
    return { summary: { ...summary, overlay: drawn }, error };
  } finally {
    if (scratch !== null) await rm(scratch, { recursive: true, force: true });
  }
}

async function track(
  options: ReplayOptions,
  messages: string | null,
  startTimestampNs: bigint,
): Promise<ReplayResult> {
  const lines = messages === null ? null : await LineFile.open(messages);
  try {
    return await trackInto(lines, options, startTimestampNs);
  } finally {
    await lines?.close().catch(() => undefined);
  }
}

async function trackInto(
  lines: LineFile | null,
  options: ReplayOptions,
  startTimestampNs: bigint,
): Promise<ReplayResult> {
  const { path, streamId, config, lossless } = options;
  const metrics = new PipelineMetrics({ processMetrics: false });
  const statistics = new ReplayStatistics();
  const outcome = new ReplayOutcome(options, lines, statistics, metrics);
  const stopping = AbortSignal.any([options.signal, outcome.failed]);
  const begunAt = monotonicMs();
  const pipeline = await createPipeline(config, outcome, metrics, options.log, lossless);
  let modelReadyMs = 0;
  let fileEnd: FileSourceEnd = { kind: 'stopped' };
  try {
    options.onProgress('the model is warming up');
    await unlessAborted(pipeline.ready, stopping);
    // Who interrupts the warm-up keeps the files of an earlier run.
    if (!stopping.aborted) {
      modelReadyMs = Math.round(monotonicMs() - begunAt);
      warnOfRefused(pipeline.refusedProviders, options.onWarning);
      await lines?.begin();
      const pace: FilePace = { kind: lossless ? 'asFastAsPossible' : 'realtime' };
      const file = new FileSource({ path, streamId, pace, startTimestampNs });
      statistics.start(monotonicMs());
      await pipeline.attach(firstChunks(file, options.maxFrames), { lossless });
      await unlessAborted(
        file.finished.then(() => pipeline.idle()),
        stopping,
      );
      await pipeline.stop();
      fileEnd = await file.finished;
    }
  } finally {
    await pipeline.stop();
    metrics.close();
  }
  const figures = statistics.finish();
  await lines?.close();
  const error = outcome.error ?? (fileEnd.kind === 'failed' ? fileEnd.error : null);
  const summary: ReplaySummary = {
    file: path,
    streamId,
    mode: lossless ? 'lossless' : 'realtime',
    tracker: config.VIDEO_MODE ? config.VIDEO_TRACKER_TYPE : 'iou',
    end: error !== null ? 'failed' : stopping.aborted ? 'interrupted' : 'ended',
    frames: outcome.ledger,
    ...figures,
    segmentations: outcome.segmentations,
    refused: pipeline.refusedProviders,
    modelReadyMs,
    peakRssMb: Math.round(process.resourceUsage().maxRSS / 1024),
  };
  return { summary, error };
}

/** Says of each execution provider why it does not run the model: the next one may be far slower. */
export function warnOfRefused(refused: readonly string[], onWarning: ReplayOptions['onWarning']): void {
  for (const each of refused) onWarning(`execution provider refused: ${each}`);
}

/** Resolves or rejects with the promise, or resolves when aborted. */
function unlessAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const stop = () => resolve();
    signal.addEventListener('abort', stop, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}
