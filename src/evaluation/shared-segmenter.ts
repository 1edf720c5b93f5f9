import type { Segmenter } from '../tracker/segmentation.ts';

/** Models that several trackers use one after the other, so that they are loaded once. */
export class SharedSegmenter {
  #loaded: Promise<Segmenter> | null = null;

  /** The models, which the first call loads; whoever gets them cannot dispose of them. Rejects as `load` does. */
  async open(load: () => Promise<Segmenter>): Promise<Segmenter> {
    this.#loaded ??= load();
    const models = await this.#loaded;
    return {
      segment: (request) => models.segment(request),
      closeStream: (streamId) => models.closeStream(streamId),
      dispose: async () => {},
    };
  }

  /** Disposes of what was loaded. */
  async dispose(): Promise<void> {
    const loaded = await this.#loaded?.catch(() => null);
    await loaded?.dispose();
  }
}
