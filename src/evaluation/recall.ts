import { type IdentityFrame, matchOverlap } from './identity-measures.ts';

/** An annotated frame with its time since the start of the sequence and the sizes of what is on it. */
export interface AnnotatedFrame extends IdentityFrame {
  readonly seconds: number;
  /** Pixels of each annotated object, in the order of `truthIds`. */
  readonly truthAreas: readonly number[];
  /** Pixels of each predicted mask, in the order of `predictedIds`. */
  readonly predictedAreas: readonly number[];
}

/** How many annotated objects automatic prompting found, and how cleanly. NaN where there is nothing to judge. */
export interface RecallMeasures {
  /** For each deadline asked for, share of the objects matched at least once by then. */
  readonly foundWithin: readonly { readonly seconds: number; readonly share: number }[];
  /** Share of all annotated object appearances that a track covers. */
  readonly overSequence: number;
  /** Share of all predicted masks that match an annotated object. Unannotated real objects lower it. */
  readonly precision: number;
  /** The same among masks that touch annotated objects: objects that nobody annotated do not lower it. */
  readonly touchingPrecision: number;
  /** Masks beyond the first on the same annotated object, per annotated frame. */
  readonly duplicates: number;
}

/** Part of a mask on an object, or of an object under a mask, from which on the mask touches the object. */
const touchingShare = 0.5;

/** What the frames of a sequence add up to. */
class RecallCounts {
  readonly firstSeen = new Map<number, number>();
  readonly firstFound = new Map<number, number>();
  appearances = 0;
  covered = 0;
  predictions = 0;
  matching = 0;
  touching = 0;
  duplicates = 0;

  add(frame: AnnotatedFrame, threshold: number): void {
    const { truthIds, predictedIds, seconds } = frame;
    this.appearances += truthIds.length;
    this.predictions += predictedIds.length;
    const matching = new Set<number>();
    const touching = new Set<number>();
    truthIds.forEach((id, row) => {
      if (!this.firstSeen.has(id)) this.firstSeen.set(id, seconds);
      let masks = 0;
      predictedIds.forEach((_, column) => {
        if (touches(frame, row, column)) touching.add(column);
        if ((frame.overlap[row * predictedIds.length + column] ?? 0) < threshold - Number.EPSILON) return;
        matching.add(column);
        masks++;
      });
      if (masks === 0) return;
      this.covered++;
      this.duplicates += masks - 1;
      if (!this.firstFound.has(id)) this.firstFound.set(id, seconds);
    });
    this.matching += matching.size;
    // A match at a lower threshold than usual touches too.
    this.touching += new Set([...touching, ...matching]).size;
  }
}

/**
 * Recall of annotated objects by tracks that nobody asked for, at a mask IoU of at least 0.5. A deadline counts from
 * the object's first annotated frame; objects that are gone before it have until their last frame. Objects after
 * whose first frame none is annotated by the deadline are not judged by it.
 *
 * A mask touches an object when half of the mask lies on the object, or half of the object under the mask.
 */
export function recallMeasures(
  frames: readonly AnnotatedFrame[],
  deadlines: readonly number[] = [1, 3],
  threshold: number = matchOverlap,
): RecallMeasures {
  const counts = new RecallCounts();
  for (const frame of frames) counts.add(frame, threshold);
  const foundBy = (deadline: number) => {
    const judged = [...counts.firstSeen].filter(([, seen]) =>
      frames.some(({ seconds }) => seconds > seen && seconds - seen <= deadline),
    );
    const found = judged.filter(
      ([id, seen]) => (counts.firstFound.get(id) ?? Number.POSITIVE_INFINITY) - seen <= deadline,
    );
    return found.length / judged.length;
  };
  return {
    foundWithin: deadlines.map((seconds) => ({ seconds, share: foundBy(seconds) })),
    overSequence: counts.covered / counts.appearances,
    precision: counts.matching / counts.predictions,
    touchingPrecision: counts.matching / counts.touching,
    duplicates: counts.duplicates / frames.length,
  };
}

/** Whether the mask of a column touches the object of a row: half of either lies in the other. */
export function touches(frame: AnnotatedFrame, row: number, column: number): boolean {
  const overlap = frame.overlap[row * frame.predictedIds.length + column] ?? 0;
  const truthArea = frame.truthAreas[row] ?? 0;
  const predictedArea = frame.predictedAreas[column] ?? 0;
  // Of IoU = shared / (one + other - shared); whole pixels.
  const shared = Math.round((overlap * (truthArea + predictedArea)) / (1 + overlap));
  return shared > 0 && shared >= touchingShare * Math.min(truthArea, predictedArea);
}
