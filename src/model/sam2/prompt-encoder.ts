import type { GraphBuilder } from '../graph/graph-builder.ts';
import { gelu } from '../graph/pieces/activation.ts';
import { fourierGrid, fourierPoints } from '../graph/pieces/fourier-points.ts';
import { linearBy } from '../graph/pieces/linear.ts';
import { layerNorm } from '../graph/pieces/normalization.ts';

const prefix = 'sam_prompt_encoder';
const frequencies = `${prefix}.pe_layer.positional_encoding_gaussian_matrix`;
/** Labels of points: negative and positive clicks, first and second corner of a box. */
const pointKinds = 4;
/** Of the mask layers' normalisation. */
const epsilon = 1e-6;

/** Position codes of the picture's tokens: a constant [T, C] of the graph's precision. */
export function imagePositions(builder: GraphBuilder, gridSize: number): string {
  return builder.fromSingle(fourierGrid(builder, gridSize, frequencies));
}

/**
 * Tokens of points (section B of the published prompt encoder): [B, N, C] of the graph's precision.
 *
 * @param points [B, N, 2] float32, x and y in pixels of the model's input, a pixel's first corner being its place
 * @param labels int64 [B, N]: 0 to 3, or -1 for no point
 * @param imageSize side of the model's input, pixels
 */
export function pointTokens(
  builder: GraphBuilder,
  points: string,
  labels: string,
  imageSize: number,
): string {
  const centres = builder.add('Add', [points, builder.singles([0.5])]);
  const relative = builder.add('Div', [centres, builder.singles([imageSize])]);
  const codes = builder.fromSingle(fourierPoints(builder, relative, frequencies));
  const kinds = Array.from({ length: pointKinds }, (_, kind) => `${prefix}.point_embeddings.${kind}.weight`);
  const table = builder.add(
    'Concat',
    [`${prefix}.not_a_point_embed.weight`, ...kinds].map((key) => builder.weight(key)),
    { axis: 0 },
  );
  const kind = builder.add('Gather', [table, builder.add('Add', [labels, builder.integers([1])])]);
  const isPoint = builder.add('GreaterOrEqual', [labels, builder.integers([0])]);
  const none = builder.floats([0]);
  const placed = builder.add('Where', [
    builder.add('Unsqueeze', [isPoint, builder.integers([-1])]),
    codes,
    none,
  ]);
  return builder.add('Add', [placed, kind]);
}

/** The two tokens [1, 2, C] that stand for no prompt: a point that is none, and the padding. */
export function absentPromptTokens(builder: GraphBuilder): string {
  const none = builder.weight(`${prefix}.not_a_point_embed.weight`);
  return builder.add('Unsqueeze', [builder.add('Concat', [none, none], { axis: 0 }), builder.integers([0])]);
}

/** What is added to every token of a picture that comes without a mask: [1, C]. */
export function absentMaskEmbedding(builder: GraphBuilder): string {
  return builder.weight(`${prefix}.no_mask_embed.weight`);
}

/**
 * What is added to a picture's tokens for a mask, or for none: [B, T, C] of the graph's precision.
 *
 * @param mask logits [B, 1, 4h, 4h] float32
 * @param hasMask [1] float32: 0 for none, whatever the logits
 * @param gridSize h
 */
export function maskEmbedding(
  builder: GraphBuilder,
  mask: string,
  hasMask: string,
  gridSize: number,
): string {
  const layer = (index: number) => `${prefix}.mask_downscaling.${index}`;
  const convolve = (x: string, index: number) =>
    linearBy(builder, x, {
      weight: patchWeight(builder, layer(index)),
      bias: builder.weight(`${layer(index)}.bias`),
    });
  const tokens = gridSize * gridSize;
  // Patches do not overlap, so each is a row of a matrix: first 2 x 2 pixels, then 2 x 2 of such patches.
  const cells = builder.reshape(mask, [-1, gridSize, 2, 2, gridSize, 2, 2]);
  const patches = builder.fromSingle(builder.transpose(cells, [0, 1, 4, 2, 5, 3, 6]));
  const small = convolve(builder.reshape(patches, [-1, 4 * tokens, 4]), 0);
  const [fewChannels = 0] = builder.weightShape(`${layer(1)}.weight`);
  const normalized = gelu(builder, layerNorm(builder, small, layer(1), epsilon));
  const large = convolve(builder.reshape(normalized, [-1, tokens, 4 * fewChannels]), 3);
  const hidden = gelu(builder, layerNorm(builder, large, layer(4), epsilon));
  const given = builder.fromSingle(hasMask);
  const absent = builder.fromSingle(builder.add('Sub', [builder.singles([1]), hasMask]));
  const bias = builder.add('Add', [
    builder.add('Mul', [builder.weight(`${layer(6)}.bias`), given]),
    builder.add('Mul', [absentMaskEmbedding(builder), absent]),
  ]);
  const weight = patchWeight(builder, layer(6));
  const bare = builder.add('Reshape', [bias, builder.integers([-1])]);
  return linearBy(builder, builder.add('Mul', [hidden, given]), { weight, bias: bare });
}

/** A convolution's weight [out, in, height, width] as [out, height * width * in], for patches with channels last. */
function patchWeight(builder: GraphBuilder, prefix: string): string {
  const [outputs = 0] = builder.weightShape(`${prefix}.weight`);
  return builder.reshape(builder.transpose(builder.weight(`${prefix}.weight`), [0, 2, 3, 1]), [outputs, -1]);
}
