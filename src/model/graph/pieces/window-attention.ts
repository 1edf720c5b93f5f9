import type { GraphBuilder } from '../graph-builder.ts';
import { headAttention } from './head-attention.ts';
import { matrixProduct, transposedMatrix } from './matrix-product.ts';
import { rowProduct } from './row-product.ts';
import type { WindowGroup } from './window-order.ts';
import { joinHeadWindows, joinWindows, splitHeadWindows, splitWindows } from './window-rows.ts';

/** Self-attention within windows whose tokens lie together. */
export interface WindowAttention {
  readonly heads: number;
  /** Windows of one picture. */
  readonly groups: readonly WindowGroup[];
}

/**
 * Multi-head self-attention (Vaswani et al. 2017) within windows, up to what `attentionProjection` does: rows
 * [pictures * tokens, in] in window order -> [pictures * tokens, out]. `${prefix}.qkv` stacks the weights of queries,
 * keys and values.
 *
 * A window that the picture's border cuts is filled up with zero rows, which are attended to. Three identities spare
 * work. A bias of the keys shifts all scores of a query alike, which softmax does not see. Weights of a softmax add up
 * to 1, so the values' bias can wait for the projection. And without these biases the rows that fill a window are zero
 * keys and values, so that one of them, counted as often as there are, stands for all.
 */
export function windowAttention(
  builder: GraphBuilder,
  rows: string,
  prefix: string,
  { heads, groups }: WindowAttention,
): string {
  if (heads === 1) return singleHeadAttention(builder, rows, prefix, groups);
  const weights = stackedWeights(builder, prefix);
  const { channels } = weights;
  const windowsOf = (weight: string, bias?: string) =>
    splitWindows(builder, rowProduct(builder, rows, weight, bias), channels, groups);
  const queries = windowsOf(weights.query, weights.queryBias);
  const keys = windowsOf(weights.key);
  const values = windowsOf(weights.value);
  const attended = queries.map(({ group, rows: q }, at) => {
    const [key = '', value = ''] = [keys, values].map((windows) =>
      fill(builder, windows[at]?.rows ?? '', group),
    );
    const bias = group.missing > 0 ? { keyBias: fillBias(group) } : {};
    const options = { heads, channels, queries: group.tokens, ...bias };
    return { group, rows: headAttention(builder, { query: q, key, value }, options) };
  });
  return joinWindows(builder, attended, channels);
}

/**
 * With a single head, what maps to keys can be applied to queries instead, (Q x)ᵀ (K y) = (Kᵀ Q x)ᵀ y, and what maps to
 * values after the sum over tokens: rows attend to rows, and half of the products are left.
 */
function singleHeadAttention(
  builder: GraphBuilder,
  rows: string,
  prefix: string,
  groups: readonly WindowGroup[],
): string {
  const { channels, inputs } = stackedSizes(builder, prefix);
  const stacked = builder.weightValues(`${prefix}.qkv.weight`);
  const scale = channels ** -0.5;
  const query = stacked.subarray(0, channels * inputs).map((weight) => weight * scale);
  const queryBias = builder.weightValues(`${prefix}.qkv.bias`).subarray(0, channels);
  const keyToRow = transposedMatrix(stacked.subarray(channels * inputs, 2 * channels * inputs), inputs);
  const weights = builder.floats(matrixProduct(keyToRow, query, channels), [inputs, inputs]);
  const bias = matrixProduct(keyToRow, queryBias, channels).map((value) => value * scale);
  const queries = rowProduct(builder, rows, weights, builder.floats(bias));
  const tokens = splitWindows(builder, rows, inputs, groups);
  const attended = splitWindows(builder, queries, inputs, groups).map(({ group, rows: q }, at) => {
    const filled = fill(builder, tokens[at]?.rows ?? '', group);
    return { group, rows: attendPlainly(builder, q, filled, group) };
  });
  return joinWindows(builder, attended, inputs);
}

/**
 * Like `windowAttention`, with queries that are the maximum over four tokens each: rows [pictures * tokens, in]
 * -> [pictures * tokens / 4, out].
 *
 * Queries are few. So each head's map to keys is applied to them instead of to all tokens, q (W x)ᵀ = (q W) xᵀ, and
 * that to values after the sum over tokens. All heads then attend to the same rows, as more queries of one product.
 */
