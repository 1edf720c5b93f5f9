import { defaultGates, type PreferredExtent } from '../prompting/candidate-filter.ts';
import { createPromptStrategy } from '../prompting/create-strategy.ts';
import type { PromptStrategy, PromptStrategyName } from '../prompting/prompt-strategy.ts';
import { IouTracker } from './iou/iou-tracker.ts';
import type { LoadedSegmenter, SegmentationLane, Segmenter } from './segmentation.ts';
import { SegmentedTracker } from './segmented/segmented-tracker.ts';
import { createSegmenter, type ModelSettings } from './segmenter-factory.ts';
import { TimedLane } from './timed-lane.ts';
import type { VideoTracker } from './video-tracker.ts';
import type { VirtualClock } from './virtual-clock.ts';

/** What every tracker is told of the configuration. */
export interface TrackerSettings {
  readonly strategy: PromptStrategyName;
  readonly repromptIntervalFrames: number;
  /** Milliseconds of a look that points for new objects may take beside live tracks; fixed counts without it. */
  readonly promptBudgetMs?: number;
  /** Whether a whole or its part becomes an object where candidates hold one another; wholes by default. */
  readonly preferredExtent?: PreferredExtent;
  /** Weight of the carried mask when a fresh one lands, 0 to below 1; 0 by default. */
  readonly maskSmoothing?: number;
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

/** Stands between a tracker and its parts, to measure or to share them. */
export interface TrackerInstruments {
  /** Takes the place of the strategy that was made for a stream. */
  strategy(made: PromptStrategy): PromptStrategy;
  /** Takes the place of the models that the tracker would load, and may load them. */
  segmenter(load: () => Promise<Segmenter>): Promise<Segmenter>;
}

export interface TrackerOptions {
  readonly kind: VideoTracker['kind'];
  readonly timing: TrackerTiming;
  readonly settings: TrackerSettings;
  readonly models: ModelSettings;
  /** Told of the models, where the tracker loads them itself. */
  readonly onLoaded?: (models: Pick<LoadedSegmenter, 'refusedProviders'>) => void;
  readonly instruments?: TrackerInstruments;
}

/**
 * Makes a tracker with everything that it needs; it owns its models. Throws `TRACKCAST_MODEL_INVALID`,
 * `TRACKCAST_CONFIG_INVALID`.
 */
export async function createTracker(options: TrackerOptions): Promise<VideoTracker> {
  const { timing, settings, instruments } = options;
  const lane = await openLane(options);
  const createStrategy = () => {
    const strategy = createPromptStrategy(settings.strategy, options.models.detector !== undefined);
    return instruments?.strategy(strategy) ?? strategy;
  };
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
    promptBudgetMs: settings.promptBudgetMs ?? null,
    maskSmoothing: settings.maskSmoothing ?? 0,
    gates: { ...defaultGates, prefers: settings.preferredExtent ?? defaultGates.prefers },
    maxObjects: settings.maxObjects,
    maxSegmentationsPerSecond: settings.maxSegmentationsPerSecond,
    waitsForSegmentation:
      timing.mode === 'lossless' || (timing.mode === 'lane' && timing.waitsForSegmentation),
  });
}

async function openLane(options: TrackerOptions): Promise<SegmentationLane | null> {
  const { timing, models, onLoaded, instruments } = options;
  const loadModels = async () => {
    const segmenter = await createSegmenter(models);
    onLoaded?.(segmenter);
    return segmenter;
  };
  const load = () => instruments?.segmenter(loadModels) ?? loadModels();
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
