import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PictureResizer } from '../../../src/model/sam2/picture-resize.ts';
import { atolOf, expectClose, goldenEntry, hasGoldens, readGolden } from './golden.ts';

/** Keys' cubic kernel with a = -0.5. */
function cubic(distance: number): number {
  const x = Math.abs(distance);
  if (x >= 2) return 0;
  return x < 1 ? 1.5 * x ** 3 - 2.5 * x ** 2 + 1 : -0.5 * x ** 3 + 2.5 * x ** 2 - 4 * x + 2;
}

/** One row of grey values at another length, straight from the definition. */
function naiveLine(line: readonly number[], length: number): number[] {
  const step = line.length / length;
  const widening = Math.max(1, step);
  return Array.from({ length }, (_, i) => {
    const weights = line.map((_value, at) => cubic((at + 0.5 - (i + 0.5) * step) / widening));
    const total = weights.reduce((sum, weight) => sum + weight);
    const value = line.reduce((sum, grey, at) => sum + (grey * (weights[at] as number)) / total, 0);
    return Math.min(255, Math.max(0, Math.round(value)));
  });
}

function channelOf(picture: Uint8Array, channel: number): Uint8Array {
  return picture.filter((_, at) => at % 3 === channel);
}

/** Pixels that look like noise, the same for the same seed. */
function drawNoise(width: number, height: number, seed = 1): Uint8Array {
  let state = seed;
  return Uint8Array.from({ length: width * height * 3 }, () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return state >> 22;
  });
}

const side = fc.integer({ min: 1, max: 40 });

describe('PictureResizer', () => {
  it('gives what the definition gives, along rows and along columns', () => {
    fc.assert(
      fc.property(side, side, fc.nat(), (length, outLength, seed) => {
        const picture = drawNoise(length, 1, seed);
        const row = new PictureResizer(outLength, 1).resize(picture, length, 1);
        const column = new PictureResizer(1, outLength).resize(picture, 1, length);
        for (const channel of [0, 1, 2]) {
          const expected = naiveLine([...channelOf(picture, channel)], outLength);
          // A value just between two levels may be rounded either way.
          expectClose(channelOf(row, channel), expected, 1, `row of ${length}, channel ${channel}`);
          expectClose(channelOf(column, channel), expected, 1, `column of ${length}, channel ${channel}`);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('rounds after the rows and then goes along the columns', () => {
    fc.assert(
      fc.property(side, side, side, side, fc.nat(), (width, height, outWidth, outHeight, seed) => {
        const picture = drawNoise(width, height, seed);
        const rows = new PictureResizer(outWidth, height).resize(picture, width, height);
        const expected = new PictureResizer(outWidth, outHeight).resize(rows, outWidth, height);
        const resized = new PictureResizer(outWidth, outHeight).resize(picture, width, height);
        expectClose(resized, expected, 0, `${width}x${height} to ${outWidth}x${outHeight}`);
      }),
    );
  });

  it('keeps one colour', () => {
    fc.assert(
      fc.property(side, side, side, side, (width, height, outWidth, outHeight) => {
        const picture = new Uint8Array(width * height * 3).map((_, at) => [255, 0, 97][at % 3] as number);
        const resized = new PictureResizer(outWidth, outHeight).resize(picture, width, height);
        expect(resized).toHaveLength(outWidth * outHeight * 3);
        expect([...resized].every((value, at) => value === [255, 0, 97][at % 3])).toBe(true);
      }),
    );
  });

  it('changes nothing on a side that stays', () => {
    const picture = drawNoise(24, 16);
    expect(new PictureResizer(24, 16).resize(picture, 24, 16)).toEqual(picture);
    const wider = new PictureResizer(33, 16).resize(picture, 24, 16);
    const firstRow = new PictureResizer(33, 1).resize(picture.subarray(0, 72), 24, 1);
    expect(wider.subarray(0, 99)).toEqual(firstRow);
  });

  it('does not exceed black and white at hard edges', () => {
    const picture = Uint8Array.from({ length: 8 * 3 }, (_, at) => (at < 12 ? 0 : 255));
    const resized = channelOf(new PictureResizer(32, 1).resize(picture, 8, 1), 0);
    // The kernel's negative lobes undershoot and overshoot on both sides of the edge.
    expect([...resized.subarray(0, 14)]).toEqual(new Array(14).fill(0));
    expect([...resized.subarray(18)]).toEqual(new Array(14).fill(255));
  });

  it('gives the same whatever it resized before', () => {
    const resizer = new PictureResizer(20, 20);
    for (const [width, height] of [
      [31, 17],
      [20, 45],
      [8, 20],
      [31, 17],
      [20, 20],
    ] as const) {
      const picture = drawNoise(width, height);
      const expected = new PictureResizer(20, 20).resize(picture, width, height);
      expect(resizer.resize(picture, width, height)).toEqual(expected);
    }
  });

  it('reads shared memory and writes where it is told', () => {
    const picture = drawNoise(30, 30);
    const shared = new Uint8Array(new SharedArrayBuffer(picture.length));
    shared.set(picture);
    const resizer = new PictureResizer(16, 16);
    const out = new Uint8Array(16 * 16 * 3);
    expect(resizer.resize(shared, 30, 30, out)).toBe(out);
    expect(out).toEqual(resizer.resize(picture, 30, 30));
  });

  it.each([
    ['no width', 0, 4],
    ['part of a pixel', 4, 2.5],
    ['a side beyond any picture', 1, 16_881],
    ['no number', Number.NaN, 4],
  ])('refuses a picture with %s', (_, width, height) => {
    expect(() => new PictureResizer(8, 8).resize(new Uint8Array(60_000), width, height)).toThrow(RangeError);
  });

  it('refuses arrays that are too short', () => {
    const resizer = new PictureResizer(8, 8);
    expect(() => resizer.resize(new Uint8Array(47), 4, 4)).toThrow('too short');
    expect(() => resizer.resize(new Uint8Array(48), 4, 4, new Uint8Array(191))).toThrow('too short');
  });
});

describe.skipIf(!hasGoldens)('the pictures SAM 2 was published with', () => {
  it.each(['down', 'up', 'odd'])('are matched to the last bit (%s)', (name) => {
    const golden = readGolden('mod_preproc');
    const [height, width] = golden.get(`${name}.rgb`).shape as [number, number];
    const resized = new PictureResizer(256, 256).resize(golden.bytes(`${name}.rgb`), width, height);
    expectClose(resized, golden.get(`${name}.pil_resized_u8`), 0, `${name}.pil_resized_u8`);
  });

  it('are normalised to the published input of the model', () => {
    const golden = readGolden('mod_preproc');
    const [height, width] = golden.get('down.rgb').shape as [number, number];
    const resized = new PictureResizer(256, 256).resize(golden.bytes('down.rgb'), width, height);
    const { mean, std } = goldenEntry('mod_preproc') as unknown as Record<'mean' | 'std', number[]>;
    const normalised = [0, 1, 2].flatMap((channel) =>
      Array.from(
        channelOf(resized, channel),
        (value) => (value / 255 - (mean[channel] as number)) / (std[channel] as number),
      ),
    );
    const atol = atolOf('mod_preproc', 'down.pil_normalised');
    expectClose(normalised, golden.get('down.pil_normalised'), atol, 'down.pil_normalised');
  });
});
