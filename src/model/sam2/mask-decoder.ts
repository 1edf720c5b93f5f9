import type { GraphBuilder } from '../graph/graph-builder.ts';
import { gelu } from '../graph/pieces/activation.ts';
import { linearBy, mlp } from '../graph/pieces/linear.ts';
import { layerNorm } from '../graph/pieces/normalization.ts';
import { twoWayTransformer } from '../graph/pieces/two-way-block.ts';
import { imagePositions } from './prompt-encoder.ts';

const prefix = 'sam_mask_decoder';
/** Masks that are predicted: the single one, then three readings of an ambiguous prompt. */
export const maskCount = 4;
/** Of the upscaling's normalisation. */
const epsilon = 1e-6;

/** High-resolution features of frames in the order in which the decoder upscales tokens. */
export interface PatchFeatures {
  /** [n, 4T, C / 4] at stride 8: of each token its 2 x 2 pixels. */
  readonly stride8: string;
  /** [n, 16T, C / 8] at stride 4: of each token its 2 x 2 pixels, and of each of those again. */
  readonly stride4: string;
}

/** Arranges [n, C / 8, 4h, 4h] and [n, C / 4, 2h, 2h], once for all objects of a frame. */
export function arrangeFeatures(
  builder: GraphBuilder,
  highRes0: string,
  highRes1: string,
  gridSize: number,
): PatchFeatures {
  const h = gridSize;
  const [, halfChannels = 0] = builder.weightShape(`${prefix}.output_upscaling.0.weight`);
  const [, quarterChannels = 0] = builder.weightShape(`${prefix}.output_upscaling.3.weight`);
  const eighth = builder.transpose(highRes1, [0, 2, 3, 1]);
  const patches8 = builder.reshape(eighth, [-1, h, 2, h, 2 * halfChannels]);
  const quarter = builder.transpose(highRes0, [0, 2, 3, 1]);
  const patches4 = builder.reshape(quarter, [-1, h, 2, 2, h, 2, 2 * quarterChannels]);
  const ordered8 = builder.transpose(patches8, [0, 1, 3, 2, 4]);
  const ordered4 = builder.transpose(patches4, [0, 1, 4, 2, 5, 3, 6]);
  return {
    stride8: builder.reshape(ordered8, [-1, 4 * h * h, halfChannels]),
    stride4: builder.reshape(ordered4, [-1, 16 * h * h, quarterChannels]),
  };
}

/** What the decoder looks at. B objects, T tokens of a grid with side h, C channels; where 1 stands for B, it counts for all. */
export interface DecoderInput {
  /** [B or 1, T, C]: the picture's tokens with what is added for a mask or for none. */
  readonly image: string;
  /** [B or 1, N, C]: the tokens of the prompt. */
  readonly prompt: string;
  /** n is B or 1. */
  readonly features: PatchFeatures;
  readonly gridSize: number;
}

/** The decoder's raw results. */
export interface Predictions {
  /** [B, 4, 4h, 4h] float32 logits: of the single mask and the three others. */
  readonly masks: string;
  /** [B, 4] float32, after the sigmoid. */
  readonly ious: string;
  /** [B, 1] float32 logit. */
  readonly objectScore: string;
  /** [B, 4, C] of the graph's precision: what pointers are made from. */
  readonly maskTokens: string;
}

/** Predicts all masks (`predict_masks` of the published mask decoder). */
export function predictMasks(builder: GraphBuilder, input: DecoderInput): Predictions {
  const names = ['obj_score_token', 'iou_token', 'mask_tokens'];
  const own = builder.add(
    'Concat',
    names.map((name) => builder.weight(`${prefix}.${name}.weight`)),
    { axis: 0 },
  );
  const batch = builder.add('Shape', [input.prompt], { start: 0, end: 1 });
  const shape = builder.add('Concat', [batch, builder.integers([1, 1])], { axis: 0 });
  const tokens = builder.add('Concat', [builder.add('Expand', [own, shape]), input.prompt], { axis: 1 });
  const decoded = twoWayTransformer(
    builder,
    { tokens, image: input.image },
    { tokens, image: imagePositions(builder, input.gridSize) },
    `${prefix}.transformer`,
  );
  const token = (index: number) =>
    builder.add('Gather', [decoded.tokens, builder.integers([index], [])], { axis: 1 });
  const score = mlp(builder, token(0), `${prefix}.pred_obj_score_head`, 3, 'relu');
  const iou = mlp(builder, token(1), `${prefix}.iou_prediction_head`, 3, 'relu');
  const weights = Array.from({ length: maskCount }, (_, mask) => {
    const key = `${prefix}.output_hypernetworks_mlps.${mask}`;
    return builder.add('Unsqueeze', [mlp(builder, token(2 + mask), key, 3, 'relu'), builder.integers([2])]);
  });
  // From the third token on, along the second axis.
  const range = [2, 2 + maskCount, 1];
  const upscaled = upscale(builder, decoded.image, input.features);
  const logits = builder.add('MatMul', [upscaled, builder.add('Concat', weights, { axis: 2 })]);
  return {
    masks: builder.toSingle(toPictures(builder, logits, input.gridSize)),
    ious: builder.add('Sigmoid', [builder.toSingle(iou)]),
    objectScore: builder.toSingle(score),
    maskTokens: builder.add('Slice', [decoded.tokens, ...range.map((at) => builder.integers([at]))]),
  };
}

/** Tokens [B, T, C] to four times the resolution: [B, 16T, C / 8] in the order of `PatchFeatures`. */
function upscale(builder: GraphBuilder, image: string, { stride8, stride4 }: PatchFeatures): string {
  const layer = (index: number) => `${prefix}.output_upscaling.${index}`;
  const half = builder.add('Add', [spread(builder, image, layer(0)), stride8]);
  const hidden = gelu(builder, layerNorm(builder, half, layer(1), epsilon));
  return gelu(builder, builder.add('Add', [spread(builder, hidden, layer(3)), stride4]));
}

/** A transposed convolution of 2 x 2 with strides of two: tokens [B, n, in] -> [B, 4n, out], four for each, row by row. */
function spread(builder: GraphBuilder, tokens: string, key: string): string {
  const [inputs = 0, outputs = 0] = builder.weightShape(`${key}.weight`);
  const perPixel = builder.transpose(builder.weight(`${key}.weight`), [2, 3, 1, 0]);
  const weight = builder.reshape(perPixel, [4 * outputs, inputs]);
  const each = builder.weight(`${key}.bias`);
  const bias = builder.add('Concat', [each, each, each, each], { axis: 0 });
  return builder.reshape(linearBy(builder, tokens, { weight, bias }), [0, -1, outputs]);
}

/** Logits [B, 16T, masks] in the order of `PatchFeatures` -> pictures [B, masks, 4h, 4h]. */
function toPictures(builder: GraphBuilder, logits: string, h: number): string {
  const nested = builder.reshape(logits, [-1, h, h, 2, 2, 2, 2, maskCount]);
  const ordered = builder.transpose(nested, [0, 7, 1, 3, 5, 2, 4, 6]);
  return builder.reshape(ordered, [-1, maskCount, 4 * h, 4 * h]);
}
