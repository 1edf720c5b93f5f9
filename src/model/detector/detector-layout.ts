/** How a graph's outputs may be arranged, and `auto` to find out. */
export const detectorLayouts = ['auto', 'yolov5', 'yolov8', 'end_to_end', 'boxes_scores_labels'] as const;
export type DetectorLayoutName = (typeof detectorLayouts)[number];

/** What is known of an output before its values are read. */
export interface OutputShape {
  readonly name: string;
  /** ONNX Runtime's name of the element type. */
  readonly type: string;
  readonly dims: readonly number[];
}

/**
 * An arrangement of outputs; `batch` dimensions of 1 may be absent. Channels beyond those named, as the mask
 * coefficients of segmentation models, are passed over.
 *
 * - `yolov5` [1, boxes, 5 + classes]: centre x, y, width, height, objectness, probability of each class (YOLOv5, v7)
 * - `yolov8` [1, 4 + classes, boxes]: the same without objectness, box after box along the last axis (YOLOv8, v9, v11)
 * - `end_to_end` [1, boxes, 6]: left, top, right, bottom, score, class (YOLOv10, and exports with suppression inside)
 * - `boxes_scores_labels` [boxes, 4], [boxes], [boxes]: left, top, right, bottom; score; class
 */
export type DetectorLayout =
  | { readonly kind: 'yolov5' | 'yolov8'; readonly output: string; readonly classes: number }
  | { readonly kind: 'end_to_end'; readonly output: string }
  | {
      readonly kind: 'boxes_scores_labels';
      readonly boxes: string;
      readonly scores: string;
      readonly labels: string;
    };

/** What is known of a graph besides its outputs. */
export interface DetectorFacts {
  readonly inputWidth: number;
  readonly inputHeight: number;
  /** Null when nobody has named the classes. */
  readonly classes: number | null;
}

export type LayoutVerdict =
  | { readonly kind: 'recognised'; readonly layout: DetectorLayout }
  /** `reason` completes "the outputs ...". */
  | { readonly kind: 'refused'; readonly reason: string };

type SingleLayout = Exclude<DetectorLayoutName, 'auto' | 'boxes_scores_labels'>;

/** Strides of the grids that detectors predict on; models differ in where they begin and end. */
const strideSets = [
  [8, 16, 32],
  [8, 16, 32, 64],
  [4, 8, 16, 32],
] as const;
/** Boxes that YOLOv5 and v7 predict in each cell. */
const anchorsPerCell = 3;

/** Finds out how outputs are arranged, or checks that they are as was said. Never guesses: what fits two ways is refused. */
export function recogniseLayout(
  outputs: readonly OutputShape[],
  choice: DetectorLayoutName,
  facts: DetectorFacts,
): LayoutVerdict {
  const triple = choice === 'auto' || choice === 'boxes_scores_labels' ? findTriple(outputs) : null;
  if (triple !== null) return { kind: 'recognised', layout: triple };
  if (choice === 'boxes_scores_labels') {
    return refused('are not three of [boxes, 4], [boxes] and [boxes]');
  }
  const single = findSingle(outputs);
  if (single === null) return refused('hold no single float32 tensor of [1, rows, columns]');
  const choices = choice === 'auto' ? (['yolov5', 'yolov8', 'end_to_end'] as const) : [choice];
  const isSaid = choice !== 'auto';
  const fitting = choices.filter((kind) => fits(kind, single, facts, isSaid));
  const [kind] = fitting;
  if (kind === undefined) return refused(`are not ${describeExpected(choices, single.extra, facts)}`);
  if (fitting.length > 1) {
    return refused(`could be ${fitting.join(' or ')}: say which with DETECTOR_LAYOUT`);
  }
  return { kind: 'recognised', layout: toLayout(kind, single) };
}

/** A tensor of one row of numbers per box, or one column. */
interface SingleOutput {
  readonly name: string;
  readonly rows: number;
  readonly columns: number;
  /** Channels at the end that say nothing about boxes. */
  readonly extra: number;
}

