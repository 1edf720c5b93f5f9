import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DetectorLayout } from '../../../src/model/detector/detector-layout.ts';
import { letterboxOf } from '../../../src/model/detector/letterbox.ts';
import { type DetectorOutput, readDetections } from '../../../src/model/detector/read-detections.ts';

const geometry = {
  inputWidth: 100,
  inputHeight: 100,
  letterbox: letterboxOf(2, 100, 100),
  units: 'pixels',
} as const;
const float = (name: string, dims: readonly number[], values: readonly number[]): DetectorOutput => ({
  name,
  type: 'float32',
  dims,
  data: Float32Array.from(values),
});
const triple = { kind: 'boxes_scores_labels', boxes: 'b', scores: 's', labels: 'l' } as const;

/** The same box in the middle, 40 x 20 of the picture's 100 x 50 pixels, of class 1 of two. */
const arrangements: { layout: DetectorLayout; outputs: DetectorOutput[]; score: number }[] = [
  {
    layout: { kind: 'yolov5', output: 'o', classes: 2 },
    outputs: [float('o', [1, 2, 7], [50, 50, 40, 20, 0.5, 0.1, 0.5, 9, 9, 9, 9, 0, 1, 1])],
    score: 0.25,
  },
  {
    layout: { kind: 'yolov8', output: 'o', classes: 2 },
    outputs: [float('o', [1, 6, 2], [50, 9, 50, 9, 40, 9, 20, 9, 0.1, 0, 0.75, 0])],
    score: 0.75,
  },
  {
    layout: { kind: 'end_to_end', output: 'o' },
    outputs: [float('o', [2, 6], [30, 40, 70, 60, 0.5, 1, 0, 0, 0, 0, 0, 0])],
    score: 0.5,
  },
  {
    layout: triple,
    outputs: [
      float('b', [1, 2, 4], [30, 40, 70, 60, 0, 0, 0, 0]),
      float('s', [1, 2], [0.5, 0]),
      { name: 'l', type: 'int64', dims: [1, 2], data: BigInt64Array.of(1n, 0n) },
    ],
    score: 0.5,
  },
];

describe('readDetections', () => {
  it.each(arrangements)(
    'reads boxes of $layout.kind as parts of the picture',
    ({ layout, outputs, score }) => {
      expect(readDetections(layout, outputs, geometry, () => 0.2)).toEqual([
        {
          box: {
            x: expect.closeTo(0.3, 5),
            y: expect.closeTo(0.3, 5),
            width: expect.closeTo(0.4, 5),
            height: expect.closeTo(0.4, 5),
          },
          classIndex: 1,
          score: expect.closeTo(score, 5),
        },
      ]);
    },
  );

  it.each(arrangements)(
    'leaves out what a class’s threshold excludes in $layout.kind',
    ({ layout, outputs }) => {
      expect(readDetections(layout, outputs, geometry, (index) => (index === 1 ? 0.9 : 0))).toEqual([]);
    },
  );

  it.each(arrangements)('notices that outputs are not of $layout.kind any more', ({ layout, outputs }) => {
    expect(readDetections(layout, [], geometry, () => 0)).toBeNull();
    const other = outputs.map((each) => ({ ...each, dims: [1, 3, 3], data: new Float32Array(9) }));
    expect(readDetections(layout, other, geometry, () => 0)).toBeNull();
  });

  it('cuts boxes to the picture', () => {
    const outputs = [float('o', [1, 6], [-50, -50, 50, 50, 1, 0])];
    expect(readDetections({ kind: 'end_to_end', output: 'o' }, outputs, geometry, () => 0)).toMatchObject([
      { box: { x: 0, y: 0, width: 0.5, height: 0.5 } },
    ]);
  });

  it('gives nothing but boxes in the picture, whatever the numbers', () => {
    const value = fc.oneof(
      fc.float(),
      fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0.5, 1, 50, 3.4e38),
    );
    const table = fc.tuple(fc.nat(12), fc.nat(12)).chain(([rows, columns]) =>
      fc.record({
        dims: fc.constantFrom([1, rows, columns], [rows, columns], [columns, rows]),
        data: fc.array(value, { minLength: rows * columns, maxLength: rows * columns }),
      }),
    );
    const layouts: fc.Arbitrary<DetectorLayout> = fc.oneof(
      fc.record({
        kind: fc.constantFrom('yolov5', 'yolov8'),
        output: fc.constant('o'),
        classes: fc.integer({ min: 1, max: 6 }),
      }),
      fc.constant<DetectorLayout>({ kind: 'end_to_end', output: 'o' }),
      fc.constant<DetectorLayout>({ kind: 'boxes_scores_labels', boxes: 'o', scores: 'p', labels: 'q' }),
    );
    const units = fc.constantFrom('pixels', 'fractions');
    fc.assert(
      fc.property(layouts, fc.array(table, { minLength: 3, maxLength: 3 }), units, (layout, tables, unit) => {
        const outputs = tables.map(({ dims, data }, at) => float('opq'[at] ?? '', dims, data));
        const detections = readDetections(layout, outputs, { ...geometry, units: unit }, () => 0.1);
        for (const { box, score, classIndex } of detections ?? []) {
          expect(box.x >= 0 && box.y >= 0 && box.width > 0 && box.height > 0).toBe(true);
          expect(box.x + box.width <= 1 + 1e-9 && box.y + box.height <= 1 + 1e-9).toBe(true);
          expect(score >= 0.1 && score <= 1).toBe(true);
          expect(Number.isSafeInteger(classIndex) && classIndex >= 0).toBe(true);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
