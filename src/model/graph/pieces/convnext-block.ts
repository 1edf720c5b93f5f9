import type { GraphBuilder } from '../graph-builder.ts';
import { convolution } from './convolution.ts';
import { type LinearLayer, linear, linearBy, linearLayer } from './linear.ts';
import { layerNorm } from './normalization.ts';

/** Of the published block's normalisation. */
const epsilon = 1e-6;

/**
 * A ConvNeXt block (Liu et al. 2022, figure 4) with layer scale: tokens [batch, side^2, channels], row-major -> the
 * same shape. A depthwise convolution of 7 x 7, normalisation, two linear layers with GELU between them, `gamma`, and
 * the input added.
 *
 * @param prefix of the published `CXBlock`
 */
export function convNextBlock(builder: GraphBuilder, tokens: string, prefix: string, side: number): string {
  const hidden = hiddenTokens(builder, tokens, prefix, side);
  return builder.add('Add', [tokens, linearBy(builder, hidden, scaledLayer(builder, prefix))]);
}

/**
 * A ConvNeXt block of whose result only a linear layer is wanted: tokens [batch, side^2, channels] ->
 * [batch, side^2, out]. Equals `linear(convNextBlock(tokens))`, but computes the block's last layer and that one as
 * one, which is much quicker when `out` is small.
 *
 * @param output prefix of the linear layer
 */
export function convNextBlockInto(
  builder: GraphBuilder,
  tokens: string,
  prefix: string,
  side: number,
  output: string,
): string {
  const hidden = hiddenTokens(builder, tokens, prefix, side);
  const last = scaledLayer(builder, prefix);
  const { weight: projection } = linearLayer(builder, output);
  // Products of constants: a session computes them once, when it opens.
  const joined = {
    weight: builder.add('MatMul', [projection, last.weight]),
    bias: builder.add('MatMul', [projection, last.bias]),
  };
  return builder.add('Add', [linear(builder, tokens, output), linearBy(builder, hidden, joined)]);
}

/** All but the block's last linear layer: tokens [batch, side^2, channels] -> [batch, side^2, hidden]. */
function hiddenTokens(builder: GraphBuilder, tokens: string, prefix: string, side: number): string {
  const [channels = 0, , kernel = 0] = builder.weightShape(`${prefix}.dwconv.weight`);
  const picture = builder.transpose(builder.reshape(tokens, [0, side, side, channels]), [0, 3, 1, 2]);
  const around = (kernel - 1) / 2;
  const options = { pads: [around, around, around, around], group: channels } as const;
  const mixed = convolution(builder, picture, `${prefix}.dwconv`, options);
  const channelsLast = builder.transpose(mixed, [0, 2, 3, 1]);
  const mixedTokens = builder.reshape(channelsLast, [0, side * side, channels]);
  const normalized = layerNorm(builder, mixedTokens, `${prefix}.norm`, epsilon);
  return linear(builder, normalized, `${prefix}.pwconv1`, 'gelu');
}

/** The block's last linear layer with `gamma` in its weights: both are constants, so it costs nothing at run time. */
function scaledLayer(builder: GraphBuilder, prefix: string): Required<LinearLayer> {
  const { weight } = linearLayer(builder, `${prefix}.pwconv2`);
  const bias = builder.weight(`${prefix}.pwconv2.bias`);
  const gamma = builder.weight(`${prefix}.gamma`);
  const perOutput = builder.reshape(gamma, [-1, 1]);
  return { weight: builder.add('Mul', [weight, perOutput]), bias: builder.add('Mul', [bias, gamma]) };
}
