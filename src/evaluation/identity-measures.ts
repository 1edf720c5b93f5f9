import { assign } from '../tracker/assignment.ts';

/** Annotated and predicted objects of one frame and how far they overlap. */
export interface IdentityFrame {
  readonly truthIds: readonly number[];
  readonly predictedIds: readonly number[];
  /** Mask IoU, `truthIds.length` rows of `predictedIds.length` values. */
  readonly overlap: Float64Array;
}

/** How well identities are kept over one sequence. */
export interface IdentityMeasures {
  /** Times that an annotated object is matched to another id than at its last match (CLEAR MOT). */
  readonly switches: number;
  /** Times that an annotated object is matched again after frames in which it was not. */
  readonly fragmentations: number;
  /** F-measure, precision and recall of identities under the best one-to-one pairing over the whole sequence. */
  readonly idf1: number;
  readonly identityPrecision: number;
  readonly identityRecall: number;
}

/** IoU from which a prediction and an annotation may be the same object. */
export const matchOverlap = 0.5;

/** Rounding must not part a pair that is exactly at a threshold. */
const rounding = Number.EPSILON;

/** Ids get rows in order of first appearance. */
class Numbering {
  readonly #rows = new Map<number, number>();
  readonly frames: number[] = [];

  /** The row of an id; counts the frames in which it is seen. */
  see(id: number): number {
    const known = this.#rows.get(id);
    const row = known ?? this.#rows.size;
    if (known === undefined) this.#rows.set(id, row);
    this.frames[row] = (this.frames[row] ?? 0) + 1;
    return row;
  }

  get size(): number {
    return this.#rows.size;
  }
}

/** A frame whose ids are replaced by rows that hold for the whole sequence. */
interface NumberedFrame {
  readonly truthRows: readonly number[];
  readonly predictedRows: readonly number[];
  readonly overlap: Float64Array;
}

/** A sequence ready for pairing identities: rows instead of ids, and in how many frames each one is. */
export interface NumberedSequence {
  readonly frames: readonly NumberedFrame[];
  readonly truthFrames: readonly number[];
  readonly predictedFrames: readonly number[];
}

/** @throws RangeError when an overlap table does not fit its ids */
export function numberIdentities(frames: readonly IdentityFrame[]): NumberedSequence {
  const truth = new Numbering();
  const predicted = new Numbering();
  const numbered = frames.map(({ truthIds, predictedIds, overlap }, at) => {
    if (overlap.length !== truthIds.length * predictedIds.length) {
      throw new RangeError(`the overlaps of frame ${at} do not fit its ids`);
    }
    return {
      truthRows: truthIds.map((id) => truth.see(id)),
      predictedRows: predictedIds.map((id) => predicted.see(id)),
      overlap,
    };
  });
  return { frames: numbered, truthFrames: truth.frames, predictedFrames: predicted.frames };
}

/** Identity measures at one overlap threshold. A sequence without annotations and predictions scores 1. */
export function identityMeasures(
  frames: readonly IdentityFrame[],
  threshold: number = matchOverlap,
): IdentityMeasures {
  const sequence = numberIdentities(frames);
  return { ...globalIdentity(sequence, threshold), ...continuity(sequence, threshold) };
}

/**
 * IDF1 (Ristani et al., ECCV Workshops 2016, section 3): one pairing of whole trajectories, chosen so that the
 * most frames agree.
 */
function globalIdentity(sequence: NumberedSequence, threshold: number) {
  const { truthFrames, predictedFrames } = sequence;
  const columns = predictedFrames.length;
  const agreeing = new Float64Array(truthFrames.length * columns);
  for (const { truthRows, predictedRows, overlap } of sequence.frames) {
    truthRows.forEach((truthRow, row) => {
      predictedRows.forEach((predictedRow, column) => {
        if ((overlap[row * predictedRows.length + column] ?? 0) < threshold - rounding) return;
        const at = truthRow * columns + predictedRow;
        agreeing[at] = (agreeing[at] ?? 0) + 1;
      });
    });
  }
  const pairing = assign(
    agreeing.map((count) => -count),
    truthFrames.length,
    columns,
  );
  let truePositives = 0;
  pairing.forEach((column, row) => {
    if (column >= 0) truePositives += agreeing[row * columns + column] ?? 0;
  });
  const annotated = sum(truthFrames);
  const predicted = sum(predictedFrames);
  return {
    idf1: annotated + predicted === 0 ? 1 : (2 * truePositives) / (annotated + predicted),
    identityPrecision: predicted === 0 ? 1 : truePositives / predicted,
    identityRecall: annotated === 0 ? 1 : truePositives / annotated,
  };
}

/**
 * Switches and fragmentations of CLEAR MOT (Bernardin and Stiefelhagen 2008), paired as TrackEval does it: frame
 * by frame for the most overlap, where a pair of the frame before comes first while it still overlaps enough.
 */
function continuity(sequence: NumberedSequence, threshold: number) {
  const keepingBonus = 1000;
  const lastMatch = new Map<number, number>();
  let matchedBefore = new Map<number, number>();
  let switches = 0;
  let fragmentations = 0;
  for (const { truthRows, predictedRows, overlap } of sequence.frames) {
    if (overlap.length === 0) continue;
    const cost = overlap.map((value, at) => {
      if (value < threshold - rounding) return 0;
      const truthRow = truthRows[Math.floor(at / predictedRows.length)] ?? -1;
      const kept = matchedBefore.get(truthRow) === predictedRows[at % predictedRows.length];
      return -(value + (kept ? keepingBonus : 0));
    });
    const matched = new Map<number, number>();
    assign(cost, truthRows.length, predictedRows.length).forEach((column, row) => {
      const truthRow = truthRows[row];
      const predictedRow = predictedRows[column];
      if (truthRow === undefined || predictedRow === undefined) return;
      if (cost[row * predictedRows.length + column] === 0) return;
      matched.set(truthRow, predictedRow);
      const last = lastMatch.get(truthRow);
      if (last !== undefined && last !== predictedRow) switches++;
      if (last !== undefined && !matchedBefore.has(truthRow)) fragmentations++;
      lastMatch.set(truthRow, predictedRow);
    });
    matchedBefore = matched;
  }
  return { switches, fragmentations };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
