import type { PixelGeometry } from '../buffer/frame.ts';
import type { PromptStrategyName } from '../prompting/prompt-strategy.ts';
import type { TrackFrame } from '../tracker/track.ts';
import type { TrackerInstruments } from '../tracker/tracker-factory.ts';
import type { TrackerCounters, VideoTracker } from '../tracker/video-tracker.ts';
import { VirtualClock } from '../tracker/virtual-clock.ts';
import { annotatedMasks, promptsOf } from './annotation.ts';
import type { CalibrationPair } from './calibration.ts';
import { calibrationPairs } from './calibration-pairs.ts';
import { runHarness } from './harness.ts';
import { JitterMeter, type MaskJitter } from './mask-jitter.ts';
import { type PromptingCost, PromptingMeter } from './prompting-meter.ts';
import { quantile } from './quantile.ts';
import type { Sequence } from './sequence.ts';
import { type SequenceScore, scoreSequence } from './sequence-score.ts';
import { decodeFrames, encodePictures, type SequenceVideo } from './sequence-video.ts';
import { SharedSegmenter } from './shared-segmenter.ts';

/** A tracker under evaluation, with a name for the report. */
export interface Variant {
  readonly name: string;
  /** How it finds objects by itself. */
  readonly strategy: PromptStrategyName;
  /** Size at which it wants frames. */
  readonly geometry: PixelGeometry;
  /**
   * Makes the tracker; one serves all sequences. `clock` is the virtual time, of use to those that keep it. With the
   * instruments, prompting is measured and kept within its budget, and all variants share one model.
   */
  create(clock: VirtualClock, instruments: TrackerInstruments): Promise<VideoTracker>;
}

export interface EvaluationOptions {
  readonly sequences: readonly Sequence[];
  readonly variants: readonly Variant[];
  /** True: objects are not shown; the tracker prompts itself. */
  readonly automatic: boolean;
  /** Frame rate of all sequences; null for each sequence's own. */
  readonly framesPerSecond: number | null;
  /** Frame rate of sequences that have none of their own. */
  readonly usualFramesPerSecond: number;
  /** Automatic prompts per second of video at most; `Infinity` for no limit. */
  readonly promptsPerSecond: number;
  readonly onProgress?: (progress: EvaluationProgress) => void;
  /** Called with what is tracked on each frame, after the sequence has been tracked. */
  readonly onTracked?: (tracked: TrackedSequence) => Promise<void>;
  /** Called with what the scores of a sequence's masks have to be compared with. */
  readonly onPairs?: (pairs: readonly CalibrationPair[]) => void;
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
  readonly strategy: PromptStrategyName;
  readonly sequence: string;
  readonly group: string;
  readonly frames: number;
  readonly framesPerSecond: number;
  readonly score: SequenceScore;
  readonly jitter: MaskJitter;
  /** Of the annotations, for comparison; NaN unless all frames are annotated. */
  readonly annotatedJitter: MaskJitter;
  readonly prompting: PromptingCost;
  readonly counters: TrackerCounters;
  /** Real milliseconds per frame in the tracker. */
  readonly trackMs: { readonly p50: number; readonly p95: number; readonly max: number };
}

/** What serves all sequences of a variant. */
interface VariantRun {
  readonly variant: Variant;
  readonly tracker: VideoTracker;
  readonly clock: VirtualClock;
  readonly meter: PromptingMeter;
}

/** Runs every variant over every sequence. Rejects with what a sequence or a tracker throws. */
export async function evaluate(options: EvaluationOptions): Promise<Evaluation[]> {
  const videos = new Map<Sequence, SequenceVideo>();
  const models = new SharedSegmenter();
  const results: Evaluation[] = [];
  try {
    for (const variant of options.variants) {
      const clock = new VirtualClock();
      const meter = new PromptingMeter(clock, models, options.promptsPerSecond);
      const tracker = await variant.create(clock, meter);
      try {
        for (const sequence of options.sequences) {
          const framesPerSecond =
            options.framesPerSecond ?? sequence.framesPerSecond ?? options.usualFramesPerSecond;
          const video =
            videos.get(sequence) ?? (await encodePictures(sequence.pictures, { framesPerSecond }));
          videos.set(sequence, video);
          results.push(await evaluateOne(options, { variant, tracker, clock, meter }, sequence, video));
        }
      } finally {
        await tracker.dispose();
      }
    }
  } finally {
    await models.dispose();
  }
  return results;
}

async function evaluateOne(
  options: EvaluationOptions,
  { variant, tracker, clock, meter }: VariantRun,
  sequence: Sequence,
  video: SequenceVideo,
): Promise<Evaluation> {
  const { framesPerSecond } = video;
  const frames = video.accessUnits.length;
  const prompts = options.automatic
    ? { byFrame: new Map(), frameOf: new Map<number, number>() }
    : await promptsOf(sequence, frames);
  const streamId = `${sequence.group}.${sequence.name}`.replaceAll(/[^A-Za-z0-9._-]/g, '_').slice(0, 128);
  const jitter = new JitterMeter();
  const annotatedJitter = new JitterMeter();
  const truth = await annotatedMasks(sequence, frames);
  meter.begin();
  const { tracked, counters, trackMs } = await runHarness({
    tracker,
    streamId,
    frames: decodeFrames(video, streamId, variant.geometry),
    prompts: prompts.byFrame,
    framesPerSecond,
    clock,
    onFrame: ({ tracks }, frame) => {
      jitter.observe(frame, tracks);
      if (truth !== null) annotatedJitter.observe(frame, truth[frame.index] ?? []);
      options.onProgress?.({
        variant: variant.name,
        sequence: sequence.name,
        frame: frame.index + 1,
        frames,
      });
    },
  });
  const prompting = meter.measure(frames, framesPerSecond);
  // A segmentation that this stream left behind must not occupy the next one's time.
  clock.advanceTo(clock.nowMs() + 60_000);
  await options.onTracked?.({ variant: variant.name, sequence, tracked });
  const { score, annotated } = await scoreSequence(sequence, tracked, prompts.frameOf, framesPerSecond);
  const where = { variant: variant.name, sequence: sequence.name };
  for (const [index, frame] of annotated) {
    const trackFrame = tracked[index];
    if (trackFrame === undefined) continue;
    options.onPairs?.(calibrationPairs(frame, trackFrame, prompts.frameOf, where));
  }
  const sorted = trackMs.toSorted((one, other) => one - other);
  return {
    ...where,
    strategy: variant.strategy,
    group: sequence.group,
    frames,
    framesPerSecond,
    score,
    jitter: jitter.measure(),
    annotatedJitter: annotatedJitter.measure(),
    prompting,
    counters,
    trackMs: { p50: quantile(sorted, 0.5), p95: quantile(sorted, 0.95), max: quantile(sorted, 1) },
  };
}
