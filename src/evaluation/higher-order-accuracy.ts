import { assign } from '../tracker/assignment.ts';
import { type IdentityFrame, type NumberedSequence, numberIdentities } from './identity-measures.ts';

/** HOTA and its two factors, means over the overlap thresholds 0.05, 0.10 ... 0.95. */
export interface HigherOrderAccuracy {
  readonly hota: number;
  readonly detection: number;
  readonly association: number;
}

const thresholds = Array.from({ length: 19 }, (_, step) => (step + 1) / 20);

/**
 * Higher order tracking accuracy (Luiten et al., IJCV 2020) with its pairing as TrackEval does it: identities
 * that agree over the whole sequence are preferred frame by frame. Nothing annotated and nothing predicted
 * scores 1.
 */
export function higherOrderAccuracy(frames: readonly IdentityFrame[]): HigherOrderAccuracy {
  const sequence = numberIdentities(frames);
  const { truthFrames, predictedFrames } = sequence;
  const annotated = truthFrames.reduce((total, count) => total + count, 0);
  const predicted = predictedFrames.reduce((total, count) => total + count, 0);
  if (annotated + predicted === 0) return { hota: 1, detection: 1, association: 1 };

  const columns = predictedFrames.length;
  const matches = thresholds.map(() => new Float64Array(truthFrames.length * columns));
  pairFrames(sequence, alignment(sequence), matches);

  let hota = 0;
  let detection = 0;
  let association = 0;
  for (const counts of matches) {
    let truePositives = 0;
    let weighted = 0;
    counts.forEach((count, at) => {
      if (count === 0) return;
      const together = (truthFrames[Math.floor(at / columns)] ?? 0) + (predictedFrames[at % columns] ?? 0);
      truePositives += count;
      weighted += (count * count) / (together - count);
    });
    const detected = truePositives / (annotated + predicted - truePositives);
    const associated = weighted / Math.max(1, truePositives);
    detection += detected;
    association += associated;
    hota += Math.sqrt(detected * associated);
  }
  return {
    hota: hota / thresholds.length,
    detection: detection / thresholds.length,
    association: association / thresholds.length,
  };
}

/** How far two identities agree over the sequence: Jaccard index of their soft matches. */
function alignment(sequence: NumberedSequence): Float64Array {
  const { truthFrames, predictedFrames } = sequence;
  const columns = predictedFrames.length;
  const shared = new Float64Array(truthFrames.length * columns);
  for (const { truthRows, predictedRows, overlap } of sequence.frames) {
    const width = predictedRows.length;
    const rowSums = truthRows.map((_, row) => total(overlap.subarray(row * width, (row + 1) * width)));
    const columnSums = predictedRows.map((_, column) =>
      total(overlap.filter((__, at) => at % width === column)),
    );
    overlap.forEach((value, at) => {
      const row = Math.floor(at / width);
      const either = (rowSums[row] ?? 0) + (columnSums[at % width] ?? 0) - value;
      if (either <= 0) return;
      const pair = (truthRows[row] ?? 0) * columns + (predictedRows[at % width] ?? 0);
      shared[pair] = (shared[pair] ?? 0) + value / either;
    });
  }
  return shared.map((value, at) => {
    const together = (truthFrames[Math.floor(at / columns)] ?? 0) + (predictedFrames[at % columns] ?? 0);
    return value / (together - value);
  });
}

/** Counts, for every threshold, in how many frames each pair of identities is matched. */
function pairFrames(
  sequence: NumberedSequence,
  aligned: Float64Array,
  matches: readonly Float64Array[],
): void {
  const columns = sequence.predictedFrames.length;
  for (const { truthRows, predictedRows, overlap } of sequence.frames) {
    const width = predictedRows.length;
    const pairAt = (row: number, column: number) =>
      (truthRows[row] ?? 0) * columns + (predictedRows[column] ?? 0);
    const cost = overlap.map((value, at) => {
      return -(aligned[pairAt(Math.floor(at / width), at % width)] ?? 0) * value;
    });
    assign(cost, truthRows.length, width).forEach((column, row) => {
      if (column < 0) return;
      const value = overlap[row * width + column] ?? 0;
      thresholds.forEach((threshold, at) => {
        if (value < threshold - Number.EPSILON) return;
        const counts = matches[at];
        const pair = pairAt(row, column);
        if (counts !== undefined) counts[pair] = (counts[pair] ?? 0) + 1;
      });
    });
  }
}

function total(values: Float64Array): number {
  return values.reduce((running, value) => running + value, 0);
}
