import type { GraphBuilder } from '../graph-builder.ts';
import type { Activation } from './activation.ts';
import { type LinearLayer, layersInTurn } from './linear.ts';

/** Of so many tokens, some thousand hidden channels fit into a processor's second cache. */
const tokensAtOnce = 512;

/**
 * Two linear layers with an activation between them: tokens [batch, count, in] -> [batch, count, out]. On processors
 * slices of the tokens take turns, so that the wide layer between stays in the cache: it is a tenth quicker.
 *
 * @param count tokens of each of the batch
 */
export function feedForward(
  builder: GraphBuilder,
  tokens: string,
  count: number,
  layers: readonly [LinearLayer, LinearLayer],
  activation: Activation,
): string {
  const slices = builder.computesInSlices ? slicesOf(count) : 1;
  if (slices === 1) return layersInTurn(builder, tokens, layers, activation);
  const results = builder
    .addMany('Split', [tokens], { axis: 1, num_outputs: slices }, slices)
    .map((slice) => layersInTurn(builder, slice, layers, activation));
  return builder.add('Concat', results, { axis: 1 });
}

/** The most equal slices that are not too small for quick products. */
function slicesOf(count: number): number {
  let slices = Math.max(1, Math.floor(count / tokensAtOnce));
  while (count % slices !== 0) slices--;
  return slices;
}
