import type { Detection } from './detection.ts';
import { type DetectorLayout, type OutputShape, withoutBatch } from './detector-layout.ts';
import type { Letterbox } from './letterbox.ts';

/** One output of a run. */
export interface DetectorOutput extends OutputShape {
  readonly data: ArrayLike<number | bigint>;
}

/** How the numbers of a box become a place in the picture. */
export interface BoxGeometry {
  readonly inputWidth: number;
  readonly inputHeight: number;
  readonly letterbox: Letterbox;
  /** Whether coordinates are pixels of the input, or fractions of it. */
  readonly units: 'pixels' | 'fractions';
}

/** Least score of each class that is wanted; Infinity for one that is not. */
export type ScoreGate = (classIndex: number) => number;

/** Boxes smaller than this in either direction show nothing, parts of the picture. */
const minSide = 1e-4;

/**
 * Reads boxes out of a run. Numbers are taken as they come: whatever is not finite, empty, outside of the picture, of no
 * class or rated too low is no detection.
 *
 * @returns in the order of the output; null when the outputs are not of the layout any more
 */
export function readDetections(
  layout: DetectorLayout,
  outputs: readonly DetectorOutput[],
  geometry: BoxGeometry,
  gate: ScoreGate,
): Detection[] | null {
  const collector = new DetectionCollector(geometry, gate);
  const named = (name: string) => outputs.find((output) => output.name === name);
  if (layout.kind === 'boxes_scores_labels') {
    const isRead = readTriple(named(layout.boxes), named(layout.scores), named(layout.labels), collector);
    return isRead ? collector.detections : null;
  }
  const output = named(layout.output);
  const dims = output === undefined ? null : withoutBatch(output.dims, 2);
  if (output === undefined || dims === null || !(output.data instanceof Float32Array)) return null;
  const [rows = 0, columns = 0] = dims;
  if (output.data.length !== rows * columns) return null;
  const table = { data: output.data, rows, columns };
  switch (layout.kind) {
    case 'yolov5':
      return columns < 5 + layout.classes ? null : readRows(table, layout.classes, collector);
    case 'yolov8':
      return rows < 4 + layout.classes ? null : readColumns(table, layout.classes, collector);
    case 'end_to_end':
      return columns < 6 ? null : readEndToEnd(table, collector);
  }
}

/** Row-major. */
interface Table {
  readonly data: Float32Array;
  readonly rows: number;
  readonly columns: number;
}

/** A row per box: centre, size, objectness, probability of each class. */
function readRows(
  { data, rows, columns }: Table,
  classes: number,
  collector: DetectionCollector,
): Detection[] {
  for (let row = 0; row < rows; row++) {
    const at = row * columns;
    const objectness = data[at + 4] as number;
    // Most boxes are of nothing; so is one whose objectness is no number.
    if (!(objectness > 0)) continue;
    let best = 0;
    let classIndex = -1;
    for (let index = 0; index < classes; index++) {
      const probability = data[at + 5 + index] as number;
      if (probability > best) {
        best = probability;
        classIndex = index;
      }
    }
    const [x, y, width, height] = [data[at], data[at + 1], data[at + 2], data[at + 3]] as Four;
    collector.addCentred(x, y, width, height, objectness * best, classIndex);
  }
  return collector.detections;
}

/** A column per box: centre, size, probability of each class. */
function readColumns({ data, columns }: Table, classes: number, collector: DetectionCollector): Detection[] {
  const best = new Float32Array(columns);
  const bestClass = new Int32Array(columns).fill(-1);
  // Class after class, because that is how the values lie in memory.
  for (let index = 0; index < classes; index++) {
    const begin = (4 + index) * columns;
    for (let column = 0; column < columns; column++) {
      const probability = data[begin + column] as number;
      if (probability > (best[column] as number)) {
        best[column] = probability;
        bestClass[column] = index;
      }
    }
  }
  for (let column = 0; column < columns; column++) {
    if ((bestClass[column] as number) < 0) continue;
    const value = (row: number) => data[row * columns + column] as number;
    collector.addCentred(
      value(0),
      value(1),
      value(2),
      value(3),
      best[column] as number,
      bestClass[column] as number,
    );
  }
  return collector.detections;
}

/** A row per box: corners, score, class. */
function readEndToEnd({ data, rows, columns }: Table, collector: DetectionCollector): Detection[] {
  for (let row = 0; row < rows; row++) {
    const at = row * columns;
    const [left, top, right, bottom] = [data[at], data[at + 1], data[at + 2], data[at + 3]] as Four;
    collector.add(left, top, right, bottom, data[at + 4] as number, data[at + 5] as number);
  }
  return collector.detections;
}

function readTriple(
  boxes: DetectorOutput | undefined,
  scores: DetectorOutput | undefined,
  labels: DetectorOutput | undefined,
  collector: DetectionCollector,
): boolean {
  if (boxes === undefined || scores === undefined || labels === undefined) return false;
  const count = boxes.data.length / 4;
  if (boxes.dims.at(-1) !== 4 || scores.data.length !== count || labels.data.length !== count) return false;
  for (let row = 0; row < count; row++) {
    const side = (at: number) => Number(boxes.data[row * 4 + at]);
    collector.add(side(0), side(1), side(2), side(3), Number(scores.data[row]), Number(labels.data[row]));
  }
  return true;
}

type Four = [number, number, number, number];

/** Gathers detections as parts of the picture. */
class DetectionCollector {
  readonly detections: Detection[] = [];
  readonly #gate: ScoreGate;
  readonly #letterbox: Letterbox;
  readonly #unitX: number;
  readonly #unitY: number;

  constructor({ inputWidth, inputHeight, letterbox, units }: BoxGeometry, gate: ScoreGate) {
    this.#gate = gate;
    this.#letterbox = letterbox;
    this.#unitX = units === 'pixels' ? 1 : inputWidth;
    this.#unitY = units === 'pixels' ? 1 : inputHeight;
  }

  addCentred(x: number, y: number, width: number, height: number, score: number, classIndex: number): void {
    this.add(x - width / 2, y - height / 2, x + width / 2, y + height / 2, score, classIndex);
  }

  add(left: number, top: number, right: number, bottom: number, score: number, classIndex: number): void {
    if (!Number.isFinite(score) || !Number.isSafeInteger(classIndex) || classIndex < 0) return;
    if (!(score > 0 && score >= this.#gate(classIndex))) return;
    const box = this.#letterbox;
    const x0 = inside((left * this.#unitX - box.left) / box.width);
    const y0 = inside((top * this.#unitY - box.top) / box.height);
    const x1 = inside((right * this.#unitX - box.left) / box.width);
    const y1 = inside((bottom * this.#unitY - box.top) / box.height);
    // Comparisons with what is no number are false.
    if (!(x1 - x0 >= minSide) || !(y1 - y0 >= minSide)) return;
    this.detections.push({
      box: { x: x0, y: y0, width: x1 - x0, height: y1 - y0 },
      classIndex,
      score: Math.min(1, score),
    });
  }
}

/** Cut to the picture. Infinite places are none. */
function inside(part: number): number {
  return Number.isFinite(part) ? Math.min(1, Math.max(0, part)) : Number.NaN;
}
