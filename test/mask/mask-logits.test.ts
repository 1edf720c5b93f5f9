import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  absentLogit,
  logitsFromMask,
  type MaskLogits,
  positiveExtent,
  renderMask,
  resampleLogits,
  sampleLogits,
} from '../../src/mask/mask-logits.ts';
import { decodeRunLength } from '../../src/mask/run-length.ts';

/** Enlarges bilinearly and thresholds, pixel by pixel, in double precision. */
function naive(logits: MaskLogits, width: number, height: number): Float64Array {
  const { width: columns, data, spanX, spanY } = logits;
  const lastColumn = Math.min(columns, Math.ceil(spanX)) - 1;
  const lastRow = Math.min(logits.height, Math.ceil(spanY)) - 1;
  const values = new Float64Array(width * height);
  for (let y = 0; y < height; y++) {
    const row = Math.min(Math.max(0, ((y + 0.5) * spanY) / height - 0.5), lastRow);
    const top = Math.floor(row);
    const bottom = Math.min(logits.height - 1, top + 1);
    for (let x = 0; x < width; x++) {
      const column = Math.min(Math.max(0, ((x + 0.5) * spanX) / width - 0.5), lastColumn);
      const left = Math.floor(column);
      const right = Math.min(columns - 1, left + 1);
      const at = (r: number, c: number) => data[r * columns + c] as number;
      const upper = at(top, left) * (1 - (column - left)) + at(top, right) * (column - left);
      const lower = at(bottom, left) * (1 - (column - left)) + at(bottom, right) * (column - left);
      values[y * width + x] = upper * (1 - (row - top)) + lower * (row - top);
    }
  }
  return values;
}

const anyLogits = fc
  .record({
    width: fc.integer({ min: 1, max: 9 }),
    height: fc.integer({ min: 1, max: 9 }),
    paddingX: fc.integer({ min: 0, max: 2 }),
    paddingY: fc.integer({ min: 0, max: 2 }),
    quarters: fc.integer({ min: 0, max: 3 }),
    seed: fc.integer({ min: 1, max: 1_000_000 }),
    bias: fc.constantFrom(-3, -1, 0, 1, 3),
  })
  .map(({ width, height, paddingX, paddingY, quarters, seed, bias }): MaskLogits => {
    let state = seed;
    const random = () => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
      return state / 0x7fffffff;
    };
    const columns = width + paddingX;
    const rows = height + paddingY;
    return {
      width: columns,
      height: rows,
      spanX: Math.max(1, width - (paddingX > 0 ? quarters / 4 : 0)),
      spanY: Math.max(1, height - (paddingY > 0 ? quarters / 4 : 0)),
      data: Float32Array.from({ length: columns * rows }, () => random() * 8 - 4 + bias),
    };
  });

describe('renderMask', () => {
  it('is exactly what bilinear enlargement and a threshold give', () => {
    const side = fc.integer({ min: 1, max: 47 });
    fc.assert(
      fc.property(anyLogits, side, side, (logits, width, height) => {
        const expected = naive(logits, width, height);
        const rendered = renderMask(logits, width, height);
        const pixels = rendered === null ? new Uint8Array(width * height) : decodeRunLength(rendered.mask);
        expected.forEach((value, at) => {
          // Single precision may decide either way on the threshold itself.
          if (Math.abs(value) > 1e-4)
            expect({ at, inside: pixels[at] }).toEqual({ at, inside: value > 0 ? 1 : 0 });
        });
      }),
      { numRuns: 600 },
    );
  });

  it('tells the box and the area of its own mask', () => {
    const side = fc.integer({ min: 1, max: 47 });
    fc.assert(
      fc.property(anyLogits, side, side, (logits, width, height) => {
        const rendered = renderMask(logits, width, height);
        if (rendered === null) return;
        const pixels = decodeRunLength(rendered.mask);
        const inside = [...pixels.keys()].filter((at) => pixels[at] === 1);
        const xs = inside.map((at) => at % width);
        const ys = inside.map((at) => Math.floor(at / width));
        const [x, y] = [Math.min(...xs), Math.min(...ys)];
        expect(rendered.area).toBe(inside.length);
        expect(rendered.box).toEqual({
          x,
          y,
          width: Math.max(...xs) - x + 1,
          height: Math.max(...ys) - y + 1,
        });
      }),
      { numRuns: 200 },
    );
  });

  it('gives nothing for a mask without inside, and everything for one without outside', () => {
    const grid = { width: 4, height: 3, spanX: 4, spanY: 3 };
    expect(renderMask({ ...grid, data: new Float32Array(12).fill(-1) }, 40, 30)).toBeNull();
    expect(renderMask({ ...grid, data: new Float32Array(12).fill(1) }, 40, 30)).toMatchObject({
      area: 1200,
      box: { x: 0, y: 0, width: 40, height: 30 },
    });
  });

  it('does not show what lies on padding only', () => {
    const data = new Float32Array(36).fill(-1);
    for (let row = 0; row < 6; row++) data[row * 6 + 5] = 9;
    expect(renderMask({ width: 6, height: 6, spanX: 4, spanY: 6, data }, 60, 90)).toBeNull();
  });
});

