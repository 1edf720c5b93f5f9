import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { maskCoverage } from '../../../src/model/sam2/mask-coverage.ts';
import { atolOf, expectClose, hasGoldens, readGolden } from './golden.ts';

/** Weight of each input sample in one output sample, straight from the definition. */
function naiveWeights(inputSize: number, outputSize: number, i: number): number[] {
  const step = inputSize / outputSize;
  const widening = Math.max(1, step);
  const weights = Array.from({ length: inputSize }, (_, at) =>
    Math.max(0, 1 - Math.abs(at + 0.5 - (i + 0.5) * step) / widening),
  );
  const total = weights.reduce((sum, weight) => sum + weight);
  return weights.map((weight) => weight / total);
}

function naive(
  mask: Uint8Array,
  width: number,
  height: number,
  outWidth: number,
  outHeight: number,
): number[] {
  return Array.from({ length: outWidth * outHeight }, (_, at) => {
    const across = naiveWeights(width, outWidth, at % outWidth);
    const down = naiveWeights(height, outHeight, Math.floor(at / outWidth));
    let sum = 0;
    mask.forEach((value, pixel) => {
      if (value !== 0) sum += (across[pixel % width] as number) * (down[Math.floor(pixel / width)] as number);
    });
    return sum;
  });
}

const side = fc.integer({ min: 1, max: 24 });

describe('maskCoverage', () => {
  it('gives what the definition gives', () => {
    fc.assert(
      fc.property(
        side,
        side,
        side,
        side,
        fc.infiniteStream(fc.boolean()),
        (width, height, toX, toY, pixels) => {
          const mask = Uint8Array.from(pixels.take(width * height), (inside) => (inside ? 7 : 0));
          const expected = naive(mask, width, height, toX, toY);
          expectClose(maskCoverage(mask, width, height, toX, toY), expected, 1e-6, 'coverage');
        },
      ),
    );
  });

  it('changes nothing at the same size, and keeps all and nothing at any', () => {
    const mask = Uint8Array.from({ length: 12 }, (_, at) => (at % 5 === 0 ? 1 : 0));
    expect([...maskCoverage(mask, 4, 3, 4, 3)]).toEqual([...mask]);
    fc.assert(
      fc.property(side, side, side, side, (width, height, outWidth, outHeight) => {
        const full = maskCoverage(new Uint8Array(width * height).fill(1), width, height, outWidth, outHeight);
        expectClose(full, new Float32Array(outWidth * outHeight).fill(1), 1e-6, 'a full mask');
        const empty = maskCoverage(new Uint8Array(width * height), width, height, outWidth, outHeight);
        expect(empty).toEqual(new Float32Array(outWidth * outHeight));
      }),
    );
  });

  it('refuses sizes that are no picture and masks that are too short', () => {
    const mask = new Uint8Array(16);
    expect(() => maskCoverage(mask, 0, 4, 8, 8)).toThrow(RangeError);
    expect(() => maskCoverage(mask, 4, 4, 8, 2.5)).toThrow(RangeError);
    expect(() => maskCoverage(mask, 1, 16_881, 8, 8)).toThrow('side of 16881');
    expect(() => maskCoverage(mask, 4, 5, 8, 8)).toThrow('16 values');
  });

  it.skipIf(!hasGoldens)('gives the published coverage of a prompted mask', () => {
    const golden = readGolden('mod_resize');
    const mask = Uint8Array.from(golden.floats('mask_300x200'));
    const atol = atolOf('mod_resize', 'mask_to_model.float');
    expectClose(
      maskCoverage(mask, 300, 200, 256, 256),
      golden.get('mask_to_model.float'),
      atol,
      'mask_to_model.float',
    );
  });
});
