import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { boxIou, type Detection } from '../../../src/model/detector/detection.ts';
import { suppressOverlaps } from '../../../src/model/detector/suppress-overlaps.ts';

const at = (x: number, score: number, classIndex = 0): Detection => ({
  box: { x, y: 0, width: 0.2, height: 0.2 },
  classIndex,
  score,
});

describe('boxIou', () => {
  it.each([
    [0, 1],
    [0.1, 1 / 3],
    [0.2, 0],
    [0.7, 0],
  ])('of boxes side by side, %d apart, is %d', (x, iou) => {
    expect(boxIou(at(0, 1).box, at(x, 1).box)).toBeCloseTo(iou, 6);
    expect(boxIou(at(x, 1).box, at(0, 1).box)).toBeCloseTo(iou, 6);
  });
});

describe('suppressOverlaps', () => {
  it('keeps the best of what overlaps, within a class', () => {
    const scores = (detections: Detection[]) => detections.map(({ score }) => score);
    expect(scores(suppressOverlaps([at(0, 0.5), at(0.02, 0.9), at(0.5, 0.4)], 0.5, 10))).toEqual([0.9, 0.4]);
    expect(scores(suppressOverlaps([at(0, 0.5), at(0.02, 0.9, 1)], 0.5, 10))).toEqual([0.9, 0.5]);
    expect(scores(suppressOverlaps([at(0, 0.5), at(0.1, 0.9)], 0.5, 10))).toEqual([0.9, 0.5]);
  });

  it('gives the best ones, no two of a class alike, and everything else is like a better one', () => {
    const part = fc.double({ min: 0, max: 0.5, noNaN: true });
    const detection = fc.record({
      box: fc.record({ x: part, y: part, width: part, height: part }),
      classIndex: fc.nat(2),
      score: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.array(detection, { maxLength: 40 }), fc.nat(10), (detections, limit) => {
        const kept = suppressOverlaps(detections, 0.4, limit);
        expect(kept.length).toBeLessThanOrEqual(limit);
        expect(kept).toEqual(kept.toSorted((a, b) => b.score - a.score));
        const isLike = (a: Detection, b: Detection) =>
          a.classIndex === b.classIndex && boxIou(a.box, b.box) > 0.4;
        for (const [index, each] of kept.entries()) {
          expect(detections).toContain(each);
          expect(kept.slice(0, index).some((better) => isLike(better, each))).toBe(false);
        }
        if (kept.length === limit) return;
        for (const each of detections) {
          if (!kept.includes(each))
            expect(kept.some((better) => better.score >= each.score && isLike(better, each))).toBe(true);
        }
      }),
    );
  });
});
