import type { GraphBuilder } from '../graph/graph-builder.ts';
import { type Rotation, rotate } from '../graph/pieces/axial-rope.ts';
import { linear, linearBy } from '../graph/pieces/linear.ts';
import { layerNorm } from '../graph/pieces/normalization.ts';
import { ropeSelfAttention } from '../graph/pieces/rope-attention.ts';
import type { MemoryTokens } from './memory-tokens.ts';

/** Of the layer normalisations of memory attention. */
export const normEpsilon = 1e-5;

/** x + self-attention(norm(x)): x [batch, tokens, channels] -> the same shape. */
export function addSelfAttention(
  builder: GraphBuilder,
  x: string,
  layer: string,
  rotation: Rotation,
): string {
  const normed = layerNorm(builder, x, `${layer}.norm1`, normEpsilon);
  return builder.add('Add', [x, ropeSelfAttention(builder, normed, `${layer}.self_attn`, rotation)]);
}

/**
 * Queries of a layer's attention to memories, with one more channel that is 1, which reads the keys' validity:
 * x [batch, tokens, channels] -> [batch, tokens, channels + 1].
 */
export function memoryQueries(builder: GraphBuilder, x: string, layer: string, rotation: Rotation): string {
  const normed = layerNorm(builder, x, `${layer}.norm2`, normEpsilon);
  const prefix = `${layer}.cross_attn_image.q_proj`;
  const [channels = 0] = builder.weightShape(`${prefix}.weight`);
  const nothing = builder.floats(new Float32Array(channels), [1, channels]);
  const weight = builder.add('Concat', [builder.weight(`${prefix}.weight`), nothing], { axis: 0 });
  const bias = builder.add('Concat', [builder.weight(`${prefix}.bias`), builder.floats([1])], { axis: 0 });
  return rotate(builder, linearBy(builder, normed, { weight, bias }), rotation, channels);
}

/**
 * x + attention to memories: x [objects, tokens, channels] -> the same shape.
 *
 * Values stay as narrow as memories are through the attention. The two linear layers after it, of values and of the
 * result, are multiplied into one; weights of attention add up to 1, so the values' bias passes through.
 *
 * @param queries from `memoryQueries`
 */
export function addMemories(
  builder: GraphBuilder,
  x: string,
  queries: string,
  memory: MemoryTokens,
  layer: string,
): string {
  const prefix = `${layer}.cross_attn_image`;
  const [channels = 0] = builder.weightShape(`${prefix}.k_proj.weight`);
  const scale = { float: 1 / Math.sqrt(channels) };
  const attended = builder.add(
    'com.microsoft:MultiHeadAttention',
    [queries, memoryKeys(builder, memory, `${prefix}.k_proj`), memory.values],
    { num_heads: 1, scale },
  );
  const outWeight = builder.weight(`${prefix}.out_proj.weight`);
  const weight = builder.add('MatMul', [outWeight, builder.weight(`${prefix}.v_proj.weight`)]);
  const passed = builder.add('MatMul', [outWeight, builder.weight(`${prefix}.v_proj.bias`)]);
  const bias = builder.add('Add', [passed, builder.weight(`${prefix}.out_proj.bias`)]);
  return builder.add('Add', [x, linearBy(builder, attended, { weight, bias })]);
}

/** The projection of keys, which leaves their last channel as it is. */
function memoryKeys(builder: GraphBuilder, { keys, rotation }: MemoryTokens, prefix: string): string {
  const [channels = 0, width = 0] = builder.weightShape(`${prefix}.weight`);
  const column = builder.floats(new Float32Array(channels), [channels, 1]);
  const wide = builder.add('Concat', [builder.weight(`${prefix}.weight`), column], { axis: 1 });
  const unit = builder.floats([...new Float32Array(width), 1], [1, width + 1]);
  const weight = builder.add('Concat', [wide, unit], { axis: 0 });
  const bias = builder.add('Concat', [builder.weight(`${prefix}.bias`), builder.floats([0])], { axis: 0 });
  return rotate(builder, linearBy(builder, keys, { weight, bias }), rotation, channels);
}

/** x + feed-forward(norm(x)): x [batch, tokens, channels] -> the same shape. */
export function addFeedForward(builder: GraphBuilder, x: string, layer: string): string {
  const normed = layerNorm(builder, x, `${layer}.norm3`, normEpsilon);
  const hidden = linear(builder, normed, `${layer}.linear1`, 'relu');
  return builder.add('Add', [x, linear(builder, hidden, `${layer}.linear2`)]);
}
