import type { GraphBuilder } from '../graph-builder.ts';
import { gelu } from './activation.ts';
import { layerNorm } from './normalization.ts';
import { rowProduct } from './row-product.ts';
import {
  attentionProjection,
  maximumOfFour,
  pooledWindowAttention,
  type WindowAttention,
  windowAttention,
} from './window-attention.ts';

const normEpsilon = 1e-6;

export interface HieraBlock extends WindowAttention {
  /** Whether 2x2 tokens become one, with other channels. */
  readonly pooled: boolean;
  /** Rows that pass at once through what follows attention, a divisor of a picture's; null for all of them. */
  readonly sliceRows: number | null;
}

/**
 * A block of Hiera (Ryali et al. 2023) as SAM 2 changed it: rows [pictures * tokens, in] in window order
 * -> [pictures * tokens, out], or a quarter of the rows where it pools.
 */
export function hieraBlock(builder: GraphBuilder, rows: string, prefix: string, block: HieraBlock): string {
  const normed = layerNorm(builder, rows, `${prefix}.norm1`, normEpsilon);
  const attention = block.pooled ? pooledWindowAttention : windowAttention;
  const attended = attention(builder, normed, `${prefix}.attn`, block);
  // The way around pooling attention begins after the normalisation, that around other attention before it.
  const shortcut = block.pooled ? pooledShortcut(builder, normed, `${prefix}.proj`) : rows;
  if (block.sliceRows === null) return afterAttention(builder, attended, shortcut, prefix, block);
  const [channels = 0] = builder.weightShape(`${prefix}.attn.proj.bias`);
  const slices = [attended, shortcut].map((value) =>
    builder.reshape(value, [-1, block.sliceRows ?? 0, channels]),
  );
  const [result = ''] = builder.forEachSlice(slices, (inner, [a = '', s = '']) => [
    afterAttention(inner, a, s, prefix, block),
  ]);
  return builder.reshape(result, [-1, channels]);
}

function pooledShortcut(builder: GraphBuilder, normed: string, prefix: string): string {
  const [channels = 0] = builder.weightShape(`${prefix}.weight`);
  const projected = rowProduct(builder, normed, builder.weight(`${prefix}.weight`));
  // The maximum does not mind when the bias is added, and there are fewer rows after it.
  return builder.add('Add', [maximumOfFour(builder, projected, channels), builder.weight(`${prefix}.bias`)]);
}

function afterAttention(
  builder: GraphBuilder,
  attended: string,
  shortcut: string,
  prefix: string,
  block: HieraBlock,
): string {
  const projected = attentionProjection(builder, attended, `${prefix}.attn`, block);
  const rows = builder.add('Add', [shortcut, projected]);
  const layer = (at: number, input: string) => {
    const key = `${prefix}.mlp.layers.${at}`;
    return rowProduct(builder, input, builder.weight(`${key}.weight`), builder.weight(`${key}.bias`));
  };
  const normed = layerNorm(builder, rows, `${prefix}.norm2`, normEpsilon);
  return builder.add('Add', [rows, layer(1, gelu(builder, layer(0, normed)))]);
}
