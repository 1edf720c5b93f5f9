import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type DetectorLayoutName,
  detectorLayouts,
  type OutputShape,
  recogniseLayout,
} from '../../../src/model/detector/detector-layout.ts';

const output = (dims: readonly number[], name = 'output0', type = 'float32'): OutputShape => ({
  name,
  type,
  dims,
});

function verdictOn(
  outputs: readonly OutputShape[],
  classes: number | null,
  choice: DetectorLayoutName = 'auto',
  [inputWidth, inputHeight] = [640, 640],
) {
  const facts = { inputWidth, inputHeight, classes };
  const verdict = recogniseLayout(outputs, choice, facts);
  return verdict.kind === 'recognised' ? verdict.layout.kind : verdict.reason;
}

const prototypes = output([1, 32, 160, 160], 'output1');

describe('recogniseLayout', () => {
  it.each<[string, OutputShape[], number | null]>([
    ['yolov5', [output([1, 25_200, 85])], null],
    ['yolov5', [output([1, 25_200, 85])], 80],
    ['yolov5', [output([1, 25_200, 6])], 1],
    ['yolov5', [output([25_200, 85])], 80],
    ['yolov5', [output([1, 8400, 85])], 80],
    ['yolov5', [output([1, 25_200, 117]), prototypes], 80],
    ['yolov8', [output([1, 84, 8400])], null],
    ['yolov8', [output([1, 84, 8400])], 80],
    ['yolov8', [output([1, 5, 8400])], 1],
    ['yolov8', [output([1, 116, 8400]), prototypes], 80],
    ['end_to_end', [output([1, 300, 6])], null],
    ['end_to_end', [output([1, 300, 6])], 80],
    ['end_to_end', [output([1, 300, 6])], 1],
    ['end_to_end', [output([1, 0, 6])], 1],
    ['end_to_end', [output([1, 300, 38]), prototypes], 2],
    [
      'boxes_scores_labels',
      [output([100, 4], 'boxes'), output([100], 'labels', 'int64'), output([100], 'scores')],
      91,
    ],
    [
      'boxes_scores_labels',
      [
        output([1, 1], 'num_dets', 'int32'),
        output([1, 100, 4], 'det_boxes'),
        output([1, 100], 'det_scores'),
        output([1, 100], 'det_classes'),
      ],
      null,
    ],
    [
      'boxes_scores_labels',
      [output([1, 4, 4], 'boxes'), output([1, 4], 'scores'), output([1, 4], 'labels')],
      null,
    ],
    ['boxes_scores_labels', [output([0, 4], 'a'), output([0], 'b', 'int64'), output([0], 'c')], null],
  ])('knows %s by %j with %s classes', (layout, outputs, classes) => {
    expect(verdictOn(outputs, classes)).toBe(layout);
  });

  it('counts cells of the input’s own size', () => {
    expect(verdictOn([output([1, 84, 5040])], null, 'auto', [640, 384])).toBe('yolov8');
    expect(verdictOn([output([1, 15_120, 85])], null, 'auto', [640, 384])).toBe('yolov5');
    expect(verdictOn([output([1, 15_120, 85])], null)).toMatch(/^are not surely/);
  });

  it('does not guess', () => {
    expect(verdictOn([output([1, 10, 11])], 6)).toBe(
      'could be yolov5 or yolov8: say which with DETECTOR_LAYOUT',
    );
    expect(verdictOn([output([1, 10, 11])], 6, 'yolov8')).toBe('yolov8');
    expect(verdictOn([output([1, 10, 11])], 6, 'yolov5')).toBe('yolov5');
  });

  it.each<[DetectorLayoutName, OutputShape[], number | null, RegExp]>([
    ['auto', [], null, /hold no single/],
    ['auto', [output([1, 84, 8400], 'a'), output([1, 84, 8400], 'b')], null, /hold no single/],
    ['auto', [output([2, 84, 8400])], 80, /hold no single/],
    ['auto', [output([1, 84, 8400], 'output0', 'float16')], 80, /hold no single float32/],
    ['yolov8', [output([1, 84, 8400])], 3, /are not yolov8 \[1, 4 \+ 3, boxes\]/],
    ['yolov5', [output([1, 300, 6])], 80, /are not yolov5 \[1, boxes, 5 \+ 80\]/],
    ['end_to_end', [output([1, 84, 8400])], 80, /are not end_to_end \[1, boxes, 6\]/],
    ['boxes_scores_labels', [output([1, 84, 8400])], 80, /are not three/],
    [
      'boxes_scores_labels',
      [output([9, 4], 'boxes'), output([8], 'scores'), output([9], 'labels')],
      null,
      /are not three/,
    ],
  ])('refuses as %s what is none: %j', (choice, outputs, classes, reason) => {
    expect(verdictOn(outputs, classes, choice)).toMatch(reason);
  });

  it('has a verdict on any outputs', () => {
    const anyOutput = fc.record({
      name: fc.constantFrom('boxes', 'scores', 'labels', 'output0'),
      type: fc.constantFrom('float32', 'float16', 'int64', 'string'),
      dims: fc.array(fc.nat(9000), { maxLength: 5 }),
    });
    const facts = fc.record({
      inputWidth: fc.integer({ min: 1, max: 4096 }),
      inputHeight: fc.integer({ min: 1, max: 4096 }),
      classes: fc.option(fc.nat(100)),
    });
    fc.assert(
      fc.property(
        fc.array(anyOutput, { maxLength: 5 }),
        fc.constantFrom(...detectorLayouts),
        facts,
        (outputs, choice, known) => {
          const verdict = recogniseLayout(outputs, choice, known);
          if (verdict.kind === 'refused') expect(verdict.reason).toMatch(/^(are|hold|could) /);
          else if (choice !== 'auto') expect(verdict.layout.kind).toBe(choice);
        },
      ),
      { numRuns: 1000 },
    );
  });
});
