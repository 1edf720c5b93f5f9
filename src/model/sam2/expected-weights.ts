import type { TrunkArchitecture } from './architecture.ts';

/** Sizes on which the shapes of a checkpoint's weights depend. */
export interface WeightSizes {
  readonly trunk: TrunkArchitecture;
  readonly channels: number;
  readonly memoryChannels: number;
  readonly memories: number;
  readonly memoryLayers: number;
  readonly version: '2.0' | '2.1';
  /** Hidden sizes, which differ between published and smaller models. */
  readonly memoryFeedForward: number;
  readonly decoderFeedForward: number;
  readonly headHidden: number;
  /** Side of the learned position grids: background and window. */
  readonly positionGrid: number;
  readonly positionWindow: number;
}

type Shape = readonly number[];
type Weights = Map<string, Shape>;

/** Kernel and expansion sizes that no published model changes. */
const patchKernel = 7;
const trunkExpansion = 4;
const fuserExpansion = 4;
const fuserKernel = 7;
const fuserLayers = 2;
const decoderLayers = 2;
/** Masks that the decoder draws: one for clear prompts, three for ambiguous ones. */
const maskTokens = 4;

/** Every weight of a SAM 2 checkpoint by its key, with its shape. */
export function expectedWeights(sizes: WeightSizes): ReadonlyMap<string, Shape> {
  const weights: Weights = new Map();
  const { channels, memoryChannels, memories, version } = sizes;
  weights.set('maskmem_tpos_enc', [memories, 1, 1, memoryChannels]);
  weights.set('no_mem_embed', [1, 1, channels]);
  weights.set('no_mem_pos_enc', [1, 1, channels]);
  weights.set('no_obj_ptr', [1, channels]);
  if (version === '2.1') weights.set('no_obj_embed_spatial', [1, memoryChannels]);
  addTrunk(weights, sizes);
  addNeck(weights, sizes);
  weights.set('mask_downsample.weight', [1, 1, 4, 4]);
  weights.set('mask_downsample.bias', [1]);
  addMemoryAttention(weights, sizes);
  addMemoryEncoder(weights, sizes);
  addPromptEncoder(weights, sizes);
  addMaskDecoder(weights, sizes);
  addPerceptron(weights, 'obj_ptr_proj', [channels, channels, channels, channels]);
  if (version === '2.1') addLinear(weights, 'obj_ptr_tpos_proj', channels, memoryChannels);
  return weights;
}

function addTrunk(weights: Weights, { trunk, positionGrid, positionWindow }: WeightSizes): void {
  const root = 'image_encoder.trunk';
  const { embedDimension, stages } = trunk;
  weights.set(`${root}.pos_embed`, [1, embedDimension, positionGrid, positionGrid]);
  weights.set(`${root}.pos_embed_window`, [1, embedDimension, positionWindow, positionWindow]);
  addConvolution(weights, `${root}.patch_embed.proj`, [embedDimension, 3, patchKernel, patchKernel]);
  let block = 0;
  stages.forEach((depth, stage) => {
    const output = embedDimension * 2 ** stage;
    for (let at = 0; at < depth; at++, block++) {
      // The first block of a stage doubles the channels.
      const input = at === 0 && stage > 0 ? output / 2 : output;
      const prefix = `${root}.blocks.${block}`;
      addNorm(weights, `${prefix}.norm1`, input);
      addLinear(weights, `${prefix}.attn.qkv`, input, 3 * output);
      addLinear(weights, `${prefix}.attn.proj`, output, output);
      addNorm(weights, `${prefix}.norm2`, output);
      addPerceptron(weights, `${prefix}.mlp`, [output, trunkExpansion * output, output]);
      if (input !== output) addLinear(weights, `${prefix}.proj`, input, output);
    }
  });
}

function addNeck(weights: Weights, { trunk, channels }: WeightSizes): void {
  const levels = trunk.stages.length;
  for (let level = 0; level < levels; level++) {
    // Level 0 belongs to the deepest stage.
    const input = trunk.embedDimension * 2 ** (levels - 1 - level);
    addConvolution(weights, `image_encoder.neck.convs.${level}.conv`, [channels, input, 1, 1]);
  }
}

function addMemoryAttention(weights: Weights, sizes: WeightSizes): void {
  const { channels, memoryChannels, memoryLayers, memoryFeedForward } = sizes;
  for (let layer = 0; layer < memoryLayers; layer++) {
    const prefix = `memory_attention.layers.${layer}`;
    addAttention(weights, `${prefix}.self_attn`, channels, channels, channels);
    addAttention(weights, `${prefix}.cross_attn_image`, channels, channels, memoryChannels);
    addLinear(weights, `${prefix}.linear1`, channels, memoryFeedForward);
    addLinear(weights, `${prefix}.linear2`, memoryFeedForward, channels);
    for (const norm of ['norm1', 'norm2', 'norm3']) addNorm(weights, `${prefix}.${norm}`, channels);
  }
  addNorm(weights, 'memory_attention.norm', channels);
}

