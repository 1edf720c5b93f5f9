import type { Evaluation } from './evaluate.ts';

/** A share in percent; `-` where there is none. */
export function percent(share: number): string {
  return Number.isNaN(share) ? '-' : (share * 100).toFixed(1);
}

/** A number with that many places; `-` where there is none. */
export function fixed(value: number, places = 1): string {
  return Number.isNaN(value) ? '-' : value.toFixed(places);
}

/** Mean of the values that are there; NaN where none is. */
export function meanOfKnown(values: readonly number[]): number {
  const known = values.filter((value) => !Number.isNaN(value));
  return known.reduce((sum, value) => sum + value, 0) / known.length;
}

/** Names of the variants, in the order in which they ran. */
export function variantsOf(evaluations: readonly Evaluation[]): string[] {
  return [...new Set(evaluations.map(({ variant }) => variant))];
}

/** By the names of sequences; variants stay in their order. */
export function bySequence(evaluations: readonly Evaluation[]): Evaluation[] {
  return evaluations.toSorted((one, other) =>
    one.sequence < other.sequence ? -1 : one.sequence > other.sequence ? 1 : 0,
  );
}
