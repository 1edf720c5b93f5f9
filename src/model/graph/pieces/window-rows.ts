import type { GraphBuilder } from '../graph-builder.ts';
import type { WindowGroup } from './window-order.ts';

/** Rows [pictures * tokens, channels] in window order -> per group [pictures * windows, tokens, channels]. */
export function splitWindows(
  builder: GraphBuilder,
  rows: string,
  channels: number,
  groups: readonly WindowGroup[],
): WindowRows[] {
  const parts = splitTokens(builder, rows, [-1], channels, groups);
  return groups.map((group, at) => ({
    group,
    rows: builder.reshape(parts[at] as string, [-1, group.tokens, channels]),
  }));
}

/** The windows of a group, [windows of all pictures, rows of each, channels]. */
export interface WindowRows {
  readonly group: WindowGroup;
  readonly rows: string;
}

/** The inverse of `splitWindows`. */
export function joinWindows(builder: GraphBuilder, windows: readonly WindowRows[], channels: number): string {
  return joinTokens(builder, windows, [-1], channels);
}

/**
 * Rows per head [heads, pictures * tokens, channels] -> per group [pictures * windows, heads * tokens, channels]:
 * in each window the rows of one head after those of another.
 */
export function splitHeadWindows(
  builder: GraphBuilder,
  rows: string,
  heads: number,
  channels: number,
  groups: readonly WindowGroup[],
): WindowRows[] {
  const parts = splitTokens(builder, rows, [heads, -1], channels, groups);
  return groups.map((group, at) => {
    const windows = builder.reshape(parts[at] as string, [heads, -1, group.tokens * channels]);
    const stacked = builder.reshape(builder.transpose(windows, [1, 0, 2]), [
      -1,
      heads * group.tokens,
      channels,
    ]);
    return { group, rows: stacked };
  });
}

/** The inverse of `splitHeadWindows`. */
export function joinHeadWindows(
  builder: GraphBuilder,
  windows: readonly WindowRows[],
  heads: number,
  channels: number,
): string {
  const parts = windows.map(({ group, rows }) => {
    const stacked = builder.reshape(rows, [-1, heads, group.tokens * channels]);
    return { group, rows: builder.transpose(stacked, [1, 0, 2]) };
  });
  return joinTokens(builder, parts, [heads, -1], channels);
}

/** Cuts `[...outer, tokens, channels]`, the last of `outer` being the pictures, into what belongs to each group. */
function splitTokens(
  builder: GraphBuilder,
  value: string,
  outer: readonly number[],
  channels: number,
  groups: readonly WindowGroup[],
): readonly string[] {
  if (groups.length === 1) return [value];
  const counts = groups.map(tokensOf);
  const all = counts.reduce((sum, count) => sum + count, 0);
  const pictures = builder.reshape(value, [...outer, all, channels]);
  return builder.addMany(
    'Split',
    [pictures, builder.integers(counts)],
    { axis: outer.length },
    counts.length,
  );
}

/** The inverse of `splitTokens`: -> `[...outer, channels]`, the last of `outer` being the tokens of all pictures. */
function joinTokens(
  builder: GraphBuilder,
  parts: readonly WindowRows[],
  outer: readonly number[],
  channels: number,
): string {
  const shape = [...outer, channels];
  const [only] = parts;
  if (parts.length === 1 && only !== undefined) return builder.reshape(only.rows, shape);
  const pictures = parts.map(({ group, rows }) =>
    builder.reshape(rows, [...outer, tokensOf(group), channels]),
  );
  return builder.reshape(builder.add('Concat', pictures, { axis: outer.length }), shape);
}

function tokensOf({ windows, tokens }: WindowGroup): number {
  return windows * tokens;
}
