import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { writeRandomSam2 } from '../../../bench/random-sam2.ts';
import type { Sam2Settings } from '../../../src/tracker/sam2/open-sam2-segmenter.ts';
import type { ModelSettings } from '../../../src/tracker/segmenter-factory.ts';
import { goldenPath } from '../../model/sam2/golden.ts';

/** Side of the small models' input, pixels. */
export const modelSide = 256;

/** What live streams are given to see. */
export const modelGeometry = { kind: 'stretch', width: modelSide, height: modelSide } as const;

const decoder = 'sam_mask_decoder';
/** With these, some masks pass as new objects. */
const sure = {
  [`${decoder}.iou_prediction_head.layers.2.bias`]: [8, 8, 8, 8],
  [`${decoder}.output_upscaling.1.weight`]: new Array<number>(16).fill(20),
  ...Object.fromEntries(
    [0, 1, 2, 3].map((mask) => [
      `${decoder}.output_hypernetworks_mlps.${mask}.layers.2.bias`,
      new Array<number>(8).fill(-2),
    ]),
  ),
};

/** Writes a small checkpoint of random weights, whose masks are small, clear and rated high. */
export function writeSureModel(path: string): Promise<void> {
  return writeRandomSam2(path, 'hiera_nano', { replaced: sure });
}

/** Settings of a small model in a folder of its own, which is there from `beforeAll` to `afterAll`. */
export function liveModel(
  weights: 'random' | 'golden',
): () => ModelSettings & { readonly sam2: Sam2Settings } {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'trackcast-sam2-live-'));
    const checkpoint = join(folder, 'model.safetensors');
    if (weights === 'random') await writeSureModel(checkpoint);
    else await copyFile(goldenPath('nano.safetensors'), checkpoint);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));
  return () => ({
    executionProviders: ['cpu'],
    intraOpThreads: 1,
    sam2: {
      checkpoint: join(folder, 'model.safetensors'),
      folder,
      imageSize: modelSide,
      precision: 'float32',
      deviceId: 0,
      fused: true,
      memoryPooling: 1,
      memoryPolicy: 'sam2',
      wholeFrameGate: false,
      maxConditioningFrames: -1,
      correctionsCondition: false,
      holeArea: 0,
    },
  });
}
