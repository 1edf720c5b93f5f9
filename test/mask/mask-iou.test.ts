import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { logitsIou, maskIou, runLengthIou } from '../../src/mask/mask-iou.ts';
import { encodeRunLength } from '../../src/mask/run-length.ts';

const pair = fc
  .tuple(fc.integer({ min: 1, max: 24 }), fc.integer({ min: 1, max: 24 }))
  .chain(([width, height]) => {
    const mask = fc.uint8Array({ max: 1, minLength: width * height, maxLength: width * height });
    return fc.tuple(fc.constant({ width, height }), mask, mask);
  });

describe('maskIou', () => {
  it.each([
    ['the same mask', [1, 1, 0, 0], [1, 1, 0, 0], 1],
    ['masks apart', [1, 1, 0, 0], [0, 0, 1, 1], 0],
    ['half in common', [1, 1, 0, 0], [0, 1, 1, 0], 1 / 3],
    ['one inside the other', [1, 1, 1, 1], [0, 1, 0, 0], 0.25],
    ['two empty masks', [0, 0], [0, 0], 0],
  ])('of %s', (_name, a, b, expected) => {
    expect(maskIou(Uint8Array.from(a), Uint8Array.from(b))).toBe(expected);
    const encoded = [a, b].map((mask) => encodeRunLength(Uint8Array.from(mask), mask.length, 1));
    const [first, second] = encoded;
    if (first === undefined || second === undefined) throw new Error('unreachable');
    expect(runLengthIou(first, second)).toBe(expected);
  });

  it('is symmetric, within 0 and 1, and the same for pixels and runs', () => {
    fc.assert(
      fc.property(pair, ([{ width, height }, a, b]) => {
        const iou = maskIou(a, b);
        expect(iou).toBeGreaterThanOrEqual(0);
        expect(iou).toBeLessThanOrEqual(1);
        expect(maskIou(b, a)).toBe(iou);
        const runsA = encodeRunLength(a, width, height);
        const runsB = encodeRunLength(b, width, height);
        expect(runLengthIou(runsA, runsB)).toBe(iou);
        expect(runLengthIou(runsB, runsA)).toBe(iou);
      }),
    );
  });

  it('refuses masks of different pictures', () => {
    expect(() => maskIou(new Uint8Array(4), new Uint8Array(5))).toThrow(RangeError);
    expect(() => runLengthIou({ size: [2, 3], counts: '6' }, { size: [3, 2], counts: '6' })).toThrow(
      RangeError,
    );
  });

  it('passes over runs of no pixels', () => {
    const plain = { size: [2, 2], counts: '13' } as const;
    expect(runLengthIou(plain, { size: [2, 2], counts: '0013' })).toBe(1);
  });
});

describe('logitsIou', () => {
  const [width, size] = [64, 64 * 48];
  const mask = (x: number, y: number, columns: number, rows: number): Float32Array => {
    const logits = new Float32Array(size).fill(-6);
    for (let row = y; row < y + rows; row++) logits.fill(6, row * width + x, row * width + x + columns);
    return logits;
  };

  it('is the overlap of what is positive', () => {
    expect(logitsIou(mask(0, 0, 10, 10), mask(5, 0, 10, 10))).toBeCloseTo(1 / 3, 10);
    expect(logitsIou(new Float32Array(size), new Float32Array(size))).toBe(0);
  });
});
