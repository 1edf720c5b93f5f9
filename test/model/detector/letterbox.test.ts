import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fillLetterbox, letterboxOf } from '../../../src/model/detector/letterbox.ts';

describe('letterboxOf', () => {
  it.each([
    [2, 100, 100, { left: 0, top: 25, width: 100, height: 50 }],
    [0.5, 100, 100, { left: 25, top: 0, width: 50, height: 100 }],
    [1.5, 150, 100, { left: 0, top: 0, width: 150, height: 100 }],
    [16 / 9, 640, 384, { left: 0, top: 12, width: 640, height: 360 }],
  ])('fits a picture of shape %d into %d x %d', (aspectRatio, width, height, box) => {
    expect(letterboxOf(aspectRatio, width, height)).toEqual(box);
  });

  it('stays inside, and touches two opposite sides', () => {
    const side = fc.integer({ min: 1, max: 2000 });
    fc.assert(
      fc.property(
        fc.double({ min: 1e-4, max: 1e4, noNaN: true }),
        side,
        side,
        (aspectRatio, width, height) => {
          const box = letterboxOf(aspectRatio, width, height);
          expect(box.left >= 0 && box.top >= 0 && box.width >= 1 && box.height >= 1).toBe(true);
          expect(box.left + box.width <= width && box.top + box.height <= height).toBe(true);
          expect(box.width === width || box.height === height).toBe(true);
        },
      ),
    );
  });
});

describe('fillLetterbox', () => {
  /** Two pixels side by side, and one that does not belong to the picture. */
  const source = {
    pixels: Uint8Array.of(10, 20, 30, 210, 120, 130, 9, 9, 9),
    rowPixels: 3,
    contentWidth: 2,
    contentHeight: 1,
    aspectRatio: 2,
  };

  it('puts the picture channel by channel between grey bars', () => {
    const input = new Uint8Array(3 * 4 * 4);
    fillLetterbox(input, 4, source, letterboxOf(2, 4, 4), { channels: 'rgb', maximum: 255 });
    const bar = [114, 114, 114, 114];
    const plane = (...row: number[]) => [...bar, ...row, ...row, ...bar];
    expect([...input]).toEqual([
      ...plane(10, 60, 160, 210),
      ...plane(20, 45, 95, 120),
      ...plane(30, 55, 105, 130),
    ]);
  });

  it('exchanges red and blue, and scales', () => {
    const input = new Float32Array(3 * 2);
    fillLetterbox(input, 2, source, letterboxOf(2, 2, 1), { channels: 'bgr', maximum: 1 });
    expect([...input]).toEqual([30, 130, 20, 120, 10, 210].map((value) => expect.closeTo(value / 255, 6)));
  });
});
