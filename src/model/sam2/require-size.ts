import type { Precision } from '../graph/graph-builder.ts';
import type { Activations } from './sam2-runtime.ts';

/** Throws `RangeError` where there are not as many values as there have to be. */
export function requireSize(actual: number, expected: number, what: string): void {
  if (actual !== expected) throw new RangeError(`${what} has ${expected} values, not ${actual}`);
}

/** Throws `RangeError` for activations of another size, `TypeError` for those of a model of another precision. */
export function requireActivations(
  data: Activations,
  precision: Precision,
  expected: number,
  what: string,
): void {
  if (data instanceof Float32Array !== (precision === 'float32')) {
    throw new TypeError(`${what} is not of ${precision}`);
  }
  requireSize(data.length, expected, what);
}