function findSingle(outputs: readonly OutputShape[]): SingleOutput | null {
  const flat = outputs.filter(({ dims, type }) => type === 'float32' && withoutBatch(dims, 2) !== null);
  const [only] = flat;
  const dims = only === undefined ? null : withoutBatch(only.dims, 2);
  if (only === undefined || flat.length > 1 || dims === null) return null;
  // Prototypes of masks: each box then has a coefficient for every one.
  const prototypes = outputs.find(({ dims: other }) => other.length === 4 && other[0] === 1);
  return {
    name: only.name,
    rows: dims[0] as number,
    columns: dims[1] as number,
    extra: prototypes?.dims[1] ?? 0,
  };
}

function fits(kind: SingleLayout, output: SingleOutput, facts: DetectorFacts, isSaid: boolean): boolean {
  const { rows, columns, extra } = output;
  const { classes } = facts;
  const cells = cellCounts(facts);
  const isGrid = (count: number) => cells.includes(count) || cells.includes(count / anchorsPerCell);
  switch (kind) {
    case 'yolov8':
      if (rows < 5 + extra || (classes !== null && rows !== 4 + classes + extra)) return false;
      return isSaid || classes !== null || isGrid(columns);
    case 'yolov5':
      if (columns < 6 + extra || (classes !== null && columns !== 5 + classes + extra)) return false;
      // With a single class a row is as long as one of `end_to_end`.
      return isSaid || (classes !== null && columns !== 6 + extra) || isGrid(rows);
    case 'end_to_end':
      return columns === 6 + extra && (isSaid || !isGrid(rows));
  }
}

function toLayout(kind: SingleLayout, { name, rows, columns, extra }: SingleOutput): DetectorLayout {
  switch (kind) {
    case 'yolov8':
      return { kind, output: name, classes: rows - 4 - extra };
    case 'yolov5':
      return { kind, output: name, classes: columns - 5 - extra };
    case 'end_to_end':
      return { kind, output: name };
  }
}

/** How many cells the grids over the input have together. */
function cellCounts({ inputWidth, inputHeight }: DetectorFacts): number[] {
  return strideSets.map((strides) =>
    strides.reduce(
      (sum, stride) => sum + Math.ceil(inputWidth / stride) * Math.ceil(inputHeight / stride),
      0,
    ),
  );
}

function describeExpected(
  choices: readonly SingleLayout[],
  extra: number,
  { classes, inputWidth, inputHeight }: DetectorFacts,
): string {
  const more = extra > 0 ? ` + ${extra}` : '';
  const count = classes === null ? 'classes' : String(classes);
  const shapes = {
    yolov5: `[1, boxes, 5 + ${count}${more}]`,
    yolov8: `[1, 4 + ${count}${more}, boxes]`,
    end_to_end: `[1, boxes, 6${more}]`,
  };
  const what = choices.map((kind) => `${kind} ${shapes[kind]}`).join(' or ');
  return choices.length === 1 ? what : `surely ${what} for a picture of ${inputWidth}x${inputHeight}`;
}

function findTriple(outputs: readonly OutputShape[]): DetectorLayout | null {
  const wide = outputs.filter(({ dims, type }) => type === 'float32' && withoutBatch(dims, 2)?.[1] === 4);
  // Four scores look like one box.
  const boxes = wide.length > 1 ? wide.filter(({ name }) => /box/i.test(name)) : wide;
  const [box] = boxes;
  if (box === undefined || boxes.length > 1) return null;
  const count = withoutBatch(box.dims, 2)?.[0];
  const lists = outputs.filter(({ dims }) => {
    const length = withoutBatch(dims, 1);
    return length !== null && length[0] === count;
  });
  const isInteger = ({ type }: OutputShape) => type === 'int64' || type === 'int32';
  const labels = lists.filter((list) => isInteger(list) || /label|class|cls/i.test(list.name));
  const scores = lists.filter((list) => list.type === 'float32' && !labels.includes(list));
  const [label] = labels;
  const [score] = scores;
  if (label === undefined || score === undefined || labels.length > 1 || scores.length > 1) return null;
  return { kind: 'boxes_scores_labels', boxes: box.name, scores: score.name, labels: label.name };
}

/** Dimensions of one picture; null when there are not `count` of them. */
export function withoutBatch(dims: readonly number[], count: number): readonly number[] | null {
  if (dims.length === count) return dims;
  return dims.length === count + 1 && dims[0] === 1 ? dims.slice(1) : null;
}

function refused(reason: string): LayoutVerdict {
  return { kind: 'refused', reason };
}
