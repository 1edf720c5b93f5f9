import { writeFile } from 'node:fs/promises';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { loadConfig } from '../config/load.ts';
import { type EvaluationOptions, evaluate, type Variant } from '../evaluation/evaluate.ts';
import { writeOverlays } from '../evaluation/overlay-files.ts';
import { describeEvaluations } from '../evaluation/report.ts';
import { findSequences } from '../evaluation/sequence.ts';
import { quietCodecLog } from '../ingest/codec-log.ts';
import { type PromptStrategyName, promptStrategyNames } from '../prompting/prompt-strategy.ts';
import type { ModelSettings } from '../tracker/segmenter-factory.ts';
import type { VideoTracker } from '../tracker/video-tracker.ts';
import type { VirtualClock } from '../tracker/virtual-clock.ts';
import { type ModelPlan, planModel } from '../tracking-plan.ts';
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
}) => Promise<VideoTracker>;

interface EvalFlags {
  readonly tracker: TrackerKind;
  readonly model?: string;
  readonly imageSize?: number;
  readonly auto: boolean;
  readonly strategy: PromptStrategyName;
  readonly fps?: number;
  readonly segmentationMs: number | 'measured';
  readonly lossless: boolean;
  readonly variants: readonly VariantName[];
  readonly json?: string;
  readonly overlays?: string;
  readonly maxFrames: number;
}

const variantNames = ['default', 'propagation', 'every-frame'] as const;
type VariantName = (typeof variantNames)[number];

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
    .option(
      '--image-size <pixels>',
      'side of its square input; default: SAM2_IMAGE_SIZE',
      positiveNumber('a size'),
    )
    .option('--auto', 'show no objects; measure what the tracker finds by itself', false)
    .addOption(
      new Option('--strategy <name>', 'how it does so').choices(promptStrategyNames).default('auto_grid'),
    )
    .option(
      '--fps <number>',
      'frame rate of every sequence; default: its own, or 24',
      positiveNumber('a frame rate'),
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
    .option('--json <file>', 'also write all figures, frame by frame')
    .option('--overlays <dir>', 'also write pictures with the tracks drawn on them')
    .option(
      '--max-frames <count>',
      'frames of each sequence that are used',
      positiveNumber('a count'),
      Number.POSITIVE_INFINITY,
    )
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
    SAM2_MODEL: flags.model ?? values.SAM2_MODEL,
    SAM2_IMAGE_SIZE: flags.imageSize ?? values.SAM2_IMAGE_SIZE,
  });
  const options: EvaluationOptions = {
    sequences: (await Promise.all(folders.map(findSequences))).flat(),
    variants: flags.variants.map((name) => variant(name, flags, plan, createTracker)),
    automatic: flags.auto,
    framesPerSecond: flags.fps ?? null,
    maxFrames: flags.maxFrames,
    onProgress: ({ variant, sequence, frame, frames }) =>
      progress.show(`${variant}  ${sequence}  ${frame}/${frames}`),
    ...(overlays === undefined ? {} : { onTracked: (run) => writeOverlays(overlays, run) }),
  };
  const evaluations = await evaluate(options);
  progress.clear();
  process.stdout.write(`${describeEvaluations(evaluations, flags.auto)}\n`);
  if (flags.json !== undefined) {
    const { tracker, auto, segmentationMs, lossless } = flags;
    const strategy = strategyOf(flags);
    const report = { tracker, automatic: auto, strategy, segmentationMs, lossless, evaluations };
    await writeFile(flags.json, `${JSON.stringify(report, null, 1)}\n`);
  }
}

function variant(
  name: VariantName,
  flags: EvalFlags,
  { kind, models, geometry }: ModelPlan,
  createTracker: EvaluationTrackerFactory,
): Variant {
  return {
    name,
    geometry,
    create: (clock) =>
      createTracker({ kind, models, strategy: strategyOf(flags), timing: timing(name, flags, clock) }),
  };
}

function strategyOf({ auto, strategy }: EvalFlags): PromptStrategyName {
  return auto ? strategy : 'none';
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

function positiveNumber(what: string): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!(value > 0)) throw new InvalidArgumentError(`not ${what} above 0`);
    return value;
  };
}

function segmentationTime(text: string): number | 'measured' {
  if (text === 'measured') return text;
  const value = Number(text);
  if (text === '' || !(value >= 0)) throw new InvalidArgumentError('not `measured` and no milliseconds');
  return value;
}

function variantList(text: string): VariantName[] {
  return text.split(',').map((name) => {
    const known = variantNames.find((variantName) => variantName === name.trim());
    if (known === undefined) throw new InvalidArgumentError(`not one of ${variantNames.join(', ')}`);
    return known;
  });
}
