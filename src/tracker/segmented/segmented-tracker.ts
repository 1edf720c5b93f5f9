import type { PromptStrategy } from '../../prompting/prompt-strategy.ts';
import type { TrackedStream, TrackedStreamOptions, VideoTracker } from '../video-tracker.ts';
import { SegmentedStream, type SegmentedStreamSettings } from './segmented-stream.ts';

/** As a stream's, but every stream has a strategy of its own. */
export type SegmentedTrackerSettings = Omit<SegmentedStreamSettings, 'strategy'> & {
  readonly createStrategy: () => PromptStrategy;
};

/**
 * A model segments as often as the machine allows, masks ride on motion in between, and every late result is carried
 * to the present. With MobileSAM this is the embedded default; with SAM 2 it is the camera tracker.
 */
export class SegmentedTracker implements VideoTracker {
  readonly kind: 'mobile_sam' | 'sam2_video';
  readonly #settings: SegmentedTrackerSettings;

  constructor(kind: 'mobile_sam' | 'sam2_video', settings: SegmentedTrackerSettings) {
    this.kind = kind;
    this.#settings = settings;
  }

  openStream(options: TrackedStreamOptions): TrackedStream {
    const { createStrategy, ...settings } = this.#settings;
    return new SegmentedStream(options, { ...settings, strategy: createStrategy() });
  }

  async dispose(): Promise<void> {
    await this.#settings.lane?.dispose();
  }
}
