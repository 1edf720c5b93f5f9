import type { PixelGeometry } from './buffer/frame.ts';
import { parseClassMinScore } from './config/detector-settings.ts';
import type { Config } from './config/schema.ts';
import { TrackcastError } from './errors.ts';
import { openCheckpoint } from './model/checkpoint/checkpoint.ts';
import type { DetectorSettings } from './model/detector/detector.ts';
import { sizeOfDetector } from './model/detector/detector-file.ts';
import { readLabelsFile } from './model/detector/labels-file.ts';
import { geometryOf, recogniseArchitecture } from './model/sam2/recognise.ts';
import { resolveModel } from './model/store/resolve-model.ts';
import type { Sam2Settings } from './tracker/sam2/open-sam2-segmenter.ts';
import type { ModelSettings } from './tracker/segmenter-factory.ts';
import type { TrackingWorkerData } from './tracker/tracking-messages.ts';
import type { VideoTracker } from './tracker/video-tracker.ts';

/** What the embedded models see: the long side at 1024, both sides in whole tokens. */
export const embeddedGeometry = { kind: 'fit', longSide: 1024, multipleOf: 16 } as const;

/** The tracking side of a configuration. */
export interface TrackingPlan {
  readonly tracking: TrackingWorkerData;
  /** Size at which the tracker wants frames. */
  readonly geometry: PixelGeometry;
}

/** The settings of a configuration that choose and run the model. */
export type ModelConfig = Pick<
  Config,
  | 'VIDEO_MODE'
  | 'EXECUTION_PROVIDERS'
  | 'SEGMENTATION_THREADS'
  | 'SAM2_MODEL'
  | 'MODEL_DIR'
  | 'SAM2_IMAGE_SIZE'
  | 'SAM2_PRECISION'
  | 'SAM2_VOS_OPTIMIZED'
  | 'SAM2_MEMORY_POLICY'
  | 'SAM2_WHOLE_FRAME_GATE'
  | 'SAM2_MEMORY_POOLING'
  | 'SAM2_MAX_COND_FRAMES_IN_ATTN'
  | 'SAM2_ADD_ALL_FRAMES_TO_CORRECT_AS_COND'
  | 'SAM2_FILL_HOLE_AREA'
  | 'DEVICE_ID'
  | 'SAM2_PROMPT_STRATEGY'
  | 'DETECTOR_MODEL'
  | 'DETECTOR_LAYOUT'
  | 'DETECTOR_LABELS'
  | 'DETECTOR_CLASSES'
  | 'DETECTOR_MIN_SCORE'
  | 'DETECTOR_CLASS_MIN_SCORES'
  | 'DETECTOR_NMS_IOU'
  | 'DETECTOR_MAX_BOXES'
  | 'DETECTOR_IMAGE_SIZE'
  | 'DETECTOR_PIXEL_MAX'
  | 'DETECTOR_CHANNELS'
  | 'DETECTOR_BOX_UNITS'
> & { readonly VIDEO_TRACKER_TYPE: VideoTracker['kind'] };

/** What a configuration's tracker runs on. */
export interface ModelPlan {
  readonly kind: TrackingWorkerData['kind'];
  readonly models: ModelSettings;
  readonly geometry: PixelGeometry;
}

/**
 * Finds the models of a configuration. Rejects with `TRACKCAST_MODEL_MISSING`, which says how to get it,
 * `TRACKCAST_MODEL_MISMATCH`, `TRACKCAST_CHECKPOINT_INVALID`, or for a detector
 * `TRACKCAST_MODEL_INVALID` and, for its labels, `TRACKCAST_CONFIG_INVALID`.
 */
export async function planModel(config: ModelConfig): Promise<ModelPlan> {
  const kind = config.VIDEO_MODE ? config.VIDEO_TRACKER_TYPE : 'iou';
  const detector = await planDetector(config);
  const device = {
    executionProviders: config.EXECUTION_PROVIDERS,
    intraOpThreads: config.SEGMENTATION_THREADS,
    ...(detector === null ? {} : { detector }),
  };
  if (kind !== 'sam2_video') return { kind, models: device, geometry: embeddedGeometry };
  const sam2 = await planSam2(config);
  const { imageSize } = sam2;
  // SAM 2 was trained on pictures that were stretched to a square.
  const geometry = { kind: 'stretch', width: imageSize, height: imageSize } as const;
  return { kind, models: { ...device, sam2 }, geometry };
}

