import type { SegmentationLane } from '../segmentation.ts';
import type { TrackedStream, TrackedStreamOptions, VideoTracker } from '../video-tracker.ts';
import { MobileSamStream, type MobileSamStreamSettings } from './mobile-sam-stream.ts';

/**
 * The embedded default: MobileSAM segments as often as the machine allows, masks ride on motion in between, and
 * every late result is carried to the present. It is not SAM 2.
 */
export class MobileSamTracker implements VideoTracker {
  readonly kind = 'mobile_sam';
  readonly #settings: MobileSamStreamSettings;

  constructor(settings: MobileSamStreamSettings) {
    this.#settings = settings;
  }

  openStream(options: TrackedStreamOptions): TrackedStream {
    return new MobileSamStream(options, this.#settings);
  }

  async dispose(): Promise<void> {
    const lane: SegmentationLane | null = this.#settings.lane;
    await lane?.dispose();
  }
}
