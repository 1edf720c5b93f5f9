import { describe, expect, it } from 'vitest';
import { maskToLowResolution, maskToModel } from '../../../src/model/sam2/mask-resize.ts';
import { atolOf, expectClose, hasGoldens, readGolden } from './golden.ts';

describe('maskToModel', () => {
  it('is inside from one half on', () => {
    // Two to one, a border between columns of the source is a border between those of the result.
    const mask = Uint8Array.of(1, 1, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0);
    expect([...maskToModel(mask, 4, 4, 2)]).toEqual([1, 0, 1, 0]);
    // Each of the two middle columns is three eighths of a pixel in the middle, each outer one an eighth.
    const half = Uint8Array.of(0, 1, 0, 1);
    expect([...maskToModel(half, 4, 1, 1)]).toEqual([1]);
    expect([...maskToModel(Uint8Array.of(0, 1, 0, 0), 4, 1, 1)]).toEqual([0]);
  });

  it('takes any value but 0 for inside and stretches to a square', () => {
    const mask = new Uint8Array(30 * 20).fill(255, 0, 30 * 10);
    const model = maskToModel(mask, 30, 20, 8);
    expect([...model]).toEqual(Array.from({ length: 64 }, (_, at) => (at < 32 ? 1 : 0)));
  });
});

describe('maskToLowResolution', () => {
  it('is certain away from the border and in between on it', () => {
    const mask = new Uint8Array(16 * 16).map((_, at) => (at % 16 < 6 ? 1 : 0));
    const logits = maskToLowResolution(mask, 16);
    expect(logits).toHaveLength(16);
    expect([logits[0], logits[3]]).toEqual([10, -10]);
    // Column 1 reaches from pixel 2 to 10 with its peak at 6: exactly half of it is inside.
    expect(logits[1]).toBeCloseTo(0, 5);
  });

  it('refuses a side that is no multiple of four', () => {
    expect(() => maskToLowResolution(new Uint8Array(100), 10)).toThrow(RangeError);
  });
});

describe.skipIf(!hasGoldens)('a mask prompt as published', () => {
  it('has the published pixels at the size of the model', () => {
    const golden = readGolden('mod_resize');
    const mask = Uint8Array.from(golden.floats('mask_300x200'));
    expect(atolOf('mod_resize', 'mask_to_model.binary')).toBe(0);
    expectClose(
      maskToModel(mask, 300, 200, 256),
      golden.get('mask_to_model.binary'),
      0,
      'mask_to_model.binary',
    );
  });

  it('has the published low-resolution logits', () => {
    const decoder = readGolden('mod_mask_decoder');
    const logits = maskToLowResolution(Uint8Array.from(decoder.floats('mask_prompt')), 256);
    const maskoutLow = readGolden('mod_resize').get('maskout_low');
    expectClose(logits, maskoutLow, atolOf('mod_resize', 'maskout_low'), 'maskout_low');
    const atol = atolOf('mod_mask_decoder', 'maskout.low_res_masks');
    expectClose(logits, decoder.get('maskout.low_res_masks'), atol, 'maskout.low_res_masks');
    const empty = maskToLowResolution(new Uint8Array(256 * 256), 256);
    expectClose(empty, decoder.get('maskout_empty.low_res_masks'), atol, 'maskout_empty.low_res_masks');
  });
});
