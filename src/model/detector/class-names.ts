import { TrackcastError } from '../../errors.ts';
import { parsePythonNames } from './python-names.ts';

/** Longest label of a track. */
const maxLabelCharacters = 100;

/** Names of a detector's classes. */
export interface ClassNames {
  /** How many there are, if that is known. */
  readonly count: number | null;
  /** A label for any class number. */
  nameOf(classIndex: number): string;
  /** Numbers of all classes of that name. */
  indicesOf(name: string): readonly number[];
}

/**
 * The classes' names: those that a person configured, or else those that the model brings.
 *
 * @param metadata text of the model's own names; undefined for none
 * @throws TrackcastError TRACKCAST_MODEL_INVALID when that text cannot be understood and no names are configured
 */
export function classNamesOf(configured: readonly string[] | null, metadata: string | undefined): ClassNames {
  if (configured !== null) return toClassNames(new Map(configured.entries()));
  if (metadata === undefined) return toClassNames(null);
  const names = parsePythonNames(metadata);
  if (names !== null) return toClassNames(names.size === 0 ? null : names);
  throw new TrackcastError(
    'TRACKCAST_MODEL_INVALID',
    "the detector's own list of class names cannot be understood: give one with DETECTOR_LABELS",
    { key: 'DETECTOR_MODEL' },
  );
}

function toClassNames(given: ReadonlyMap<number, string> | null): ClassNames {
  const labels = new Map<number, string>();
  let count = 0;
  for (const [index, name] of given ?? []) {
    const label = toLabel(name);
    if (label !== '') labels.set(index, label);
    count = Math.max(count, index + 1);
  }
  return {
    count: given === null ? null : count,
    nameOf: (index) => labels.get(index) ?? unnamed(index),
    indicesOf: (name) => {
      const named = [...labels].filter(([, label]) => label === name).map(([index]) => index);
      const [, digits] = /^class (\d{1,9})$/.exec(name) ?? [];
      // Without names, numbers have to do.
      if (digits !== undefined && !labels.has(Number(digits)) && (given === null || Number(digits) < count)) {
        named.push(Number(digits));
      }
      return named;
    },
  };
}

function unnamed(index: number): string {
  return `class ${index}`;
}

/** As a track may be called: short and without control characters. */
function toLabel(name: string): string {
  const printable = name.replace(/[\p{Cc}\p{Cs}]+/gu, ' ').trim();
  return [...printable].slice(0, maxLabelCharacters).join('');
}
