import { setImmediate } from 'node:timers/promises';
import type { Config } from '../config/schema.ts';
import { TrackcastError } from '../errors.ts';
import { describeRefusal } from '../model/runtime.ts';
import { openSam2 } from '../model/sam2/open-sam2.ts';
import type { Sam2Runtime } from '../model/sam2/sam2-runtime.ts';
import { createPromptStrategy } from '../prompting/create-strategy.ts';
import { AutomaticObjects } from '../replay/automatic-objects.ts';
import { LogitsFolder } from '../replay/logits-folder.ts';
import type { ReplayTracker } from '../replay/replay-tracker.ts';
import { Sam2Replay } from '../replay/sam2-replay.ts';
import { TrackerReplay } from '../replay/tracker-replay.ts';
import type { CameraPredictorOptions } from '../tracker/sam2/camera-predictor.ts';
import { predictorOptionsOf, type Sam2Settings } from '../tracker/sam2/open-sam2-segmenter.ts';
import { openWarmSam2 } from '../tracker/sam2/open-warm-sam2.ts';
import { createTracker } from '../tracker/tracker-factory.ts';
import type { ModelPlan } from '../tracking-plan.ts';

/** Pointers further back than this are not attended to, however long a recording is. */
const longestPointerTimeSpan = 15;

/** Which SAM 2 model ran, and how. */
export interface ReplayModel {
  readonly checkpoint: string;
  readonly imageSize: number;
  readonly precision: Sam2Settings['precision'];
  /** The execution provider. */
  readonly provider: string;
}

export interface OpenedTracker {
  readonly tracker: ReplayTracker;
  /** Execution providers that were preferred and cannot run the model, each with the reason. */
  readonly refused: readonly string[];
  readonly model?: ReplayModel;
}

export interface ReplayTrackerOptions {
  readonly config: Pick<
    Config,
    | 'SAM2_PROMPT_STRATEGY'
    | 'SAM2_REPROMPT_INTERVAL'
    | 'SAM2_PREFERRED_EXTENT'
    | 'SAM2_MAX_OBJECTS_PER_STREAM'
  >;
  /** Of the recording; null for an unknown length. */
  readonly frameCount: number | null;
  /** Above those of all prompts. */
  readonly firstAutomaticId: number;
  /** Folder for the raw results of `sam2_video`; null for none. */
  readonly logits: string | null;
  /** Asks to give up, which happens between two calls of ONNX Runtime; rejects with its reason then. */
  readonly signal: AbortSignal;
}

/** Opens the tracker of a plan, warm. Rejects as opening its model does, and with `TRACKCAST_OUTPUT_UNWRITABLE`. */
export async function openReplayTracker(
  { kind, models, geometry }: ModelPlan,
  options: ReplayTrackerOptions,
): Promise<OpenedTracker> {
  const { config, firstAutomaticId, signal } = options;
  if (models.sam2 !== undefined) {
    if (config.SAM2_PROMPT_STRATEGY === 'detector') {
      const key = 'SAM2_PROMPT_STRATEGY';
      const message =
        '`detector` cannot be had in a replay with SAM 2 and --prompts: give --no-auto, or its boxes as prompts';
      throw new TrackcastError('TRACKCAST_CONFIG_INVALID', message, { key });
    }
    const { sam2, intraOpThreads } = models;
    const { checkpoint, imageSize, precision } = sam2;
    const predictor = replayPredictorOf(sam2, options.frameCount);
    const open = (executionProviders: readonly string[]) =>
      openSam2({ ...sam2, intraOpThreads, executionProviders, signal });
    const { runtime, refused } = await openWarmSam2(models.executionProviders, predictor, open, signal);
    const model = { checkpoint, imageSize, precision, provider: runtime.provider };
    const tracker = await openSam2Replay(runtime, predictor, model, options);
    return { tracker, refused: refused.map(describeRefusal), model };
  }
  let refused: readonly string[] = [];
  const tracker = await createTracker({
    kind,
    timing: { mode: 'lossless' },
    settings: {
      strategy: config.SAM2_PROMPT_STRATEGY,
      repromptIntervalFrames: config.SAM2_REPROMPT_INTERVAL,
      // No SAM2_PROMPT_BUDGET_MS: it counts real time, and runs would differ.
      preferredExtent: config.SAM2_PREFERRED_EXTENT,
      maxObjects: config.SAM2_MAX_OBJECTS_PER_STREAM,
      maxSegmentationsPerSecond: Number.POSITIVE_INFINITY,
    },
    models,
    onLoaded: ({ refusedProviders }) => {
      refused = refusedProviders.map(describeRefusal);
    },
  });
  return { tracker: new TrackerReplay({ tracker, geometry, firstAutomaticId }), refused };
}

/** As the published predictor remembers a recording of this many frames. */
function replayPredictorOf(settings: Sam2Settings, frameCount: number | null): CameraPredictorOptions {
  return {
    ...predictorOptionsOf(settings),
    pointerTimeSpan: Math.max(1, Math.min(longestPointerTimeSpan, (frameCount ?? Infinity) - 1)),
    // No frame that was prompted is forgotten.
    keptConditioningFrames: Number.POSITIVE_INFINITY,
  };
}

async function openSam2Replay(
  runtime: Sam2Runtime,
  predictor: CameraPredictorOptions,
  model: ReplayModel,
  { config, firstAutomaticId, logits, signal }: ReplayTrackerOptions,
): Promise<Sam2Replay> {
  const automatic =
    config.SAM2_PROMPT_STRATEGY === 'none'
      ? null
      : new AutomaticObjects({
          strategy: createPromptStrategy(config.SAM2_PROMPT_STRATEGY),
          intervalFrames: config.SAM2_REPROMPT_INTERVAL,
          preferredExtent: config.SAM2_PREFERRED_EXTENT,
          maxObjects: config.SAM2_MAX_OBJECTS_PER_STREAM,
        });
  try {
    const { maskSize } = runtime.geometry;
    const { pointerTimeSpan } = predictor;
    // The last run kept the thread to itself: signals come through now.
    await setImmediate();
    signal.throwIfAborted();
    const folder =
      logits === null ? null : await LogitsFolder.create(logits, { ...model, maskSize, pointerTimeSpan });
    return new Sam2Replay({ runtime, predictor, automatic, firstAutomaticId, logits: folder });
  } catch (error) {
    await runtime.dispose();
    throw error;
  }
}
