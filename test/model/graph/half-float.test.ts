import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromHalf, toHalf } from '../../../src/model/graph/half-float.ts';

const round = (value: number): number => fromHalf(toHalf([value]))[0] as number;

describe('half floats', () => {
  it('keep every half-precision number', () => {
    const halves = Uint16Array.from({ length: 65_536 }, (_, bits) => bits);
    const back = toHalf(fromHalf(halves));
    for (let bits = 0; bits < halves.length; bits++) {
      const isNotANumber = (bits & 0x7c00) === 0x7c00 && (bits & 0x3ff) !== 0;
      if (isNotANumber) expect(Number.isNaN(round(fromHalf([bits])[0] as number))).toBe(true);
      else if (back[bits] !== bits) expect(back[bits]).toBe(bits);
    }
  });

  it('round to the nearest, ties to even', () => {
    expect(round(1 + 2 ** -11)).toBe(1);
    expect(round(1 + 3 * 2 ** -11)).toBe(1 + 2 ** -9);
    expect(round(2 ** -25)).toBe(0);
    expect(round(2 ** -25 * 1.0001)).toBe(2 ** -24);
    expect(round(65_519)).toBe(65_504);
    expect(round(65_520)).toBe(Number.POSITIVE_INFINITY);
    expect(round(-1e9)).toBe(Number.NEGATIVE_INFINITY);
    expect(Object.is(round(-0), -0)).toBe(true);
  });

  it('are as near as any half to the value', () => {
    fc.assert(
      fc.property(fc.float({ min: -65_504, max: 65_504, noNaN: true }), (value) => {
        const bits = toHalf([value])[0] as number;
        const error = Math.abs((fromHalf([bits])[0] as number) - value);
        for (const neighbour of [bits - 1, bits + 1]) {
          if (((neighbour ^ bits) & 0x8000) !== 0 || neighbour < 0) continue;
          const other = fromHalf([neighbour])[0] as number;
          if (Number.isFinite(other)) expect(Math.abs(other - value)).toBeGreaterThanOrEqual(error);
        }
      }),
    );
  });
});
