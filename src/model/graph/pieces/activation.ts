import type { GraphBuilder } from '../graph-builder.ts';

/** A function of each value alone that stands between the layers of a network. */
export type Activation = 'relu' | 'gelu';

/** `gelu` is the exact one, with the error function. */
const operators: Readonly<Record<Activation, string>> = { relu: 'Relu', gelu: 'Gelu' };

/** Any shape; the result has the same. */
export function activate(builder: GraphBuilder, x: string, activation: Activation): string {
  return builder.add(operators[activation], [x]);
}

/** The Gaussian error linear unit (Hendrycks and Gimpel 2016), exact: x times the normal distribution's integral. */
export function gelu(builder: GraphBuilder, x: string): string {
  return activate(builder, x, 'gelu');
}
