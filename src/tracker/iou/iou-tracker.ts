import type { TrackedStream, TrackedStreamOptions, VideoTracker } from '../video-tracker.ts';
import { IouStream, type IouStreamSettings } from './iou-stream.ts';

/**
 * Tracking by detection: every frame is segmented on its own and its masks are paired with those of the look
 * before by their overlap. It has no memory and no motion; what moves further than its own size between two
 * looks becomes a new object.
 */
export class IouTracker implements VideoTracker {
  readonly kind = 'iou';
  readonly #settings: IouStreamSettings;

  constructor(settings: IouStreamSettings) {
    this.#settings = settings;
  }

  openStream(options: TrackedStreamOptions): TrackedStream {
    return new IouStream(options, this.#settings);
  }

  async dispose(): Promise<void> {
    await this.#settings.lane?.dispose();
  }
}
