import type { GraphBuilder } from '../graph-builder.ts';

/** As in ONNX. */
export interface ConvolutionOptions {
  /** Steps along rows and columns; 1 by default. */
  readonly strides?: readonly [number, number];
  /** Zeros around the picture: top, left, bottom, right; none by default. */
  readonly pads?: readonly [number, number, number, number];
  /** Groups of channels that do not see each other; 1 by default. */
  readonly group?: number;
}

/**
 * Convolves x [batch, in, rows, columns] with `${prefix}.weight` [out, in / group, height, width] and, where the
 * checkpoint has one, `${prefix}.bias` [out]: -> [batch, out, rows', columns'].
 */
export function convolution(
  builder: GraphBuilder,
  x: string,
  prefix: string,
  options: ConvolutionOptions = {},
): string {
  const { strides = [1, 1], pads = [0, 0, 0, 0], group = 1 } = options;
  const kernel = builder.weightShape(`${prefix}.weight`).slice(2);
  const weight = builder.weight(`${prefix}.weight`);
  const bias = builder.hasWeight(`${prefix}.bias`) ? [builder.weight(`${prefix}.bias`)] : [];
  return builder.add('Conv', [x, weight, ...bias], {
    kernel_shape: kernel,
    strides,
    pads,
    group,
  });
}
