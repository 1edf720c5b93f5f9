import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { TrunkArchitecture } from '../../../src/model/sam2/architecture.ts';
import { expectedWeights, type WeightSizes } from '../../../src/model/sam2/expected-weights.ts';
import { goldenPath, hasGoldens } from './golden.ts';

function sizesOf(trunk: TrunkArchitecture, version: '2.0' | '2.1' = '2.1'): WeightSizes {
  return {
    trunk,
    version,
    channels: 256,
    memoryChannels: 64,
    memories: 7,
    memoryLayers: 4,
    memoryFeedForward: 2048,
    decoderFeedForward: 2048,
    headHidden: 256,
    // That of b+ is the one that differs.
    positionGrid: trunk.embedDimension === 112 ? 14 : 7,
    positionWindow: 8,
  };
}

function trunk(embedDimension: number, stages: readonly number[], heads: number): TrunkArchitecture {
  return { embedDimension, heads, stages, windows: [8, 4, 14, 7], globalBlocks: [] };
}

/** Tensors and millions of parameters of the published checkpoints. */
const published = [
  ['hiera_t', trunk(96, [1, 2, 7, 2], 1), 471, 38.96, 'layout_hiera_t.json'],
  ['hiera_s', trunk(96, [1, 2, 11, 2], 1), 519, 46.06, 'layout_hiera_s.json'],
  ['hiera_b+', trunk(112, [2, 3, 16, 3], 2), 615, 80.85, 'layout_hiera_bplus.json'],
  ['hiera_l', trunk(144, [2, 6, 36, 4], 2), 903, 224.45, 'layout_hiera_l.json'],
] as const;

const parameters = (weights: ReadonlyMap<string, readonly number[]>) =>
  [...weights.values()].reduce((sum, shape) => sum + shape.reduce((product, size) => product * size, 1), 0);

describe('expectedWeights', () => {
  it.each(published)('lists as many weights as the published %s has', (_, architecture, count, millions) => {
    const weights = expectedWeights(sizesOf(architecture));
    expect(weights.size).toBe(count);
    expect(parameters(weights) / 1e6).toBeCloseTo(millions, 2);
  });

  it.skipIf(!hasGoldens).each(published)(
    'names and shapes those of the published %s',
    (...[, architecture, , , file]) => {
      const { tensors } = JSON.parse(readFileSync(goldenPath(file), 'utf8')) as {
        tensors: [string, number[], string][];
      };
      const layout = Object.fromEntries(tensors.map(([name, shape]) => [name, shape]));
      expect(Object.fromEntries(expectedWeights(sizesOf(architecture)))).toEqual(layout);
    },
  );

  it('leaves out of SAM 2.0 what 2.1 added', () => {
    const newer = expectedWeights(sizesOf(published[0][1]));
    const older = expectedWeights(sizesOf(published[0][1], '2.0'));
    const added = [...newer.keys()].filter((name) => !older.has(name));
    expect(added).toEqual(['no_obj_embed_spatial', 'obj_ptr_tpos_proj.weight', 'obj_ptr_tpos_proj.bias']);
    for (const [name, shape] of older) expect(newer.get(name)).toEqual(shape);
  });

  it('follows the sizes that differ between models', () => {
    const sizes = {
      ...sizesOf(published[0][1]),
      memories: 3,
      memoryLayers: 2,
      memoryFeedForward: 100,
      headHidden: 20,
    };
    const weights = expectedWeights(sizes);
    expect(weights.get('maskmem_tpos_enc')).toEqual([3, 1, 1, 64]);
    expect(weights.get('memory_attention.layers.1.linear1.weight')).toEqual([100, 256]);
    expect(weights.has('memory_attention.layers.2.linear1.weight')).toBe(false);
    expect(weights.get('sam_mask_decoder.iou_prediction_head.layers.1.weight')).toEqual([20, 20]);
    expect(weights.get('sam_mask_decoder.pred_obj_score_head.layers.1.weight')).toEqual([256, 256]);
  });
});
