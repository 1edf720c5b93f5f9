import type { GraphBuilder } from '../graph-builder.ts';
import { type Rotation, rotate } from './axial-rope.ts';
import { headAttention } from './head-attention.ts';
import { type LinearLayer, linear, linearBy } from './linear.ts';

/**
 * Self-attention with one head and rotary positions: x [batch, tokens, channels] -> the same shape. Weights are
 * `${prefix}.q_proj`, `k_proj`, `v_proj` and `out_proj`; queries and keys are rotated, values are not.
 *
 * @param tokens of each of the batch
 */
export function ropeSelfAttention(
  builder: GraphBuilder,
  x: string,
  prefix: string,
  rotation: Rotation,
  tokens: number,
): string {
  const [channels = 0] = builder.weightShape(`${prefix}.q_proj.weight`);
  const query = rotate(builder, linear(builder, x, `${prefix}.q_proj`), rotation, channels);
  const key = rotate(builder, linear(builder, x, `${prefix}.k_proj`), rotation, channels);
  const value = linearBy(builder, x, valueToOutput(builder, prefix));
  return headAttention(builder, { query, key, value }, { heads: 1, channels, queries: tokens });
}

/**
 * `${prefix}.v_proj` and then `${prefix}.out_proj` as one layer, which may stand before or after the attention between
 * them: a sum over tokens commutes with a linear map, and passes the biases through because its weights add up to 1.
 */
export function valueToOutput(builder: GraphBuilder, prefix: string): LinearLayer {
  const outWeight = builder.weight(`${prefix}.out_proj.weight`);
  const passedBias = builder.add('MatMul', [outWeight, builder.weight(`${prefix}.v_proj.bias`)]);
  return {
    weight: builder.add('MatMul', [outWeight, builder.weight(`${prefix}.v_proj.weight`)]),
    bias: builder.add('Add', [passedBias, builder.weight(`${prefix}.out_proj.bias`)]),
  };
}