describe('sampleLogits', () => {
  it('is the value that enlargement gives at the centre of each pixel', () => {
    const side = fc.integer({ min: 1, max: 30 });
    fc.assert(
      fc.property(anyLogits, side, side, (logits, width, height) => {
        const expected = naive(logits, width, height);
        for (let at = 0; at < expected.length; at += 7) {
          const x = ((at % width) + 0.5) / width;
          const y = (Math.floor(at / width) + 0.5) / height;
          expect(sampleLogits(logits, x, y)).toBeCloseTo(expected[at] as number, 4);
        }
      }),
      { numRuns: 100 },
    );
  });

  it('continues the border outside the picture', () => {
    const data = Float32Array.of(1, 2, 3, 4);
    const logits = { width: 2, height: 2, spanX: 2, spanY: 2, data };
    expect(sampleLogits(logits, -3, -3)).toBe(1);
    expect(sampleLogits(logits, 9, 9)).toBe(4);
  });
});

describe('resampleLogits', () => {
  const data = Float32Array.from({ length: 12 }, (_, at) => at - 5);
  const logits = { width: 4, height: 3, spanX: 4, spanY: 3, data };

  it('leaves a mask on its own grid alone', () => {
    expect(resampleLogits(logits, { width: 4, height: 3, spanX: 4, spanY: 3 })).toBe(logits);
  });

  it('keeps the picture that is shown, whatever the grid', () => {
    const finer = resampleLogits(logits, { width: 44, height: 32, spanX: 40, spanY: 30 });
    for (const [x, y] of [
      [0.2, 0.2],
      [0.5, 0.5],
      [0.8, 0.6],
    ] as const) {
      expect(sampleLogits(finer, x, y)).toBeCloseTo(sampleLogits(logits, x, y), 1);
    }
    // Padding beyond the picture holds nothing.
    expect(finer.data[42]).toBe(absentLogit);
    expect(finer.data[31 * 44]).toBe(absentLogit);
  });
});

describe('positiveExtent', () => {
  it('frames all that is positive', () => {
    const data = new Float32Array(30);
    data[7] = 1;
    data[22] = 0.5;
    const logits = { width: 5, height: 6, spanX: 5, spanY: 6, data };
    expect(positiveExtent(logits)).toEqual({ left: 2, top: 1, right: 2, bottom: 4 });
    expect(positiveExtent({ ...logits, data: new Float32Array(30) })).toBeNull();
  });
});

describe('logitsFromMask', () => {
  it('is undone by rendering, but for pixels at the border', () => {
    const [width, height] = [160, 96];
    const circle = fc.record({
      x: fc.integer({ min: 20, max: 140 }),
      y: fc.integer({ min: 20, max: 76 }),
      radius: fc.integer({ min: 10, max: 40 }),
    });
    fc.assert(
      fc.property(circle, ({ x, y, radius }) => {
        const mask = new Uint8Array(width * height);
        for (let at = 0; at < mask.length; at++) {
          if (Math.hypot((at % width) - x, Math.floor(at / width) - y) < radius) mask[at] = 1;
        }
        const logits = logitsFromMask(mask, width, height, { width: 64, height: 48, spanX: 64, spanY: 38.4 });
        const rendered = renderMask(logits, width, height);
        const back = rendered === null ? new Uint8Array(mask.length) : decodeRunLength(rendered.mask);
        const wrong = back.filter((value, at) => value !== mask[at]).length;
        const border = 2 * Math.PI * radius;
        expect(wrong).toBeLessThan(0.7 * border);
      }),
      { numRuns: 60 },
    );
  });

  it('is surely absent on padding', () => {
    const mask = new Uint8Array(64).fill(1);
    const { data } = logitsFromMask(mask, 8, 8, { width: 6, height: 4, spanX: 4, spanY: 4 });
    for (let row = 0; row < 4; row++) {
      expect([...data.subarray(row * 6, row * 6 + 6)].map((logit) => logit > 0)).toEqual([
        true,
        true,
        true,
        true,
        false,
        false,
      ]);
      expect(data[row * 6 + 5]).toBe(absentLogit);
    }
  });

  it('keeps a mask that is smaller than its grid', () => {
    const mask = new Uint8Array(16);
    mask[5] = 1;
    const logits = logitsFromMask(mask, 4, 4, { width: 12, height: 12, spanX: 12, spanY: 12 });
    expect(renderMask(logits, 4, 4)).toMatchObject({ area: 1, box: { x: 1, y: 1, width: 1, height: 1 } });
  });
});
