import type { PixelGeometry } from '../buffer/frame.ts';
import type { TrackFrame } from '../tracker/track.ts';
import type { TrackerCounters, VideoTracker } from '../tracker/video-tracker.ts';
import { VirtualClock } from '../tracker/virtual-clock.ts';
import { promptsOf } from './annotation.ts';
import { runHarness } from './harness.ts';
import type { Sequence } from './sequence.ts';
import { type SequenceScore, scoreSequence } from './sequence-score.ts';
import { decodeFrames, encodePictures, type SequenceVideo } from './sequence-video.ts';

/** A tracker under evaluation, with a name for the report. */
export interface Variant {
  readonly name: string;
  /** Size at which it wants frames. */
  readonly geometry: PixelGeometry;
  /** Makes the tracker; one serves all sequences. `clock` is the virtual time, of use to those that keep it. */
  create(clock: VirtualClock): Promise<VideoTracker>;
}

export interface EvaluationOptions {
  readonly sequences: readonly Sequence[];
  readonly variants: readonly Variant[];
  /** True: objects are not shown; the tracker prompts itself. */
  readonly automatic: boolean;
  /** Frame rate of all sequences; null for each sequence's own, or 24. */
  readonly framesPerSecond: number | null;
  /** Frames of each sequence that are used, from the first on. */
  readonly maxFrames: number;
  readonly onProgress?: (progress: EvaluationProgress) => void;
  /** Called with what is tracked on each frame, after the sequence has been tracked. */
  readonly onTracked?: (tracked: TrackedSequence) => Promise<void>;
}

interface EvaluationProgress {
  readonly variant: string;
  readonly sequence: string;
  readonly frame: number;
  readonly frames: number;
}

/** All tracks of a sequence by one variant. */
export interface TrackedSequence {
  readonly variant: string;
  readonly sequence: Sequence;
  readonly tracked: readonly TrackFrame[];
}

/** Score of one variant on one sequence. */
export interface Evaluation {
  readonly variant: string;
  readonly sequence: string;
  readonly group: string;
  readonly frames: number;
  readonly framesPerSecond: number;
  readonly score: SequenceScore;
  readonly counters: TrackerCounters;
  /** Real milliseconds per frame in the tracker. */
  readonly trackMs: { readonly p50: number; readonly p95: number; readonly max: number };
}

/** Runs every variant over every sequence. Rejects with what a sequence or a tracker throws. */
export async function evaluate(options: EvaluationOptions): Promise<Evaluation[]> {
  const videos = new Map<Sequence, SequenceVideo>();
  const results: Evaluation[] = [];
  for (const variant of options.variants) {
    const clock = new VirtualClock();
    const tracker = await variant.create(clock);
    try {
      for (const sequence of options.sequences) {
        const framesPerSecond = options.framesPerSecond ?? sequence.framesPerSecond ?? 24;
        const pictures = sequence.pictures.slice(0, options.maxFrames);
        const video = videos.get(sequence) ?? (await encodePictures(pictures, { framesPerSecond }));
        videos.set(sequence, video);
        results.push(await evaluateOne(options, variant, sequence, video, tracker, clock));
      }
    } finally {
      await tracker.dispose();
    }
  }
  return results;
}

async function evaluateOne(
  options: EvaluationOptions,
  variant: Variant,
  sequence: Sequence,
  video: SequenceVideo,
  tracker: VideoTracker,
  clock: VirtualClock,
): Promise<Evaluation> {
  const { framesPerSecond } = video;
  const frames = video.accessUnits.length;
  const prompts = options.automatic
    ? { byFrame: new Map(), frameOf: new Map<number, number>() }
    : await promptsOf(sequence, frames);
  const streamId = `${sequence.group}.${sequence.name}`.replaceAll(/[^A-Za-z0-9._-]/g, '_').slice(0, 128);
  const { tracked, counters, trackMs } = await runHarness({
    tracker,
    streamId,
    frames: decodeFrames(video, streamId, variant.geometry),
    prompts: prompts.byFrame,
    framesPerSecond,
    clock,
    onFrame: ({ frame }) =>
      options.onProgress?.({
        variant: variant.name,
        sequence: sequence.name,
        frame: frame.index + 1,
        frames,
      }),
  });
  // A segmentation that this stream left behind must not occupy the next one's time.
  clock.advanceTo(clock.nowMs() + 60_000);
  await options.onTracked?.({ variant: variant.name, sequence, tracked });
  const sorted = trackMs.toSorted((one, other) => one - other);
  const quantile = (share: number) => sorted[Math.ceil(share * sorted.length) - 1] ?? 0;
  return {
    variant: variant.name,
    sequence: sequence.name,
    group: sequence.group,
    frames,
    framesPerSecond,
    score: await scoreSequence(sequence, tracked, prompts.frameOf, framesPerSecond),
    counters,
    trackMs: { p50: quantile(0.5), p95: quantile(0.95), max: quantile(1) },
  };
}
