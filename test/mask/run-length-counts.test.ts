import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeRunLength, readRuns } from '../../src/mask/run-length.ts';
import { runLengthFromCounts } from '../../src/mask/run-length-counts.ts';

describe('runLengthFromCounts', () => {
  it('compresses the example of the format', () => {
    // A 2 x 3 mask whose middle column is inside.
    const mask = Uint8Array.of(0, 1, 0, 0, 1, 0);
    expect(runLengthFromCounts([2, 2, 2], 3, 2)).toEqual(encodeRunLength(mask, 3, 2));
  });

  it('keeps every run', () => {
    const runs = fc.array(fc.nat(2000), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(runs, (counts) => {
        const height = counts.reduce((sum, count) => sum + count, 0);
        expect([...readRuns(runLengthFromCounts(counts, 1, height))]).toEqual(counts);
      }),
    );
  });

  it.each([
    { name: 'too few', counts: [2, 3] },
    { name: 'too many', counts: [2, 3, 2] },
    { name: 'none', counts: [] },
    { name: 'longer than any picture', counts: [2 ** 31 - 1] },
  ])('refuses runs that are $name', ({ counts }) => {
    expect(() => runLengthFromCounts(counts, 2, 3)).toThrow(
      expect.objectContaining({ code: 'TRACKCAST_MASK_INVALID' }),
    );
  });
});
