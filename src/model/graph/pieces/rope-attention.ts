import type { GraphBuilder } from '../graph-builder.ts';
import { type Rotation, rotate } from './axial-rope.ts';
import { linear } from './linear.ts';

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
  const values = linear(builder, x, `${prefix}.v_proj`);
  const attended = builder.add('com.microsoft:MultiHeadAttention', [queries, keys, values], { num_heads: 1 });
  return linear(builder, attended, `${prefix}.out_proj`);
}
