import type { GraphBuilder } from '../graph-builder.ts';
import { type Activation, activate } from './activation.ts';
import { rowProduct } from './row-product.ts';

/**
 * A linear layer over the last axis: x [.., in] -> [.., out], any rank from 1 on, with the checkpoint's
 * `${prefix}.weight` [out, in] and, where it has one, `${prefix}.bias` [out]. The weight may also be that of a 1 x 1
 * convolution, [out, in, 1, 1], which is the same for channels last.
 *
 * @param activation applied to the result; ONNX Runtime then computes ReLU within the product
 * @throws TrackcastError TRACKCAST_MODEL_INVALID when the checkpoint lacks the weight
 */
export function linear(builder: GraphBuilder, x: string, prefix: string, activation?: Activation): string {
  return linearBy(builder, x, linearLayer(builder, prefix), activation);
}

/** Values of a layer's weight [out, in] and, if it has one, bias [out]. */
export interface LinearLayer {
  readonly weight: string;
  readonly bias?: string;
}

/** As `linear`, for a layer that is not stored as such in the checkpoint. */
export function linearBy(
  builder: GraphBuilder,
  x: string,
  layer: LinearLayer,
  activation?: Activation,
): string {
  return overRows(builder, x, (rows) => {
    const product = rowProduct(builder, rows, layer.weight, layer.bias);
    return activation === undefined ? product : activate(builder, product, activation);
  });
}

/** The layer that is stored under a prefix, without copying it. */
export function linearLayer(builder: GraphBuilder, prefix: string): LinearLayer {
  const key = `${prefix}.weight`;
  const [outputs = 0, inputs = 0, ...kernel] = builder.weightShape(key);
  const stored = builder.weight(key);
  const weight = kernel.length === 0 ? stored : builder.reshape(stored, [outputs, inputs]);
  const bias = `${prefix}.bias`;
  return builder.hasWeight(bias) ? { weight, bias: builder.weight(bias) } : { weight };
}

/**
 * Linear layers `${prefix}.layers.0` and so on, with `activation` between them and none after the last:
 * x [.., in] -> [.., out].
 *
 * @param count how many there are
 * @throws TrackcastError TRACKCAST_MODEL_INVALID when the checkpoint lacks one of them
 */
export function mlp(
  builder: GraphBuilder,
  x: string,
  prefix: string,
  count: number,
  activation: Activation,
): string {
  const layers = Array.from({ length: count }, (_, at) => linearLayer(builder, `${prefix}.layers.${at}`));
  return layersInTurn(builder, x, layers, activation);
}

/** Linear layers with `activation` between them and none after the last: x [.., in] -> [.., out]. */
export function layersInTurn(
  builder: GraphBuilder,
  x: string,
  layers: readonly LinearLayer[],
  activation: Activation,
): string {
  return overRows(builder, x, (rows) =>
    layers.reduce((hidden, layer, at) => {
      const product = rowProduct(builder, hidden, layer.weight, layer.bias);
      return at < layers.length - 1 ? activate(builder, product, activation) : product;
    }, rows),
  );
}

/** Lets `layer` see all axes but the last as one: rows [n, in] -> [n, out], and restores them. */
function overRows(builder: GraphBuilder, x: string, layer: (rows: string) => string): string {
  const outer = builder.add('Shape', [x], { start: 0, end: -1 });
  const width = builder.add('Shape', [x], { start: -1 });
  const rows = builder.add('Reshape', [
    x,
    builder.add('Concat', [builder.integers([-1]), width], { axis: 0 }),
  ]);
  const shape = builder.add('Concat', [outer, builder.integers([-1])], { axis: 0 });
  return builder.add('Reshape', [layer(rows), shape]);
}
