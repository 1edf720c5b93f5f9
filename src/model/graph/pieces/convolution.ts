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
  return builder.add('Conv', [x, ...parameters(builder, prefix)], {
    kernel_shape: kernel,
    strides,
    pads,
    group,
  });
}

/**
 * Convolves backwards x [batch, in, rows, columns] with `${prefix}.weight` [in, out, height, width] whose strides
 * are its height and width, so that each pixel becomes a patch of its own: -> [batch, out, rows * height,
 * columns * width].
 */
export function transposedConvolution(builder: GraphBuilder, x: string, prefix: string): string {
  const kernel = builder.weightShape(`${prefix}.weight`).slice(2);
  return builder.add('ConvTranspose', [x, ...parameters(builder, prefix)], {
    kernel_shape: kernel,
    strides: kernel,
  });
}

function parameters(builder: GraphBuilder, prefix: string): string[] {
  const weight = builder.weight(`${prefix}.weight`);
  return builder.hasWeight(`${prefix}.bias`) ? [weight, builder.weight(`${prefix}.bias`)] : [weight];
}
