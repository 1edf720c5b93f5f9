import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AnnotatedFrame, recallMeasures } from '../../src/evaluation/recall.ts';

function at(
  seconds: number,
  truthIds: readonly number[],
  predictedIds: readonly number[],
  ...rows: readonly (readonly number[])[]
): AnnotatedFrame {
  const overlap = Float64Array.from(rows.flat());
  const truthAreas = truthIds.map(() => 100);
  return {
    seconds,
    truthIds,
    predictedIds,
    overlap,
    truthAreas,
    predictedAreas: predictedIds.map(() => 100),
  };
}

const shares = (frames: readonly AnnotatedFrame[]) =>
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

  it('does not judge by a deadline where no later frame is annotated in time', () => {
    const sparse = [at(0, [1], []), at(30, [1, 2], [10], [0.9], [0]), at(32, [1, 2], [10], [0.9], [0])];
    // Object 1 appears at 0 and object 2 at 30; only the second is looked at again within three seconds.
    expect(shares(sparse)).toEqual([Number.NaN, 0]);
  });

  it('passes over masks elsewhere when it judges those that touch annotated objects', () => {
    // Shared pixels of an IoU: 50 of 100 and 100 are 1/3, all of 25 in 100 are 1/4, 100 in 400 are 1/4.
    const overlap = Float64Array.from([0.9, 1 / 3, 1 / 4, 1 / 4, 0.2, 0]);
    const frame: AnnotatedFrame = {
      seconds: 0,
      truthIds: [1],
      predictedIds: [10, 20, 30, 40, 50, 60],
      truthAreas: [100],
      predictedAreas: [100, 100, 25, 400, 100, 100],
      overlap,
    };
    expect(recallMeasures([frame])).toMatchObject({ precision: 1 / 6, touchingPrecision: 1 / 4 });
  });

  it('has no share of nothing', () => {
    const share = Number.NaN;
    expect(recallMeasures([])).toEqual({
      foundWithin: [
        { seconds: 1, share },
        { seconds: 3, share },
      ],
      overSequence: share,
      precision: share,
      touchingPrecision: share,
      duplicates: share,
    });
    expect(recallMeasures([at(0, [1], []), at(1, [1], [])])).toMatchObject({
      foundWithin: [{ share: 0 }, { share: 0 }],
      overSequence: 0,
      precision: share,
      duplicates: 0,
    });
  });

  it('finds everything at once, precisely and once where tracks are the annotations', () => {
    const ids = fc.uniqueArray(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(fc.array(ids, { minLength: 2, maxLength: 6 }), (appearances) => {
        const frames = appearances.map((objects, index) => {
          const rows = objects.map((_, row) => objects.map((__, column) => (row === column ? 1 : 0)));
          return at(
            index / 2,
            objects,
            objects.map((id) => 100 + id),
            ...rows,
          );
        });
        const measured = recallMeasures(frames);
        expect(measured.foundWithin.map(({ share }) => share)).toEqual([1, 1]);
        expect(measured).toMatchObject({
          overSequence: 1,
          precision: 1,
          touchingPrecision: 1,
          duplicates: 0,
        });
      }),
    );
  });
});