function addMemoryEncoder(weights: Weights, { channels, memoryChannels }: WeightSizes): void {
  const downsampler = 'memory_encoder.mask_downsampler.encoder';
  let input = 1;
  // Four halvings, each with four times the channels; layers between them have no weights.
  for (let step = 0; step < 4; step++) {
    const output = input * 4;
    addConvolution(weights, `${downsampler}.${step * 3}`, [output, input, 3, 3]);
    addNorm(weights, `${downsampler}.${step * 3 + 1}`, output);
    input = output;
  }
  addConvolution(weights, `${downsampler}.12`, [channels, input, 1, 1]);
  addConvolution(weights, 'memory_encoder.pix_feat_proj', [channels, channels, 1, 1]);
  for (let layer = 0; layer < fuserLayers; layer++) {
    const prefix = `memory_encoder.fuser.layers.${layer}`;
    weights.set(`${prefix}.gamma`, [channels]);
    addConvolution(weights, `${prefix}.dwconv`, [channels, 1, fuserKernel, fuserKernel]);
    addNorm(weights, `${prefix}.norm`, channels);
    addLinear(weights, `${prefix}.pwconv1`, channels, fuserExpansion * channels);
    addLinear(weights, `${prefix}.pwconv2`, fuserExpansion * channels, channels);
  }
  addConvolution(weights, 'memory_encoder.out_proj', [memoryChannels, channels, 1, 1]);
}

function addPromptEncoder(weights: Weights, { channels }: WeightSizes): void {
  const root = 'sam_prompt_encoder';
  weights.set(`${root}.pe_layer.positional_encoding_gaussian_matrix`, [2, channels / 2]);
  for (let label = 0; label < 4; label++)
    weights.set(`${root}.point_embeddings.${label}.weight`, [1, channels]);
  weights.set(`${root}.not_a_point_embed.weight`, [1, channels]);
  addConvolution(weights, `${root}.mask_downscaling.0`, [4, 1, 2, 2]);
  addNorm(weights, `${root}.mask_downscaling.1`, 4);
  addConvolution(weights, `${root}.mask_downscaling.3`, [16, 4, 2, 2]);
  addNorm(weights, `${root}.mask_downscaling.4`, 16);
  addConvolution(weights, `${root}.mask_downscaling.6`, [channels, 16, 1, 1]);
  weights.set(`${root}.no_mask_embed.weight`, [1, channels]);
}

function addMaskDecoder(weights: Weights, sizes: WeightSizes): void {
  const { channels, decoderFeedForward, headHidden } = sizes;
  const root = 'sam_mask_decoder';
  const half = channels / 2;
  for (let layer = 0; layer < decoderLayers; layer++) {
    const prefix = `${root}.transformer.layers.${layer}`;
    addAttention(weights, `${prefix}.self_attn`, channels, channels, channels);
    addAttention(weights, `${prefix}.cross_attn_token_to_image`, channels, half, channels);
    addPerceptron(weights, `${prefix}.mlp`, [channels, decoderFeedForward, channels]);
    addAttention(weights, `${prefix}.cross_attn_image_to_token`, channels, half, channels);
    for (const norm of ['norm1', 'norm2', 'norm3', 'norm4']) addNorm(weights, `${prefix}.${norm}`, channels);
  }
  addAttention(weights, `${root}.transformer.final_attn_token_to_image`, channels, half, channels);
  addNorm(weights, `${root}.transformer.norm_final_attn`, channels);
  weights.set(`${root}.iou_token.weight`, [1, channels]);
  weights.set(`${root}.mask_tokens.weight`, [maskTokens, channels]);
  weights.set(`${root}.obj_score_token.weight`, [1, channels]);
  const quarter = channels / 4;
  const eighth = channels / 8;
  weights.set(`${root}.output_upscaling.0.weight`, [channels, quarter, 2, 2]);
  weights.set(`${root}.output_upscaling.0.bias`, [quarter]);
  addNorm(weights, `${root}.output_upscaling.1`, quarter);
  weights.set(`${root}.output_upscaling.3.weight`, [quarter, eighth, 2, 2]);
  weights.set(`${root}.output_upscaling.3.bias`, [eighth]);
  addConvolution(weights, `${root}.conv_s0`, [eighth, channels, 1, 1]);
  addConvolution(weights, `${root}.conv_s1`, [quarter, channels, 1, 1]);
  for (let token = 0; token < maskTokens; token++) {
    addPerceptron(weights, `${root}.output_hypernetworks_mlps.${token}`, [
      channels,
      channels,
      channels,
      eighth,
    ]);
  }
  addPerceptron(weights, `${root}.iou_prediction_head`, [channels, headHidden, headHidden, maskTokens]);
  addPerceptron(weights, `${root}.pred_obj_score_head`, [channels, channels, channels, 1]);
}

function addNorm(weights: Weights, prefix: string, size: number): void {
  weights.set(`${prefix}.weight`, [size]);
  weights.set(`${prefix}.bias`, [size]);
}

function addLinear(weights: Weights, prefix: string, input: number, output: number): void {
  weights.set(`${prefix}.weight`, [output, input]);
  weights.set(`${prefix}.bias`, [output]);
}

function addConvolution(weights: Weights, prefix: string, shape: Shape): void {
  weights.set(`${prefix}.weight`, shape);
  weights.set(`${prefix}.bias`, [shape[0] as number]);
}

function addPerceptron(weights: Weights, prefix: string, sizes: readonly number[]): void {
  for (let layer = 0; layer + 1 < sizes.length; layer++) {
    addLinear(weights, `${prefix}.layers.${layer}`, sizes[layer] as number, sizes[layer + 1] as number);
  }
}

/** Queries of `outer` channels meet keys and values of `keys` channels at the width `inner`. */
function addAttention(weights: Weights, prefix: string, outer: number, inner: number, keys: number): void {
  addLinear(weights, `${prefix}.q_proj`, outer, inner);
  addLinear(weights, `${prefix}.k_proj`, keys, inner);
  addLinear(weights, `${prefix}.v_proj`, keys, inner);
  addLinear(weights, `${prefix}.out_proj`, inner, outer);
}
