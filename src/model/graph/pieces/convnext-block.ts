import type { GraphBuilder } from '../graph-builder.ts';
import { convolution } from './convolution.ts';
import { feedForward } from './feed-forward.ts';
import { type LinearLayer, linear, linearLayer } from './linear.ts';
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
  const change = transform(builder, tokens, prefix, side, scaledLayer(builder, prefix));
  return builder.add('Add', [tokens, change]);
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
  const last = scaledLayer(builder, prefix);
  const { weight: projection } = linearLayer(builder, output);
  // Products of constants: a session computes them once, when it opens.
  const joined = {
    weight: builder.add('MatMul', [projection, last.weight]),
    bias: builder.add('MatMul', [projection, last.bias]),
  };
  const change = transform(builder, tokens, prefix, side, joined);
  return builder.add('Add', [linear(builder, tokens, output), change]);
}

/** What a block adds to its input, with a last layer of choice: tokens [batch, side^2, channels] -> [.., out]. */
function transform(
  builder: GraphBuilder,
  tokens: string,
  prefix: string,
  side: number,
  last: LinearLayer,
): string {
  const [channels = 0, , kernel = 0] = builder.weightShape(`${prefix}.dwconv.weight`);
  const picture = builder.transpose(builder.reshape(tokens, [0, side, side, channels]), [0, 3, 1, 2]);
  const around = (kernel - 1) / 2;
  const options = { pads: [around, around, around, around], group: channels } as const;
  const mixed = convolution(builder, picture, `${prefix}.dwconv`, options);
  const channelsLast = builder.transpose(mixed, [0, 2, 3, 1]);
  const mixedTokens = builder.reshape(channelsLast, [0, side * side, channels]);
  const normalized = layerNorm(builder, mixedTokens, `${prefix}.norm`, epsilon);
  const layers = [linearLayer(builder, `${prefix}.pwconv1`), last] as const;
  return feedForward(builder, normalized, side * side, layers, 'gelu');
}

/** The block's last linear layer with `gamma` in its weights: both are constants, so it costs nothing at run time. */
function scaledLayer(builder: GraphBuilder, prefix: string): Required<LinearLayer> {
  const { weight } = linearLayer(builder, `${prefix}.pwconv2`);
  const bias = builder.weight(`${prefix}.pwconv2.bias`);
  const gamma = builder.weight(`${prefix}.gamma`);
  const perOutput = builder.reshape(gamma, [-1, 1]);
  return { weight: builder.add('Mul', [weight, perOutput]), bias: builder.add('Mul', [bias, gamma]) };
}
