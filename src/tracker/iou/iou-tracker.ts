import type { PromptStrategy } from '../../prompting/prompt-strategy.ts';
import type { TrackedStream, TrackedStreamOptions, VideoTracker } from '../video-tracker.ts';
import { IouStream, type IouStreamSettings } from './iou-stream.ts';

/** As a stream's, but every stream has a strategy of its own. */
export type IouTrackerSettings = Omit<IouStreamSettings, 'strategy'> & {
  readonly createStrategy: () => PromptStrategy;
};

/**
 * Tracking by detection: every frame is segmented on its own and its masks are paired with those of the look
 * before by their overlap. It has no memory and no motion; what moves further than its own size between two
 * looks becomes a new object.
 */
export class IouTracker implements VideoTracker {
  readonly kind = 'iou';
  readonly #settings: IouTrackerSettings;

  constructor(settings: IouTrackerSettings) {
    this.#settings = settings;
  }

  openStream(options: TrackedStreamOptions): TrackedStream {
    const { createStrategy, ...settings } = this.#settings;
    return new IouStream(options, { ...settings, strategy: createStrategy() });
  }

  async dispose(): Promise<void> {
    await this.#settings.lane?.dispose();
  }
}
