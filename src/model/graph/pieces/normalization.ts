import type { GraphBuilder } from '../graph-builder.ts';

/** Of the published `LayerNorm2d`. */
const channelEpsilon = 1e-6;

/**
 * Layer normalisation (Ba et al. 2016) over the last axis: x [.., n] -> [.., n], with `${prefix}.weight` and
 * `${prefix}.bias` [n]. Mean and variance are float32 in every precision.
 */
export function layerNorm(builder: GraphBuilder, x: string, prefix: string, epsilon: number): string {
  const parameters = [builder.weight(`${prefix}.weight`), builder.weight(`${prefix}.bias`)];
  const attributes = { axis: -1, epsilon: { float: epsilon }, stash_type: 1 };
  return builder.add('LayerNormalization', [x, ...parameters], attributes);
}

/** Layer normalisation over the channels of each pixel: x [batch, channels, rows, columns], and so the result. */
export function channelNorm(builder: GraphBuilder, x: string, prefix: string): string {
  const channelsLast = builder.transpose(x, [0, 2, 3, 1]);
  return builder.transpose(layerNorm(builder, channelsLast, prefix, channelEpsilon), [0, 3, 1, 2]);
}
