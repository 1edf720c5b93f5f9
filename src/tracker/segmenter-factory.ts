import { MobileSamModel } from '../model/mobile-sam/mobile-sam-model.ts';
import { TokenAffinity } from '../model/mobile-sam/token-affinity.ts';
import { MobileSamSegmenter } from './mobile-sam/mobile-sam-segmenter.ts';
import { openSam2Segmenter, type Sam2Settings } from './sam2/open-sam2-segmenter.ts';
import type { LoadedSegmenter } from './segmentation.ts';

/** Which model segments, and where it runs. */
export interface ModelSettings {
  readonly executionProviders: readonly string[];
  readonly intraOpThreads: number;
  /** SAM 2; without it, the embedded MobileSAM. */
  readonly sam2?: Sam2Settings;
}

/** Loads the models. Throws `TRACKCAST_MODEL_INVALID`, `TRACKCAST_CHECKPOINT_INVALID`, `TRACKCAST_CONFIG_INVALID`. */
export async function createSegmenter(models: ModelSettings): Promise<LoadedSegmenter> {
  if (models.sam2 !== undefined) return openSam2Segmenter(models.sam2, models);
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
