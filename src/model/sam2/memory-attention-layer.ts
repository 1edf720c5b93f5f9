import type { GraphBuilder } from '../graph/graph-builder.ts';
import type { Rotation } from '../graph/pieces/axial-rope.ts';
import { layerNorm } from '../graph/pieces/normalization.ts';
import { ropeSelfAttention } from '../graph/pieces/rope-attention.ts';

/** Of the layer normalisations of memory attention. */
export const memoryNormEpsilon = 1e-5;

/** x + self-attention(norm(x)): x [batch, tokens, channels] -> the same shape. */
export function addSelfAttention(
  builder: GraphBuilder,
  x: string,
  layer: string,
  rotation: Rotation,
): string {
  const normed = layerNorm(builder, x, `${layer}.norm1`, memoryNormEpsilon);
  return builder.add('Add', [x, ropeSelfAttention(builder, normed, `${layer}.self_attn`, rotation)]);
}
