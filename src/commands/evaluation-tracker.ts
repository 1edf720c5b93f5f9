import { createTracker } from '../tracker/tracker-factory.ts';
import type { EvaluationTrackerFactory } from './eval.ts';

/** Trackers as `eval` measures them: one inference thread, as in the default configuration. */
export const createEvaluationTracker: EvaluationTrackerFactory = ({
  kind,
  models,
  timing,
  strategy,
  preferredExtent,
  instruments,
  onRefused,
}) =>
  createTracker({
    kind,
    timing:
      timing.mode === 'virtual' && timing.segmentationMs === Number.POSITIVE_INFINITY
        ? { mode: 'propagation' }
        : timing,
    settings: {
      strategy,
      preferredExtent,
      // No SAM2_PROMPT_BUDGET_MS: it counts real time, and figures would not repeat.
      repromptIntervalFrames: 30,
      maxObjects: 50,
      maxSegmentationsPerSecond: timing.mode === 'lossless' ? Number.POSITIVE_INFINITY : 15,
    },
    models,
    onLoaded: ({ refusedProviders }) => onRefused(refusedProviders),
    instruments,
  });
