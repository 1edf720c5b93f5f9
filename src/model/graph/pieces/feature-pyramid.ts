import type { GraphBuilder } from '../graph-builder.ts';
import { matrixProduct } from './matrix-product.ts';
import { rowProduct } from './row-product.ts';

/** A 1x1 convolution of rows [n, in] -> [n, out]; `${prefix}.weight` is [out, in, 1, 1]. */
export function pointwiseConvolution(builder: GraphBuilder, rows: string, prefix: string): string {
  const key = `${prefix}.weight`;
  const [outputs = 0, inputs = 0] = builder.weightShape(key);
  const weight = builder.weightRows(key, 0, outputs, [outputs, inputs]);
  return rowProduct(builder, rows, weight, builder.weight(`${prefix}.bias`));
}

/**
 * Two 1x1 convolutions, one after the other, as a single one: rows [n, in] -> [n, out]. Nothing but linear maps, so
 * their product does the same, and is much smaller than what it saves.
 */
export function joinedConvolutions(
  builder: GraphBuilder,
  rows: string,
  firstPrefix: string,
  secondPrefix: string,
): string {
  const [outputs = 0, between = 0] = builder.weightShape(`${secondPrefix}.weight`);
  const [, inputs = 0] = builder.weightShape(`${firstPrefix}.weight`);
  const second = builder.weightValues(`${secondPrefix}.weight`);
  const weights = matrixProduct(second, builder.weightValues(`${firstPrefix}.weight`), between);
  const passed = matrixProduct(second, builder.weightValues(`${firstPrefix}.bias`), between);
  const bias = builder
    .weightValues(`${secondPrefix}.bias`)
    .map((value, at) => value + (passed[at] as number));
  return rowProduct(builder, rows, builder.floats(weights, [outputs, inputs]), builder.floats(bias));
}

/**
 * Adds each coarse row to the four finer ones that it covers and that lie together, which is upsampling to the
 * nearest: fine [4 n, channels] and coarse [n, channels] -> [4 n, channels].
 */
export function addToQuads(builder: GraphBuilder, fine: string, coarse: string, channels: number): string {
  const quads = builder.reshape(fine, [-1, 4, channels]);
  const sums = builder.add('Add', [quads, builder.reshape(coarse, [-1, 1, channels])]);
  return builder.reshape(sums, [-1, channels]);
}
