import { describe, expect, it } from 'vitest';
import { BatchSizes } from '../../../src/model/sam2/batch-sizes.ts';

describe('BatchSizes on a graphics processor', () => {
  const sizes = new BatchSizes('cuda');

  it('are powers of two and three times such powers', () => {
    expect(sizes.upTo(70)).toEqual([1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64]);
    expect(sizes.upTo(1)).toEqual([1]);
  });

  it('fill a batch with its last item, up to the next size', () => {
    expect(sizes.filled(['a'])).toEqual(['a']);
    expect(sizes.filled(['a', 'b', 'c', 'd', 'e'])).toEqual(['a', 'b', 'c', 'd', 'e', 'e']);
    for (let count = 1; count < 70; count++) {
      const { length } = sizes.filled(new Array<number>(count).fill(0));
      expect(sizes.upTo(100)).toContain(length);
      expect(length).toBeGreaterThanOrEqual(count);
      expect(length).toBeLessThan(count * 1.5);
    }
  });

  it('stay within a limit when they are filled', () => {
    for (let limit = 1; limit < 70; limit++) {
      const largest = sizes.within(limit);
      expect(largest).toBeLessThanOrEqual(limit);
      for (let count = 1; count <= largest; count++) {
        expect(sizes.filled(new Array<number>(count).fill(0)).length).toBeLessThanOrEqual(largest);
      }
    }
  });
});

describe('BatchSizes on a CPU', () => {
  const sizes = new BatchSizes('cpu');

  it('are all as they come, and none is slow at first', () => {
    expect(sizes.filled([1, 2, 3, 4, 5])).toEqual([1, 2, 3, 4, 5]);
    expect(sizes.within(5)).toBe(5);
    expect(sizes.upTo(5)).toEqual([]);
  });
});
