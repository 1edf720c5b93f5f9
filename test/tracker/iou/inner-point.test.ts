import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sampleLogits } from '../../../src/mask/mask-logits.ts';
import { innerPoint } from '../../../src/tracker/iou/inner-point.ts';

describe('innerPoint', () => {
  it('is the middle of a rectangle', () => {
    const data = new Float32Array(16 * 8).fill(-1);
    for (let y = 2; y < 5; y++) data.fill(1, y * 16 + 4, y * 16 + 9);
    const point = innerPoint({ width: 16, height: 8, spanX: 12, spanY: 8, data });
    expect(point).toEqual({ x: 6.5 / 12, y: 3.5 / 8 });
  });

  it('is nowhere in an empty mask', () => {
    const data = new Float32Array(4).fill(-1);
    expect(innerPoint({ width: 2, height: 2, spanX: 2, spanY: 2, data })).toBeNull();
  });

  it('is always inside', () => {
    const cells = fc.array(fc.boolean(), { minLength: 70, maxLength: 70 }).filter((c) => c.includes(true));
    fc.assert(
      fc.property(cells, (inside) => {
        const data = Float32Array.from(inside, (is) => (is ? 4 : -4));
        const logits = { width: 10, height: 7, spanX: 10, spanY: 7, data };
        const point = innerPoint(logits);
        expect(point === null ? -1 : sampleLogits(logits, point.x, point.y)).toBeGreaterThan(0);
      }),
    );
  });
});
