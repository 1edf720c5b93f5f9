import { describe, expect, it } from 'vitest';
import { MaskReduction } from '../../../src/model/sam2/mask-reduction.ts';
import { atolOf, expectClose, hasGoldens, readGolden } from './golden.ts';

describe('MaskReduction', () => {
  it('weighs every 4 x 4 square by the kernel', () => {
    const kernel = Float32Array.from({ length: 16 }, (_, at) => at);
    const mask = new Float32Array(64);
    mask[0] = 1;
    mask[9] = 1;
    mask[63] = 1;
    expect([...new MaskReduction(kernel, 0.5).reduce(mask, 8)]).toEqual([0.5 + 0 + 5, 0.5, 0.5, 0.5 + 15]);
  });

  it.skipIf(!hasGoldens)('gives the dense prompt of the official code', () => {
    const weights = readGolden('nano');
    const decoder = readGolden('mod_mask_decoder');
    const reduction = new MaskReduction(
      weights.floats('mask_downsample.weight'),
      weights.floats('mask_downsample.bias')[0] as number,
    );
    const reduced = reduction.reduce(decoder.floats('mask_prompt'), 256);
    const name = 'mask_prompt.mask_downsample';
    expectClose(reduced, decoder.get(name), atolOf('mod_mask_decoder', name), name);
  });
});
