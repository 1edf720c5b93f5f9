import type { Precision } from '../../model/graph/graph-builder.ts';
import { openSam2 } from '../../model/sam2/open-sam2.ts';
import type { CameraPredictorOptions } from './camera-predictor.ts';
import { memoryPolicyOf } from './memory-policies.ts';
import type { MemoryPolicyName } from './memory-policy-names.ts';
import { openWarmSam2 } from './open-warm-sam2.ts';
import { Sam2Segmenter } from './sam2-segmenter.ts';

/** Which SAM 2 model, and how it remembers. Plain data: it crosses threads. */
export interface Sam2Settings {
  /** The checkpoint's file, in `folder`. */
  readonly checkpoint: string;
  /** Where its graphs are kept. */
  readonly folder: string;
  /** Side of the model's square input, pixels. */
  readonly imageSize: number;
  readonly precision: Precision;
  readonly deviceId: number;
  /** Whether a tracked frame is one run of a fused graph. */
  readonly fused: boolean;
  /** 2 to attend to means of 2 x 2 tokens of a memory, an approximation; 1 for the published model. */
  readonly memoryPooling: 1 | 2;
  readonly memoryPolicy: MemoryPolicyName;
  /** Whether masks of the whole picture are doubted right after an absence. */
  readonly wholeFrameGate: boolean;
  /** Conditioning frames that an object attends to at most; -1 for all. */
  readonly maxConditioningFrames: number;
  /** Whether a frame that a person corrects becomes a conditioning frame. */
  readonly correctionsCondition: boolean;
  /** Holes up to that many low-resolution pixels are filled; 0 for none. */
  readonly holeArea: number;
}

/** Pointers of up to this many frames back are attended to; their time is measured in it. */
const pointerTimeSpan = 15;

/** How a live stream remembers, by its settings. */
export function predictorOptionsOf(settings: Sam2Settings): CameraPredictorOptions {
  const { maxConditioningFrames, correctionsCondition, holeArea } = settings;
  return {
    policy: memoryPolicyOf(settings.memoryPolicy, settings.wholeFrameGate),
    maxConditioningFrames: maxConditioningFrames < 0 ? Number.POSITIVE_INFINITY : maxConditioningFrames,
    correctionsCondition,
    pointerTimeSpan,
    holeArea,
  };
}

/** Where the model may run. */
interface DeviceSettings {
  readonly executionProviders: readonly string[];
  readonly intraOpThreads: number;
  /** Asks to give up, opening as well as looking, which happens between two calls of ONNX Runtime. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Opens SAM 2 as a segmenter of live streams, warm, on the first provider that can open and run it. Blocks its
 * thread for seconds.
 *
 * Throws `TRACKCAST_CHECKPOINT_INVALID`, `TRACKCAST_CONFIG_INVALID`, `TRACKCAST_MODEL_INVALID`, and
 * `TRACKCAST_INFERENCE_FAILED` when the last provider opens the model and fails to run it.
 */
export async function openSam2Segmenter(
  settings: Sam2Settings,
  device: DeviceSettings,
): Promise<Sam2Segmenter> {
  const options = predictorOptionsOf(settings);
  const open = (executionProviders: readonly string[]) =>
    openSam2({ ...settings, ...device, executionProviders });
  return new Sam2Segmenter(
    await openWarmSam2(device.executionProviders, options, open, device.signal),
    options,
  );
}
