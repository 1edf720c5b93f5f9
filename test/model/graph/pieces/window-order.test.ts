import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pooledOrder, reordering, windowOrder } from '../../../../src/model/graph/pieces/window-order.ts';

const rowMajor = (count: number) => Array.from({ length: count }, (_, at) => at);

describe('window order', () => {
  it('puts tokens of a window together, and of a quad within it', () => {
    const { tokens, groups } = windowOrder(8, 4, 1);
    expect([...tokens.subarray(0, 16)]).toEqual([0, 1, 8, 9, 2, 3, 10, 11, 16, 17, 24, 25, 18, 19, 26, 27]);
    expect([...tokens.subarray(16, 20)]).toEqual([4, 5, 12, 13]);
    expect(groups).toEqual([{ windows: 4, tokens: 16, missing: 0 }]);
  });

  it('puts cut windows after whole ones, right before lower, and the corner last', () => {
    const { tokens, groups } = windowOrder(6, 4, 1);
    expect(groups).toEqual([
      { windows: 1, tokens: 16, missing: 0 },
      { windows: 2, tokens: 8, missing: 8 },
      { windows: 1, tokens: 4, missing: 12 },
    ]);
    expect([...tokens.subarray(16)]).toEqual([
      4, 5, 10, 11, 16, 17, 22, 23, 24, 25, 30, 31, 26, 27, 32, 33, 28, 29, 34, 35,
    ]);
  });

  it('knows a grid that is smaller than a window', () => {
    expect(windowOrder(4, 14, 1).groups).toEqual([{ windows: 1, tokens: 16, missing: 180 }]);
  });

  it('refuses windows that cannot be pooled', () => {
    expect(() => windowOrder(10, 7, 1)).toThrow(RangeError);
    expect(() => windowOrder(9, 6, 1)).toThrow(RangeError);
    expect(() => windowOrder(8, 4, 3)).toThrow(RangeError);
  });

  it('holds each token once, in windows that hold what they say', () => {
    const sizes = fc.record({
      half: fc.integer({ min: 1, max: 16 }),
      halfWindow: fc.integer({ min: 1, max: 8 }),
    });
    fc.assert(
      fc.property(sizes, ({ half, halfWindow }) => {
        const window = halfWindow * 2;
        const { side, tokens, groups } = windowOrder(half * 2, window, 1);
        expect([...tokens].sort((a, b) => a - b)).toEqual(rowMajor(side * side));
        let at = 0;
        for (const group of groups) {
          expect(group.tokens + group.missing).toBe(window * window);
          for (let index = 0; index < group.windows; index++, at += group.tokens) {
            const places = [...tokens.subarray(at, at + group.tokens)].map(
              (token) => `${Math.floor(token / side / window)}, ${Math.floor((token % side) / window)}`,
            );
            expect(new Set(places).size).toBe(1);
          }
        }
        expect(at).toBe(tokens.length);
      }),
    );
  });
});

describe('pooling', () => {
  it('leaves the order of a grid of half the side and windows of half the side', () => {
    for (const [side, window] of [
      [16, 8],
      [32, 14],
      [12, 14],
    ] as const) {
      expect(pooledOrder(windowOrder(side, window, 1))).toEqual(windowOrder(side / 2, window / 2, 0));
    }
    expect(pooledOrder(windowOrder(16, 8, 2))).toEqual(windowOrder(8, 4, 1));
  });
});

describe('reordering', () => {
  it('tells where tokens of one order lie in another', () => {
    const from = windowOrder(6, 4, 1).tokens;
    const places = reordering(from, rowMajor(36));
    expect(places.map((place) => from[place])).toEqual(rowMajor(36));
    expect(reordering(rowMajor(36), from)).toEqual([...from]);
  });
});
