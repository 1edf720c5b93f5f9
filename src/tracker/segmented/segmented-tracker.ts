import type { TrackedStream, TrackedStreamOptions, VideoTracker } from '../video-tracker.ts';
import { SegmentedStream, type SegmentedStreamSettings } from './segmented-stream.ts';

/**
 * A model segments as often as the machine allows, masks ride on motion in between, and every late result is carried
 * to the present. With MobileSAM this is the embedded default; with SAM 2 it is the camera tracker.
 */
export class SegmentedTracker implements VideoTracker {
  readonly kind: 'mobile_sam' | 'sam2_video';
  readonly #settings: SegmentedStreamSettings;

  constructor(kind: 'mobile_sam' | 'sam2_video', settings: SegmentedStreamSettings) {
    this.kind = kind;
    this.#settings = settings;
  }

  openStream(options: TrackedStreamOptions): TrackedStream {
    return new SegmentedStream(options, this.#settings);
  }

  async dispose(): Promise<void> {
    await this.#settings.lane?.dispose();
  }
}
