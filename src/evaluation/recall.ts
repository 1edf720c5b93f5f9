import { type IdentityFrame, matchOverlap } from './identity-measures.ts';

/** An annotated frame with its time since the start of the sequence. */
export interface TimedIdentityFrame extends IdentityFrame {
  readonly seconds: number;
}

/** How many annotated objects automatic prompting found, and how cleanly. */
export interface RecallMeasures {
  /** For each deadline asked for, share of the objects matched at least once by then. */
  readonly foundWithin: readonly { readonly seconds: number; readonly share: number }[];
  /** Share of all annotated object appearances that a track covers. */
  readonly overSequence: number;
  /** Share of all predicted masks that cover an annotated object. Unannotated real objects lower it. */
  readonly precision: number;
  /** Masks beyond the first on the same annotated object, per annotated frame. */
  readonly duplicates: number;
}

/**
 * Recall of annotated objects by tracks that nobody asked for, at an IoU of at least 0.5. A deadline counts from
 * the object's first annotated frame; objects that are gone before it have until their last frame. Nothing
 * annotated recalls 1, nothing predicted has precision 1.
 */
export function recallMeasures(
  frames: readonly TimedIdentityFrame[],
  deadlines: readonly number[] = [1, 3],
  threshold: number = matchOverlap,
): RecallMeasures {
  const firstSeen = new Map<number, number>();
  const firstFound = new Map<number, number>();
  let appearances = 0;
  let covered = 0;
  let predictions = 0;
  let useful = 0;
  let duplicates = 0;
  for (const { truthIds, predictedIds, overlap, seconds } of frames) {
    appearances += truthIds.length;
    predictions += predictedIds.length;
    const matching = new Set<number>();
    truthIds.forEach((id, row) => {
      if (!firstSeen.has(id)) firstSeen.set(id, seconds);
      const columns = predictedIds
        .map((_, column) => column)
        .filter((column) => (overlap[row * predictedIds.length + column] ?? 0) >= threshold - Number.EPSILON);
      for (const column of columns) matching.add(column);
      if (columns.length === 0) return;
      covered++;
      duplicates += columns.length - 1;
      if (!firstFound.has(id)) firstFound.set(id, seconds);
    });
    useful += matching.size;
  }
  const foundBy = (deadline: number) =>
    [...firstSeen].filter(([id, seen]) => (firstFound.get(id) ?? Number.POSITIVE_INFINITY) - seen <= deadline)
      .length;
  return {
    foundWithin: deadlines.map((seconds) => ({
      seconds,
      share: firstSeen.size === 0 ? 1 : foundBy(seconds) / firstSeen.size,
    })),
    overSequence: appearances === 0 ? 1 : covered / appearances,
    precision: predictions === 0 ? 1 : useful / predictions,
    duplicates: frames.length === 0 ? 0 : duplicates / frames.length,
  };
}
