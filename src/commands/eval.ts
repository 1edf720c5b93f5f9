import { writeFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import type { PixelGeometry } from '../buffer/frame.ts';
import { loadConfig } from '../config/load.ts';
import { TrackcastError } from '../errors.ts';
import type { CalibrationPair } from '../evaluation/calibration.ts';
import { describeCalibration } from '../evaluation/calibration-report.ts';
import { evaluate, type Variant } from '../evaluation/evaluate.ts';
import { writeOverlays } from '../evaluation/overlay-files.ts';
import { describeEvaluations } from '../evaluation/report.ts';
import { findSequences, type Sequence } from '../evaluation/sequence.ts';
import { selectSequences } from '../evaluation/sequence-selection.ts';
import { quietCodecLog } from '../ingest/codec-log.ts';
import { describeRefusal } from '../model/runtime.ts';
import type { PreferredExtent } from '../prompting/candidate-filter.ts';
import { type PromptStrategyName, promptStrategyNames } from '../prompting/prompt-strategy.ts';
import type { LoadedSegmenter } from '../tracker/segmentation.ts';
import type { ModelSettings } from '../tracker/segmenter-factory.ts';
import type { TrackerInstruments } from '../tracker/tracker-factory.ts';
import type { VideoTracker } from '../tracker/video-tracker.ts';
import type { VirtualClock } from '../tracker/virtual-clock.ts';
import { type ModelPlan, planModel } from '../tracking-plan.ts';
import {
  type EvalFlags,
  frameIndex,
  nameList,
  positiveNumber,
  segmentationTime,
  strategyList,
  type VariantName,
  variantList,
  variantNames,
} from './eval-flags.ts';
import { imageSize } from './image-size.ts';
import { ProgressLine } from './progress-line.ts';

/** How long the tracker's asynchronous segmentation takes. */
type EvaluationTiming =
  /** As long in virtual time as given, or as it really took; `Infinity` never ends. */
  | {
      readonly mode: 'virtual';
      readonly segmentationMs: number | 'measured';
      readonly clock: VirtualClock;
    }
  /** Every frame waits for its own segmentation. */
  | { readonly mode: 'lossless' };

type TrackerKind = VideoTracker['kind'];

/** Makes the tracker of a variant. */
export type EvaluationTrackerFactory = (options: {
  readonly kind: TrackerKind;
  readonly models: ModelSettings;
  readonly timing: EvaluationTiming;
  /** How the tracker finds objects by itself. */
  readonly strategy: PromptStrategyName;
  readonly preferredExtent: PreferredExtent;
  readonly instruments: TrackerInstruments;
  /** Told of the execution providers that were preferred and cannot run the models, once these are loaded. */
  readonly onRefused: (refused: LoadedSegmenter['refusedProviders']) => void;
}) => Promise<VideoTracker>;

/** Makes the tracker of one variant; what is the same for all is known. */
type VariantTracker = (
  options: Pick<Parameters<EvaluationTrackerFactory>[0], 'strategy' | 'instruments' | 'timing'>,
) => Promise<VideoTracker>;

/** Adds `eval` to the command line. */
export function registerEval(program: Command, createTracker: EvaluationTrackerFactory): void {
  program
    .command('eval')
    .description(
      'Measure tracking quality on annotated sequences: folders with JPEGImages and Annotations (DAVIS layout), or folders of such.',
    )
    .argument('<dir...>', 'sequences, or folders of sequences')
    .addOption(
      new Option('--tracker <kind>', 'tracker to measure')
        .choices(['mobile_sam', 'sam2_video', 'iou'])
        .default('mobile_sam'),
    )
    .option('--model <name|file>', 'SAM 2 model; default: SAM2_MODEL')
    .option('--image-size <pixels>', 'side of its square input; default: SAM2_IMAGE_SIZE', imageSize)
    .option('--auto', 'show no objects; measure what the tracker finds by itself', false)
    .option(
      '--strategy <names>',
      `how it does so, any of ${promptStrategyNames.join(', ')}, with commas; default: each in turn that can`,
      strategyList,
    )
    .option(
      '--prompts-per-second <number>',
      'automatic prompts at most, so that strategies can be compared at equal cost',
      positiveNumber('a number'),
      Number.POSITIVE_INFINITY,
    )
    .option(
      '--fps <number>',
      'frame rate of every sequence; default: its own',
      positiveNumber('a frame rate'),
    )
    .option(
      '--usual-fps <number>',
      'frame rate of sequences that have none of their own',
      positiveNumber('a frame rate'),
      24,
    )
    .option(
      '--segmentation-ms <ms>',
      'how long one segmentation takes in virtual time, or `measured`',
      segmentationTime,
      'measured' as const,
    )
    .option('--lossless', 'the default variant waits for each of its segmentations', false)
    .option(
      '--variants <names>',
      `any of ${variantNames.join(', ')}, with commas: as live, motion only, every frame segmented`,
      variantList,
      ['default'] as const,
    )
    .option('--sequences <names>', 'only sequences whose names contain one of these, with commas', nameList)
    .option('--first-frame <index>', 'frame of each sequence to begin with', frameIndex, 0)
    .option(
      '--max-frames <count>',
      'frames of each sequence that are used',
      positiveNumber('a count'),
      Number.POSITIVE_INFINITY,
    )
    .option('--json <file>', 'also write all figures, frame by frame')
    .option(
      '--calibration <file>',
      'also say how far the scores of tracks can be believed; writes the masks compared as JSON lines',
    )
    .option('--overlays <dir>', 'also write pictures with the tracks drawn on them')
    .action(async (folders: string[], flags: EvalFlags) => {
      const progress = new ProgressLine();
      try {
        await runEval(folders, flags, createTracker, progress);
      } finally {
        progress.clear();
      }
    });
}

async function runEval(
  folders: readonly string[],
  flags: EvalFlags,
  createTracker: EvaluationTrackerFactory,
  progress: ProgressLine,
): Promise<void> {
  quietCodecLog();
  const { overlays } = flags;
  const { values } = loadConfig({});
  const plan = await planModel({
    ...values,
    VIDEO_MODE: true,
    VIDEO_TRACKER_TYPE: flags.tracker,
    SAM2_PROMPT_STRATEGY: neediestStrategy(flags),
    SAM2_MODEL: flags.model ?? values.SAM2_MODEL,
    SAM2_IMAGE_SIZE: flags.imageSize ?? values.SAM2_IMAGE_SIZE,
  });
  const sequences = await chosenSequences(folders, flags);
  const pairs: CalibrationPair[] = [];
  const refused = new Set<string>();
  const onRefused = (providers: LoadedSegmenter['refusedProviders']) => {
    for (const reason of providers.map(describeRefusal)) {
      if (refused.has(reason)) continue;
      refused.add(reason);
      progress.clear();
      process.stderr.write(`warning: execution provider refused: ${reason}\n`);
    }
  };
  const preferredExtent = values.SAM2_PREFERRED_EXTENT;
  const create: VariantTracker = (options) =>
    createTracker({ ...plan, ...options, preferredExtent, onRefused });
  const evaluations = await evaluate({
    sequences,
    variants: flags.variants.flatMap((name) =>
      strategiesOf(flags, plan).map((strategy) => variant(name, strategy, flags, plan.geometry, create)),
    ),
    automatic: flags.auto,
    framesPerSecond: flags.fps ?? null,
    usualFramesPerSecond: flags.usualFps,
    promptsPerSecond: flags.promptsPerSecond,
    onProgress: ({ variant, sequence, frame, frames }) =>
      progress.show(`${variant}  ${sequence}  ${frame}/${frames}`),
    ...(overlays === undefined ? {} : { onTracked: (run) => writeOverlays(overlays, run) }),
    ...(flags.calibration === undefined ? {} : { onPairs: (found) => pairs.push(...found) }),
  });
  progress.clear();
  process.stdout.write(`${describeEvaluations(evaluations, flags.auto)}\n`);
  if (flags.json !== undefined) {
    const { tracker, auto, segmentationMs, lossless, promptsPerSecond } = flags;
    const budget = Number.isFinite(promptsPerSecond) ? promptsPerSecond : null;
    const report = {
      tracker,
      automatic: auto,
      segmentationMs,
      lossless,
      promptsPerSecond: budget,
      refused: [...refused],
      evaluations,
    };
    await writeFile(flags.json, `${JSON.stringify(report, null, 1)}\n`);
  }
  if (flags.calibration !== undefined) {
    process.stdout.write(`\n${describeCalibration(pairs)}\n`);
    await writeFile(flags.calibration, pairs.map((pair) => `${JSON.stringify(pair)}\n`).join(''));
  }
}

/** Where nothing is shown, sequences without annotations have nothing to be compared with. */
async function chosenSequences(folders: readonly string[], flags: EvalFlags): Promise<Sequence[]> {
  const { sequences: names = null, firstFrame, maxFrames, auto } = flags;
  const found = (await Promise.all(folders.map(findSequences))).flat();
  const selected = selectSequences(found, { names, firstFrame, maxFrames });
  const usable = selected.filter(({ annotations }) => !auto || annotations.size > 0);
  if (usable.length === 0) {
    throw new TrackcastError('TRACKCAST_SOURCE_UNREADABLE', 'no frame of the sequences is annotated');
  }
  return usable;
}

function variant(
  name: VariantName,
  strategy: PromptStrategyName,
  flags: EvalFlags,
  geometry: PixelGeometry,
  createTracker: VariantTracker,
): Variant {
  const named = flags.variants.length === 1 ? strategy : `${name}+${strategy}`;
  return {
    name: flags.auto ? named : name,
    strategy,
    geometry,
    create: (clock, instruments) =>
      createTracker({ strategy, instruments, timing: timing(name, flags, clock) }),
  };
}

/** Of the strategies, one that needs a detector, or else one that makes use of it. */
function neediestStrategy({ auto, strategy }: EvalFlags): PromptStrategyName {
  if (!auto) return 'none';
  if (strategy === undefined) return 'hybrid';
  return (['detector', 'hybrid'] as const).find((name) => strategy.includes(name)) ?? 'none';
}

/** Unless others are asked for, those that find anything: `detector` where there is one. */
function strategiesOf({ auto, strategy }: EvalFlags, { models }: ModelPlan): readonly PromptStrategyName[] {
  if (!auto) return ['none'];
  const isAble = (name: PromptStrategyName) =>
    name === 'detector' ? models.detector !== undefined : name !== 'none';
  return strategy ?? promptStrategyNames.filter(isAble);
}

function timing(name: VariantName, flags: EvalFlags, clock: VirtualClock): EvaluationTiming {
  switch (name) {
    case 'every-frame':
      return { mode: 'lossless' };
    case 'propagation':
      return { mode: 'virtual', segmentationMs: Number.POSITIVE_INFINITY, clock };
    case 'default':
      return flags.lossless
        ? { mode: 'lossless' }
        : { mode: 'virtual', segmentationMs: flags.segmentationMs, clock };
  }
}
