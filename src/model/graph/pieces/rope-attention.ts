import type { GraphBuilder } from '../graph-builder.ts';
import { type Rotation, rotate } from './axial-rope.ts';
import { type LinearLayer, linear, linearBy } from './linear.ts';

/**
 * Self-attention with one head and rotary positions: x [batch, tokens, channels] -> the same shape. Weights are
 * `${prefix}.q_proj`, `k_proj`, `v_proj` and `out_proj`; queries and keys are rotated, values are not.
 */
export function ropeSelfAttention(
  builder: GraphBuilder,
  x: string,
  prefix: string,
  rotation: Rotation,
): string {
  const [channels = 0] = builder.weightShape(`${prefix}.q_proj.weight`);
  const queries = rotate(builder, linear(builder, x, `${prefix}.q_proj`), rotation, channels);
  const keys = rotate(builder, linear(builder, x, `${prefix}.k_proj`), rotation, channels);
  const values = linearBy(builder, x, valueToOutput(builder, prefix));
  return builder.add('com.microsoft:MultiHeadAttention', [queries, keys, values], { num_heads: 1 });
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
