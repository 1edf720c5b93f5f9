import { describe, expect, it } from 'vitest';
import { summariseObject } from '../../src/evaluation/object-score.ts';

const frames = (values: readonly number[]) => values.map((j, at) => ({ frameIndex: at + 1, j, f: j / 2 }));

describe('summariseObject', () => {
  it('takes means, the share above one half, and what is lost from the first quarter to the last', () => {
    const score = summariseObject(4, 0, frames([1, 1, 1, 0.5, 0.5, 0.5, 0, 0, 0]));
    expect(score).toMatchObject({ objectId: 4, promptFrame: 0, j: 0.5, f: 0.25, jAndF: 0.375 });
    expect(score.jRecall).toBeCloseTo(1 / 3, 12);
    expect(score.jDecay).toBe(1);
  });

  it('has the decay of the DAVIS toolkit where quarters are uneven', () => {
    // Borders round(1 + q * 5 / 4) - 1 are 0, 1, 3, 4, 5 (halves up): means of frames 0..1 and 4..5.
    expect(summariseObject(1, 0, frames([0.9, 0.7, 0.6, 0.5, 0.4, 0.2])).jDecay).toBeCloseTo(0.8 - 0.3, 12);
  });

  it('is NaN for an object that was never scored', () => {
    expect(summariseObject(1, 0, [])).toMatchObject({ j: Number.NaN, f: Number.NaN, jAndF: Number.NaN });
  });
});
