import type { GraphBuilder } from '../graph-builder.ts';
import { headAttention } from './head-attention.ts';
import { linear } from './linear.ts';

/** Tokens [batch, count, channels]; keys and values are of the same tokens, but may differ by a position code. */
export interface AttentionTokens {
  readonly query: string;
  readonly key: string;
  readonly value: string;
}

/** Names the projections of one attention: `q_proj`, `k_proj`, `v_proj` and `out_proj` under the prefix. */
export interface AttentionLayer {
  readonly prefix: string;
  readonly heads: number;
}

/** Multi-head attention (Vaswani et al. 2017): -> [batch, queries, channels]. Batches must be equal. */
export function attention(
  builder: GraphBuilder,
  { query, key, value }: AttentionTokens,
  { prefix, heads }: AttentionLayer,
): string {
  const [channels = 0] = builder.weightShape(`${prefix}.q_proj.weight`);
  const projected = {
    query: linear(builder, query, `${prefix}.q_proj`),
    key: linear(builder, key, `${prefix}.k_proj`),
    value: linear(builder, value, `${prefix}.v_proj`),
  };
  const mixed = headAttention(builder, projected, { heads, channels });
  return linear(builder, mixed, `${prefix}.out_proj`);
}

/**
 * Multi-head attention of few queries to many tokens: -> [batch, queries, channels]. Equals `attention`, but the many
 * tokens are never projected: their projections are applied to the queries before and to the means after. A batch
 * of one counts for all others.
 */
export function attentionToMany(
  builder: GraphBuilder,
  { query, key, value }: AttentionTokens,
  { prefix, heads }: AttentionLayer,
): string {
  const [inner = 0, channels = 0] = builder.weightShape(`${prefix}.v_proj.weight`);
  const width = inner / heads;
  const queries = splitHeads(builder, linear(builder, query, `${prefix}.q_proj`), heads, width);
  const scaled = scaleScores(builder, queries, width);
  // What the keys' bias adds is the same for all keys, which a softmax does not see.
  const perKey = builder.add('MatMul', [scaled, weightOfHeads(builder, `${prefix}.k_proj`, heads)]);
  const joined = builder.reshape(perKey, [0, -1, channels]);
  const scores = builder.add('MatMul', [joined, builder.transpose(key, [0, 2, 1])]);
  const means = builder.add('MatMul', [softmax(builder, scores), value]);
  const meansOfHeads = builder.reshape(means, [0, heads, -1, channels]);
  const projection = builder.transpose(weightOfHeads(builder, `${prefix}.v_proj`, heads), [0, 2, 1]);
  const bias = builder.reshape(builder.weight(`${prefix}.v_proj.bias`), [heads, 1, width]);
  const values = builder.add('Add', [builder.add('MatMul', [meansOfHeads, projection]), bias]);
  const mixed = builder.reshape(builder.transpose(values, [0, 2, 1, 3]), [0, 0, inner]);
  return linear(builder, mixed, `${prefix}.out_proj`);
}

/**
 * Multi-head attention of many queries to few tokens: -> [batch, queries, channels]. Equals `attention`, but the many
 * queries are never projected, nor are their results: both projections are applied to the few tokens. A batch of
 * one counts for all others.
 */
export function attentionToFew(
  builder: GraphBuilder,
  { query, key, value }: AttentionTokens,
  { prefix, heads }: AttentionLayer,
): string {
  const [inner = 0, channels = 0] = builder.weightShape(`${prefix}.q_proj.weight`);
  const width = inner / heads;
  const keys = splitHeads(builder, linear(builder, key, `${prefix}.k_proj`), heads, width);
  const scaled = scaleScores(builder, keys, width);
  const perQuery = builder.add('MatMul', [scaled, weightOfHeads(builder, `${prefix}.q_proj`, heads)]);
  const joined = builder.reshape(perQuery, [0, -1, channels]);
  const queryBias = builder.reshape(builder.weight(`${prefix}.q_proj.bias`), [heads, width, 1]);
  const perKey = builder.reshape(builder.add('MatMul', [scaled, queryBias]), [0, 1, -1]);
  const products = builder.add('MatMul', [query, builder.transpose(joined, [0, 2, 1])]);
  const scores = builder.reshape(builder.add('Add', [products, perKey]), [0, 0, heads, -1]);
  const shares = builder.reshape(softmax(builder, scores), [0, 0, -1]);
  const values = splitHeads(builder, linear(builder, value, `${prefix}.v_proj`), heads, width);
  const transposed = builder.transpose(builder.weight(`${prefix}.out_proj.weight`), [1, 0]);
  const projection = builder.reshape(transposed, [heads, width, channels]);
  const results = builder.reshape(builder.add('MatMul', [values, projection]), [0, -1, channels]);
  // The shares of each head add up to 1, so that its part of the bias may come with its values.
  const bias = builder.add('Div', [builder.weight(`${prefix}.out_proj.bias`), builder.floats([heads])]);
  return builder.add('MatMul', [shares, builder.add('Add', [results, bias])]);
}

/** [batch, count, heads * width] -> [batch, heads, count, width] */
function splitHeads(builder: GraphBuilder, tokens: string, heads: number, width: number): string {
  return builder.transpose(builder.reshape(tokens, [0, 0, heads, width]), [0, 2, 1, 3]);
}

/** Divides one side of the scores' products by the root of a head's width. */
function scaleScores(builder: GraphBuilder, tokens: string, width: number): string {
  return builder.add('Mul', [tokens, builder.floats([1 / Math.sqrt(width)])]);
}

/** A weight [heads * width, channels] as [heads, width, channels]. */
function weightOfHeads(builder: GraphBuilder, prefix: string, heads: number): string {
  const [inner = 0, channels = 0] = builder.weightShape(`${prefix}.weight`);
  return builder.reshape(builder.weight(`${prefix}.weight`), [heads, inner / heads, channels]);
}

/** Over the last axis, in float32. */
function softmax(builder: GraphBuilder, scores: string): string {
  return builder.fromSingle(builder.add('Softmax', [builder.toSingle(scores)], { axis: -1 }));
}
