import type { GraphBuilder } from '../graph/graph-builder.ts';
import { type Rotation, rotate } from '../graph/pieces/axial-rope.ts';
import { attendInParts } from '../graph/pieces/head-attention.ts';
import { linear, linearBy } from '../graph/pieces/linear.ts';
import { layerNorm } from '../graph/pieces/normalization.ts';
import { ropeSelfAttention, valueToOutput } from '../graph/pieces/rope-attention.ts';
import type { MemoryTokens } from './memory-tokens.ts';

/** Of the layer normalisations of memory attention. */
export const normEpsilon = 1e-5;

/**
 * Most tokens that pass through a feed-forward network at a time: with the published 2048 hidden channels, what lies
 * between its two layers takes two megabytes, which stay in a processor core's cache.
 */
const largestSlice = 256;

/**
 * x + self-attention(norm(x)): x [batch, tokens, channels] -> the same shape.
 *
 * @param tokens of each of the batch
 */
export function addSelfAttention(
  builder: GraphBuilder,
  x: string,
  layer: string,
  rotation: Rotation,
  tokens: number,
): string {
  const normed = layerNorm(builder, x, `${layer}.norm1`, normEpsilon);
  const attended = ropeSelfAttention(builder, normed, `${layer}.self_attn`, rotation, tokens);
  return builder.add('Add', [x, attended]);
}

/**
 * Queries of a layer's attention to memories: x [batch, tokens, channels] -> [batch, tokens, channels + extra]. Extra
 * channels are 1: they read the validity of keys.
 *
 * @param extra int64 [1], 0 or 1
 */
export function memoryQueries(
  builder: GraphBuilder,
  x: string,
  layer: string,
  rotation: Rotation,
  extra: string,
): string {
  const normed = layerNorm(builder, x, `${layer}.norm2`, normEpsilon);
  const prefix = `${layer}.cross_attn_image.q_proj`;
  const [channels = 0] = builder.weightShape(`${prefix}.weight`);
  const widths = builder.add('Concat', [extra, builder.integers([channels])], { axis: 0 });
  const weight = [builder.weight(`${prefix}.weight`), filled(builder, 0, widths)];
  const bias = [builder.weight(`${prefix}.bias`), filled(builder, 1, extra)];
  const queries = linearBy(builder, normed, {
    weight: builder.add('Concat', weight, { axis: 0 }),
    bias: builder.add('Concat', bias, { axis: 0 }),
  });
  return rotate(builder, queries, rotation, channels);
}

/**
 * Attention to memories: -> [objects, tokens, memory channels]. Values stay as narrow as memories are; what is made of
 * them comes after, in `finishLayer`.
 *
 * @param queries from `memoryQueries`
 * @param tokens of the queries of one object
 */
export function attendToMemories(
  builder: GraphBuilder,
  queries: string,
  memory: MemoryTokens,
  layer: string,
  tokens: number,
): string {
  const prefix = `${layer}.cross_attn_image.k_proj`;
  const [channels = 0] = builder.weightShape(`${prefix}.weight`);
  const attributes = { num_heads: 1, scale: { float: channels ** -0.5 } };
  const keys = projectKeys(builder, memory, prefix);
  const attend = (part: string) =>
    builder.add('com.microsoft:MultiHeadAttention', [part, keys, memory.values], attributes);
  // With values of another width than keys, ONNX Runtime has a kernel on WebGPU that is right, and holds all scores.
  return builder.target === 'webgpu' ? attendInParts(builder, queries, tokens, 1, attend) : attend(queries);
}

/** The projection of keys, which leaves extra channels as they are. */
function projectKeys(builder: GraphBuilder, { keys, extra, rotation }: MemoryTokens, prefix: string): string {
  const [channels = 0, width = 0] = builder.weightShape(`${prefix}.weight`);
  const beside = builder.add('Concat', [builder.integers([channels]), extra], { axis: 0 });
  const below = builder.add('Concat', [extra, builder.integers([width])], { axis: 0 });
  const corner = builder.add('Concat', [extra, extra], { axis: 0 });
  const stored = [builder.weight(`${prefix}.weight`), filled(builder, 0, beside)];
  const added = [filled(builder, 0, below), filled(builder, 1, corner)];
  const rows = [stored, added].map((row) => builder.add('Concat', row, { axis: 1 }));
  const bias = [builder.weight(`${prefix}.bias`), filled(builder, 0, extra)];
  const projected = linearBy(builder, keys, {
    weight: builder.add('Concat', rows, { axis: 0 }),
    bias: builder.add('Concat', bias, { axis: 0 }),
  });
  return rotate(builder, projected, rotation, channels);
}

function filled(builder: GraphBuilder, value: number, shape: string): string {
  return builder.add('Expand', [builder.floats([value], []), shape]);
}

/**
 * What a layer does after its attention to memories: adds what was attended to, then a feed-forward network's answer.
 * x [batch, tokens, channels] -> the same shape.
 *
 * On processors tokens pass through in slices.
 *
 * @param attended from `attendToMemories`
 * @param tokens of one object
 */
export function finishLayer(
  builder: GraphBuilder,
  x: string,
  attended: string,
  layer: string,
  tokens: number,
): string {
  const projected = linearBy(builder, attended, valueToOutput(builder, `${layer}.cross_attn_image`));
  if (!builder.computesInSlices) return addAndFeedForward(builder, x, projected, layer);
  const [channels = 0] = builder.weightShape(`${layer}.linear2.weight`);
  const slices = [-1, sliceOf(tokens), channels];
  const [finished = ''] = builder.forEachSlice(
    [builder.reshape(x, slices), builder.reshape(projected, slices)],
    (inner, [slice = '', addend = '']) => [addAndFeedForward(inner, slice, addend, layer)],
  );
  return builder.reshape(finished, [-1, tokens, channels]);
}

function addAndFeedForward(builder: GraphBuilder, x: string, addend: string, layer: string): string {
  const sum = builder.add('Add', [x, addend]);
  const normed = layerNorm(builder, sum, `${layer}.norm3`, normEpsilon);
  const hidden = linear(builder, normed, `${layer}.linear1`, 'relu');
  return builder.add('Add', [sum, linear(builder, hidden, `${layer}.linear2`)]);
}

/** The largest divisor of a number of tokens that makes a good slice. */
function sliceOf(tokens: number): number {
  let slice = Math.min(tokens, largestSlice);
  while (tokens % slice !== 0) slice--;
  return slice;
}