export function pooledWindowAttention(
  builder: GraphBuilder,
  rows: string,
  prefix: string,
  { heads, groups }: WindowAttention,
): string {
  const { channels, inputs, query, queryBias } = stackedWeights(builder, prefix);
  const headChannels = channels / heads;
  const mapsFrom = (first: number) =>
    builder.weightRows(`${prefix}.qkv.weight`, first, first + channels, [heads, headChannels, inputs]);

  const largest = maximumOfFour(builder, rowProduct(builder, rows, query), channels);
  const pooled = builder.reshape(builder.add('Add', [largest, queryBias]), [-1, heads, headChannels]);
  const mapped = builder.add('MatMul', [builder.transpose(pooled, [1, 0, 2]), mapsFrom(channels)]);
  const scaled = builder.add('Mul', [mapped, builder.floats([headChannels ** -0.5], [])]);
  const pooledGroups = groups.map((group) => ({ ...group, tokens: group.tokens / 4 }));
  const queries = splitHeadWindows(builder, scaled, heads, inputs, pooledGroups);
  const tokens = splitWindows(builder, rows, inputs, groups);
  const attended = pooledGroups.map((group, at) => {
    const { rows: q = '' } = queries[at] ?? {};
    const { rows: windows = '', group: whole = group } = tokens[at] ?? {};
    const filled = fill(builder, windows, whole);
    return { group, rows: attendPlainly(builder, q, filled, whole) };
  });
  const sums = joinHeadWindows(builder, attended, heads, inputs);
  const valueMaps = builder.transpose(mapsFrom(2 * channels), [0, 2, 1]);
  const valued = builder.transpose(builder.add('MatMul', [sums, valueMaps]), [1, 0, 2]);
  return builder.reshape(valued, [-1, channels]);
}

/**
 * The projection `${prefix}.proj` after `windowAttention` or `pooledWindowAttention`, whose rows [n, channels] it takes
 * -> [n, channels]. It also does what these leave to it: adds the values' bias, and for a single head maps to values.
 */
export function attentionProjection(
  builder: GraphBuilder,
  rows: string,
  prefix: string,
  { heads }: WindowAttention,
): string {
  const key = `${prefix}.proj.weight`;
  const { channels, inputs } = stackedSizes(builder, prefix);
  const projection = builder.weightValues(key);
  const passed = matrixProduct(
    projection,
    builder.weightValues(`${prefix}.qkv.bias`).subarray(2 * channels),
    channels,
  );
  const bias = builder.weightValues(`${prefix}.proj.bias`).map((value, at) => value + (passed[at] as number));
  if (heads > 1) return rowProduct(builder, rows, builder.weight(key), builder.floats(bias));
  const toValues = builder.weightValues(`${prefix}.qkv.weight`).subarray(2 * channels * inputs);
  const joined = builder.floats(matrixProduct(projection, toValues, channels), [channels, inputs]);
  return rowProduct(builder, rows, joined, builder.floats(bias));
}

/** Rows [n, channels] to [n / 4, channels]: the largest of four in each channel. */
export function maximumOfFour(builder: GraphBuilder, rows: string, channels: number): string {
  const quads = builder.reshape(rows, [-1, 4, channels]);
  return builder.add('ReduceMax', [quads, builder.integers([1])], { keepdims: 0 });
}

function stackedSizes(builder: GraphBuilder, prefix: string): { channels: number; inputs: number } {
  const [stacked = 0, inputs = 0] = builder.weightShape(`${prefix}.qkv.weight`);
  return { channels: stacked / 3, inputs };
}

function stackedWeights(builder: GraphBuilder, prefix: string) {
  const sizes = stackedSizes(builder, prefix);
  const { channels } = sizes;
  const part = (index: number) =>
    builder.weightRows(`${prefix}.qkv.weight`, index * channels, (index + 1) * channels);
  const queryBias = builder.weightRows(`${prefix}.qkv.bias`, 0, channels);
  return { ...sizes, query: part(0), key: part(1), value: part(2), queryBias };
}

/** Scaled queries [windows, n, channels] attend to tokens [windows, tokens, channels] themselves -> as the queries. */
function attendPlainly(builder: GraphBuilder, queries: string, tokens: string, group: WindowGroup): string {
  const scores = builder.toSingle(builder.add('MatMul', [queries, builder.transpose(tokens, [0, 2, 1])]));
  const counted = group.missing > 0 ? builder.add('Add', [scores, builder.singles(fillBias(group))]) : scores;
  const weights = builder.fromSingle(builder.add('Softmax', [counted], { axis: -1 }));
  return builder.add('MatMul', [weights, tokens]);
}

/** Appends the zero row that stands for all tokens that windows lack. */
function fill(builder: GraphBuilder, rows: string, { missing }: WindowGroup): string {
  return missing === 0 ? rows : builder.add('Pad', [rows, builder.integers([0, 0, 0, 0, 1, 0])]);
}

/** Added to a query's scores: makes the last count as often as windows lack tokens. */
function fillBias({ tokens, missing }: WindowGroup): number[] {
  return [...new Array<number>(tokens).fill(0), Math.log(missing)];
}