/** As `planModel`, with how streams are tracked. */
export async function planTracking(config: Config, waitsForSegmentation: boolean): Promise<TrackingPlan> {
  const { kind, models, geometry } = await planModel(config);
  const tracking: TrackingWorkerData = {
    kind,
    settings: {
      strategy: config.SAM2_PROMPT_STRATEGY,
      repromptIntervalFrames: config.SAM2_REPROMPT_INTERVAL,
      promptBudgetMs: config.SAM2_PROMPT_BUDGET_MS,
      preferredExtent: config.SAM2_PREFERRED_EXTENT,
      maskSmoothing: config.SAM2_MASK_SMOOTHING,
      maxObjects: config.SAM2_MAX_OBJECTS_PER_STREAM,
      maxSegmentationsPerSecond: waitsForSegmentation
        ? Number.POSITIVE_INFINITY
        : config.VIDEO_PROCESSING_FPS,
    },
    models,
    waitsForSegmentation,
  };
  return { tracking, geometry };
}

/** The detector of a strategy that has one; null where none is needed, or only wished for. */
async function planDetector(config: ModelConfig): Promise<DetectorSettings | null> {
  const { SAM2_PROMPT_STRATEGY: strategy, DETECTOR_MODEL: file } = config;
  if (strategy !== 'detector' && strategy !== 'hybrid') return null;
  if (file === '') {
    if (strategy === 'hybrid') return null;
    const message = 'the strategy `detector` needs a detector: DETECTOR_MODEL is the path of an ONNX file';
    throw new TrackcastError('TRACKCAST_CONFIG_INVALID', message, { key: 'DETECTOR_MODEL' });
  }
  // Found out now rather than by the thread that opens it.
  await sizeOfDetector(file);
  return {
    file,
    layout: config.DETECTOR_LAYOUT,
    labels: config.DETECTOR_LABELS === '' ? null : await readLabelsFile(config.DETECTOR_LABELS),
    classes: config.DETECTOR_CLASSES,
    minScore: config.DETECTOR_MIN_SCORE,
    classMinScores: config.DETECTOR_CLASS_MIN_SCORES.flatMap((text) => parseClassMinScore(text) ?? []),
    suppressionIou: config.DETECTOR_NMS_IOU,
    maxBoxes: config.DETECTOR_MAX_BOXES,
    imageSize: config.DETECTOR_IMAGE_SIZE,
    pixels: { channels: config.DETECTOR_CHANNELS, maximum: config.DETECTOR_PIXEL_MAX },
    boxUnits: config.DETECTOR_BOX_UNITS,
  };
}

async function planSam2(config: ModelConfig): Promise<Sam2Settings> {
  const { checkpoint, folder } = await resolveModel(config.SAM2_MODEL, config.MODEL_DIR);
  const { imageSize } = geometryOf(config.SAM2_IMAGE_SIZE || (await trainedImageSize(checkpoint)));
  return {
    checkpoint,
    folder,
    imageSize,
    precision: config.SAM2_PRECISION,
    deviceId: config.DEVICE_ID,
    fused: config.SAM2_VOS_OPTIMIZED,
    memoryPooling: config.SAM2_MEMORY_POOLING ? 2 : 1,
    memoryPolicy: config.SAM2_MEMORY_POLICY,
    wholeFrameGate: config.SAM2_WHOLE_FRAME_GATE,
    maxConditioningFrames: config.SAM2_MAX_COND_FRAMES_IN_ATTN,
    correctionsCondition: config.SAM2_ADD_ALL_FRAMES_TO_CORRECT_AS_COND,
    holeArea: config.SAM2_FILL_HOLE_AREA,
  };
}

async function trainedImageSize(path: string): Promise<number> {
  const checkpoint = await openCheckpoint(path);
  try {
    return recogniseArchitecture(checkpoint.tensors).defaultImageSize;
  } finally {
    await checkpoint.close();
  }
}
