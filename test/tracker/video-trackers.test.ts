import { createTracker, type TrackerOptions } from '../../src/tracker/tracker-factory.ts';
import type { VideoTracker } from '../../src/tracker/video-tracker.ts';
import { describeVideoTrackerConformance } from './video-tracker-conformance.ts';

function open(kind: VideoTracker['kind'], timing: TrackerOptions['timing']) {
  return (automatic: boolean): Promise<VideoTracker> =>
    createTracker({
      kind,
      timing,
      settings: {
        strategy: automatic ? 'auto_grid' : 'none',
        repromptIntervalFrames: 5,
        maxObjects: 20,
        maxSegmentationsPerSecond: Number.POSITIVE_INFINITY,
      },
      models: { executionProviders: ['cpu'], intraOpThreads: 1 },
    });
}

describeVideoTrackerConformance({
  name: 'mobile_sam with every frame segmented',
  open: open('mobile_sam', { mode: 'lossless' }),
  segments: true,
});

describeVideoTrackerConformance({
  name: 'mobile_sam on motion alone',
  open: open('mobile_sam', { mode: 'propagation' }),
  segments: false,
});

describeVideoTrackerConformance({
  name: 'sam2_video on motion alone',
  open: open('sam2_video', { mode: 'propagation' }),
  segments: false,
  geometry: { kind: 'stretch', width: 256, height: 256 },
});

describeVideoTrackerConformance({
  name: 'iou',
  open: open('iou', { mode: 'lossless' }),
  segments: true,
});
