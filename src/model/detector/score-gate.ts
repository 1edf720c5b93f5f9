import { TrackcastError } from '../../errors.ts';
import type { ClassNames } from './class-names.ts';
import type { ScoreGate } from './read-detections.ts';

/** A threshold of its own for one class. */
export interface ClassMinScore {
  readonly label: string;
  readonly minScore: number;
}

export interface ScoreGateSettings {
  /** Names of the classes that are wanted; empty for all. */
  readonly classes: readonly string[];
  readonly minScore: number;
  readonly classMinScores: readonly ClassMinScore[];
}

/**
 * Thresholds by class number.
 *
 * @throws TrackcastError TRACKCAST_CONFIG_INVALID for a class that the detector does not know
 */
export function scoreGateOf(settings: ScoreGateSettings, names: ClassNames): ScoreGate {
  const indicesOf = (label: string, key: string): readonly number[] => {
    const indices = names.indicesOf(label);
    if (indices.length > 0) return indices;
    throw new TrackcastError(
      'TRACKCAST_CONFIG_INVALID',
      `the detector knows no class '${label}'; its classes are ${describe(names)}`,
      { key },
    );
  };
  const wanted = new Set(settings.classes.flatMap((label) => indicesOf(label, 'DETECTOR_CLASSES')));
  const own = new Map(
    settings.classMinScores.flatMap(({ label, minScore }) =>
      indicesOf(label, 'DETECTOR_CLASS_MIN_SCORES').map((index) => [index, minScore] as const),
    ),
  );
  return (classIndex) => {
    if (wanted.size > 0 && !wanted.has(classIndex)) return Number.POSITIVE_INFINITY;
    return own.get(classIndex) ?? settings.minScore;
  };
}

/** Some of the names, for a message. */
function describe(names: ClassNames): string {
  const { count } = names;
  if (count === null) return "without names: 'class 0', 'class 1' and so on";
  const shown = Array.from({ length: Math.min(count, 12) }, (_, index) => `'${names.nameOf(index)}'`);
  return `${shown.join(', ')}${count > shown.length ? ` and ${count - shown.length} more` : ''}`;
}
