import { describe, expect, it } from 'vitest';
import { recallMeasures, type TimedIdentityFrame } from '../../src/evaluation/recall.ts';

function at(
  seconds: number,
  truthIds: readonly number[],
  predictedIds: readonly number[],
  ...rows: readonly (readonly number[])[]
): TimedIdentityFrame {
  return { seconds, truthIds, predictedIds, overlap: Float64Array.from(rows.flat()) };
}

const shares = (frames: readonly TimedIdentityFrame[]) =>
  recallMeasures(frames).foundWithin.map(({ share }) => share);

describe('recallMeasures', () => {
  it('tells how many objects are found by each deadline', () => {
    const frames = [
      at(0, [1, 2, 3, 4], []),
      at(0.9, [1, 2, 3, 4], [10], [0.7], [0], [0], [0]),
      at(2.5, [1, 2, 3, 4], [10, 20], [0.7, 0], [0, 0.5], [0, 0], [0, 0]),
      at(3.1, [1, 2, 3, 4], [10, 30], [0.7, 0], [0, 0], [0, 0.9], [0, 0.49]),
    ];
    expect(shares(frames)).toEqual([0.25, 0.5]);
    expect(recallMeasures(frames).overSequence).toBe(5 / 16);
  });

  it('counts a deadline from the first appearance of the object', () => {
    expect(shares([at(0, [], []), at(5, [1], []), at(6, [1], [10], [0.6])])).toEqual([1, 1]);
  });

  it('takes masks on nothing annotated as imprecise, and further masks on an object as duplicates', () => {
    const frames = [at(0, [1], [10, 20, 30], [0.9, 0.6, 0.1]), at(1, [1], [10], [0.9])];
    expect(recallMeasures(frames)).toMatchObject({ precision: 3 / 4, duplicates: 1 / 2 });
  });

  it.each([
    { name: 'nothing is annotated', frames: [at(0, [], [])], recalled: 1 },
    { name: 'nothing is predicted', frames: [at(0, [1], [])], recalled: 0 },
    { name: 'there are no frames', frames: [], recalled: 1 },
  ])('recalls $recalled when $name', ({ frames, recalled }) => {
    expect(recallMeasures(frames)).toMatchObject({ overSequence: recalled, precision: 1, duplicates: 0 });
    expect(shares(frames)).toEqual([recalled, recalled]);
  });
});
