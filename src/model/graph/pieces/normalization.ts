import type { GraphBuilder } from '../graph-builder.ts';

/**
 * Layer normalisation (Ba et al. 2016) over the last axis: x [.., n] -> [.., n], with `${prefix}.weight` and
 * `${prefix}.bias` [n]. Mean and variance are float32 in every precision.
 */
export function layerNorm(builder: GraphBuilder, x: string, prefix: string, epsilon: number): string {
  const parameters = [builder.weight(`${prefix}.weight`), builder.weight(`${prefix}.bias`)];
  const attributes = { axis: -1, epsilon: { float: epsilon }, stash_type: 1 };
  return builder.add('LayerNormalization', [x, ...parameters], attributes);
}
