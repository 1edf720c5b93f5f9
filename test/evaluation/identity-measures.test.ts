import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { higherOrderAccuracy } from '../../src/evaluation/higher-order-accuracy.ts';
import { type IdentityFrame, identityMeasures } from '../../src/evaluation/identity-measures.ts';

/** One frame from a table of overlaps: a row for each annotated object, a column for each prediction. */
function frame(
  truthIds: readonly number[],
  predictedIds: readonly number[],
  ...rows: readonly (readonly number[])[]
): IdentityFrame {
  return { truthIds, predictedIds, overlap: Float64Array.from(rows.flat()) };
}

const together = frame([1, 2], [10, 20], [0.8, 0], [0, 0.8]);
const crossed = frame([1, 2], [10, 20], [0, 0.8], [0.8, 0]);
const missed = frame([1, 2], []);

const flawless = { switches: 0, fragmentations: 0, idf1: 1, identityPrecision: 1, identityRecall: 1 };

// The expected figures of sequences with predictions were computed with TrackEval.
const cases = [
  {
    name: 'a flawless sequence',
    frames: [together, together],
    identity: flawless,
    accuracy: { hota: 16 / 19, detection: 16 / 19, association: 16 / 19 },
  },
  {
    name: 'two objects that exchange their ids half way',
    frames: [together, together, crossed, crossed],
    identity: { switches: 2, fragmentations: 0, idf1: 0.5, identityPrecision: 0.5, identityRecall: 0.5 },
    accuracy: { hota: 0.48618970037021114, detection: 0.8421052631578947, association: 0.2807017543859649 },
  },
  {
    name: 'an object that is renumbered',
    frames: [10, 10, 10, 20, 20].map((id) => frame([1], [id], [0.9])),
    identity: { switches: 1, fragmentations: 0, idf1: 0.6, identityPrecision: 0.6, identityRecall: 0.6 },
    accuracy: { hota: 0.6831570837721243, detection: 0.9473684210526315, association: 0.4926315789473683 },
  },
  {
    name: 'predictions that stop',
    frames: [together, missed],
    identity: { ...flawless, idf1: 2 / 3, identityRecall: 0.5 },
    accuracy: { hota: 8 / 19, detection: 8 / 19, association: 8 / 19 },
  },
  {
    name: 'nothing predicted',
    frames: [missed, missed],
    identity: { ...flawless, idf1: 0, identityRecall: 0 },
    accuracy: { hota: 0, detection: 0, association: 0 },
  },
  {
    name: 'nothing annotated and nothing predicted',
    frames: [frame([], [])],
    identity: flawless,
    accuracy: { hota: 1, detection: 1, association: 1 },
  },
];

describe('identityMeasures', () => {
  it.each(cases)('measures $name', ({ frames, identity }) => {
    expect(identityMeasures(frames)).toEqual(identity);
  });

  it('counts an object that is found again under its id as a fragment, not a switch', () => {
    expect(identityMeasures([together, frame([1, 2], [10], [0.8], [0]), together])).toMatchObject({
      switches: 0,
      fragmentations: 1,
    });
  });

  it('remembers the last id over frames without a match', () => {
    expect(identityMeasures([frame([1], [10], [0.9]), missed, frame([1], [11], [0.9])]).switches).toBe(1);
  });

  it('keeps a pair while it overlaps enough, though another overlaps more', () => {
    const frames = [frame([1], [10], [0.9]), frame([1], [10, 20], [0.55, 0.95])];
    expect(identityMeasures(frames).switches).toBe(0);
  });

  it('takes an overlap at the threshold as a match, below it as none', () => {
    expect(identityMeasures([frame([1], [10], [0.5])]).idf1).toBe(1);
    expect(identityMeasures([frame([1], [10], [0.4999])]).idf1).toBe(0);
  });

  it('pairs whole trajectories, not single frames', () => {
    const frames = [
      frame([1], [10, 20], [0.6, 0.9]),
      frame([1], [10, 20], [0.6, 0.9]),
      frame([1], [10], [0.6]),
    ];
    expect(identityMeasures(frames).identityRecall).toBe(1);
  });

  it('refuses overlaps that do not fit the ids', () => {
    expect(() => identityMeasures([frame([1], [10], [0.9, 0.9])])).toThrow(RangeError);
  });
});

describe('higherOrderAccuracy', () => {
  it.each(cases)('measures $name', ({ frames, accuracy }) => {
    const measured = higherOrderAccuracy(frames);
    expect(measured.hota).toBeCloseTo(accuracy.hota, 12);
    expect(measured.detection).toBeCloseTo(accuracy.detection, 12);
    expect(measured.association).toBeCloseTo(accuracy.association, 12);
  });

  it('is 1, as IDF1 is, for perfect tracking under any ids, and so without switches', () => {
    const appearances = fc.array(fc.uniqueArray(fc.integer({ min: 1, max: 6 }), { maxLength: 4 }), {
      minLength: 1,
      maxLength: 8,
    });
    fc.assert(
      fc.property(appearances, fc.integer({ min: 1, max: 99 }), (objects, offset) => {
        const perfect = objects.map((ids) => {
          const rows = ids.map((_, row) => ids.map((__, column) => (row === column ? 1 : 0)));
          return frame(
            ids,
            ids.map((id) => 7 * id + offset),
            ...rows,
          );
        });
        expect(identityMeasures(perfect)).toMatchObject({ switches: 0, idf1: 1 });
        const { hota, detection, association } = higherOrderAccuracy(perfect);
        for (const value of [hota, detection, association]) expect(value).toBeCloseTo(1, 12);
      }),
    );
  });

  it('lies, as IDF1 does, between 0 and 1 and does not depend on the numbers used as ids', () => {
    const sequence = fc.array(
      fc.tuple(fc.subarray([1, 2, 3]), fc.subarray([10, 20, 30])).chain(([truthIds, predictedIds]) => {
        const length = truthIds.length * predictedIds.length;
        return fc.record({
          truthIds: fc.constant(truthIds),
          predictedIds: fc.constant(predictedIds),
          overlap: fc
            .array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: length, maxLength: length })
            .map((values) => Float64Array.from(values)),
        });
      }),
      { maxLength: 6 },
    );
    fc.assert(
      fc.property(sequence, (frames) => {
        const renumbered = frames.map((each) => ({
          ...each,
          truthIds: each.truthIds.map((id) => 7 * id),
          predictedIds: each.predictedIds.map((id) => 31 - id),
        }));
        for (const score of [higherOrderAccuracy(frames).hota, identityMeasures(frames).idf1]) {
          expect(score).toBeGreaterThanOrEqual(0);
          expect(score).toBeLessThanOrEqual(1);
        }
        expect(higherOrderAccuracy(renumbered)).toEqual(higherOrderAccuracy(frames));
        expect(identityMeasures(renumbered)).toEqual(identityMeasures(frames));
      }),
    );
  });
});
