import { createPromptStrategy } from '../prompting/create-strategy.ts';
import type { PromptStrategyName } from '../prompting/prompt-strategy.ts';
import { IouTracker } from './iou/iou-tracker.ts';
import type { LoadedSegmenter, SegmentationLane } from './segmentation.ts';
import { SegmentedTracker } from './segmented/segmented-tracker.ts';
import { createSegmenter, type ModelSettings } from './segmenter-factory.ts';
import { TimedLane } from './timed-lane.ts';
import type { VideoTracker } from './video-tracker.ts';
import type { VirtualClock } from './virtual-clock.ts';

/** What every tracker is told of the configuration. */
export interface TrackerSettings {
  readonly strategy: PromptStrategyName;
  readonly repromptIntervalFrames: number;
  readonly maxObjects: number;
  readonly maxSegmentationsPerSecond: number;
}

/** How segmentation relates to time. */
export type TrackerTiming =
  /** Every frame waits for its own segmentation. */
  | { readonly mode: 'lossless' }
  /** Results come as late as they would in a live run whose frames arrive by this clock. */
  | { readonly mode: 'virtual'; readonly clock: VirtualClock; readonly segmentationMs: number | 'measured' }
  /** Segmentation runs elsewhere. */
  | { readonly mode: 'lane'; readonly lane: SegmentationLane; readonly waitsForSegmentation: boolean }
  /** Nothing is segmented: prompted masks are carried by motion alone. */
  | { readonly mode: 'propagation' };

export interface TrackerOptions {
  readonly kind: VideoTracker['kind'];
  readonly timing: TrackerTiming;
  readonly settings: TrackerSettings;
  readonly models: ModelSettings;
  /** Told of the models, where the tracker loads them itself. */
  readonly onLoaded?: (models: Pick<LoadedSegmenter, 'refusedProviders'>) => void;
}

/**
 * Makes a tracker with everything that it needs; it owns its models. Throws `TRACKCAST_MODEL_INVALID`,
 * `TRACKCAST_CONFIG_INVALID`.
 */
export async function createTracker(options: TrackerOptions): Promise<VideoTracker> {
  const { timing, settings } = options;
  const lane = await openLane(options);
  const createStrategy = () => createPromptStrategy(settings.strategy);
  if (options.kind === 'iou') {
    return new IouTracker({
      lane,
      createStrategy,
      maxObjects: settings.maxObjects,
      waitsForTurn: timing.mode === 'lane',
    });
  }
  return new SegmentedTracker(options.kind, {
    lane,
    createStrategy,
    repromptIntervalFrames: settings.repromptIntervalFrames,
    maxObjects: settings.maxObjects,
    maxSegmentationsPerSecond: settings.maxSegmentationsPerSecond,
    waitsForSegmentation:
      timing.mode === 'lossless' || (timing.mode === 'lane' && timing.waitsForSegmentation),
  });
}

async function openLane({ timing, models, onLoaded }: TrackerOptions): Promise<SegmentationLane | null> {
  const load = async () => {
    const segmenter = await createSegmenter(models);
    onLoaded?.(segmenter);
    return segmenter;
  };
  switch (timing.mode) {
    case 'propagation':
      return null;
    case 'lane':
      return timing.lane;
    case 'lossless':
      return new TimedLane(await load(), { kind: 'immediate' });
    case 'virtual':
      return new TimedLane(await load(), {
        kind: 'virtual',
        clock: timing.clock,
        durationMs: timing.segmentationMs,
      });
  }
}
