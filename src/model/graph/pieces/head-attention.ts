import type { GraphBuilder } from '../graph-builder.ts';

/**
 * Queries that are compared with all keys at a time, at most. Where an operator holds all scores at once, they take
 * gigabytes, and buffers of WebGPU may end at 128 MiB.
 */
export const queriesAtOnce = 1024;

/** Projected tokens [batch, count, channels], heads side by side. */
export interface ProjectedTokens {
  readonly query: string;
  readonly key: string;
  readonly value: string;
}

export interface AttentionHeads {
  readonly heads: number;
  /** Of queries and keys. */
  readonly channels: number;
  /** Queries of each of the batch, where the graph knows their number. */
  readonly queries?: number;
  /** Added to the scores of each key; only where the number of queries is known. */
  readonly keyBias?: readonly number[];
}

/**
 * What all queries of several heads find in the values: softmax(query key^T / sqrt(width) + bias) value, [batch,
 * queries, channels of the values].
 *
 * For WebGPU without ONNX Runtime's operator: on Vulkan, the kernel that version 1.30 has for 32 queries and more, on
 * cards other than NVIDIA's, acts as if each block of keys began with what the block before left in its accumulators,
 * which are declared within a loop and given no value.
 */
export function headAttention(builder: GraphBuilder, tokens: ProjectedTokens, heads: AttentionHeads): string {
  if (builder.target === 'webgpu') return plainAttention(builder, tokens, heads);
  const inputs = [tokens.query, tokens.key, tokens.value];
  const { keyBias, queries = 0 } = heads;
  if (keyBias !== undefined) {
    const rows = Array.from({ length: queries }, () => keyBias).flat();
    inputs.push('', '', builder.floats(rows, [1, 1, queries, keyBias.length]));
  }
  return builder.add('com.microsoft:MultiHeadAttention', inputs, { num_heads: heads.heads });
}

/**
 * Calls `attend` with some of the queries [batch, queries, channels] at a time, and joins what it makes of them along the
 * same axis, the last but one.
 *
 * @param queries of each of the batch
 */
export function attendInParts(
  builder: GraphBuilder,
  query: string,
  queries: number,
  axis: number,
  attend: (part: string) => string,
): string {
  const parts = Math.ceil(queries / queriesAtOnce);
  if (parts <= 1) return attend(query);
  const split = builder.addMany('Split', [query], { axis, num_outputs: parts }, parts);
  return builder.add('Concat', split.map(attend), { axis });
}

function plainAttention(
  builder: GraphBuilder,
  { query, key, value }: ProjectedTokens,
  { heads, channels, queries = 0, keyBias }: AttentionHeads,
): string {
  const width = channels / heads;
  const ofHeads = (tokens: string, order: readonly number[]) =>
    builder.transpose(builder.reshape(tokens, [0, 0, heads, -1]), order);
  const scaled = builder.add('Mul', [ofHeads(query, [0, 2, 1, 3]), builder.floats([width ** -0.5], [])]);
  const keys = ofHeads(key, [0, 2, 3, 1]);
  const values = ofHeads(value, [0, 2, 1, 3]);
  const found = attendInParts(builder, scaled, queries, 2, (part) => {
    const scores = builder.toSingle(builder.add('MatMul', [part, keys]));
    const biased = keyBias === undefined ? scores : builder.add('Add', [scores, builder.singles(keyBias)]);
    const shares = builder.fromSingle(builder.add('Softmax', [biased], { axis: -1 }));
    return builder.add('MatMul', [shares, values]);
  });
  const sideBySide = builder.transpose(found, [0, 2, 1, 3]);
  return builder.reshape(sideBySide, [0, 0, channels]);
}
