import { Detector, type DetectorSettings } from '../model/detector/detector.ts';
import { MobileSamModel } from '../model/mobile-sam/mobile-sam-model.ts';
import { TokenAffinity } from '../model/mobile-sam/token-affinity.ts';
import { DetectingSegmenter } from './detecting-segmenter.ts';
import { MobileSamSegmenter } from './mobile-sam/mobile-sam-segmenter.ts';
import { openSam2Segmenter, type Sam2Settings } from './sam2/open-sam2-segmenter.ts';
import type { LoadedSegmenter } from './segmentation.ts';

/** Which model segments, and where it runs. */
export interface ModelSettings {
  readonly executionProviders: readonly string[];
  readonly intraOpThreads: number;
  /** SAM 2; without it, the embedded MobileSAM. */
  readonly sam2?: Sam2Settings;
  /** What names objects beside it; without it, nothing does. */
  readonly detector?: DetectorSettings;
}

/**
 * Loads the models. Throws `TRACKCAST_MODEL_INVALID`, `TRACKCAST_PROVIDER_UNAVAILABLE`, `TRACKCAST_CHECKPOINT_INVALID`,
 * `TRACKCAST_CONFIG_INVALID`.
 *
 * @param signal asks SAM 2 to give up, being opened or looking, which it does at its next step, with the signal's
 *   reason
 */
export async function createSegmenter(models: ModelSettings, signal?: AbortSignal): Promise<LoadedSegmenter> {
  const { detector: settings } = models;
  if (settings === undefined) return openSegmenter(models, signal);
  // First, because it is quick and its file is more likely to be wrong.
  const detector = await Detector.open(settings, models);
  try {
    return new DetectingSegmenter(await openSegmenter(models, signal), detector);
  } catch (error) {
    await detector.dispose();
    throw error;
  }
}

async function openSegmenter(models: ModelSettings, signal?: AbortSignal): Promise<LoadedSegmenter> {
  if (models.sam2 !== undefined) return openSam2Segmenter(models.sam2, { ...models, signal });
  const model = await MobileSamModel.load(models);
  try {
    // The affinity's matrices are small and come from memory: the CPU is the best place on every machine.
    return new MobileSamSegmenter(
      model,
      await TokenAffinity.create({ intraOpThreads: models.intraOpThreads }),
    );
  } catch (error) {
    await model.dispose();
    throw error;
  }
}
