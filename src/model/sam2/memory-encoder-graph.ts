import { GraphBuilder, type GraphOptions, type WeightsFile } from '../graph/graph-builder.ts';
import { declareValue } from '../graph/graph-editor.ts';
import { elementType } from '../graph/onnx-format.ts';
import { convNextBlock, convNextBlockInto } from '../graph/pieces/convnext-block.ts';
import { linear } from '../graph/pieces/linear.ts';
import { maskDownsampler, squashedMaskPlaces } from '../graph/pieces/mask-downsampler.ts';
import type { Sam2Architecture } from './architecture.ts';

const prefix = 'memory_encoder';
/** Key of what is added to the memory of an absent object; SAM 2.0 has none. */
const absenceKey = 'no_obj_embed_spatial';

/** What an object's memory of a frame is made from. B objects, T tokens of a grid with side h, C channels. */
export interface MemorySource {
  /** [B, T, C] of the graph's precision: `projectedFeatures` of each object's frame. */
  readonly features: string;
  /** [B, 1, 4h, 4h] float32 logits. */
  readonly lowResMask: string;
  /** [B] float32: 1 where the mask counts as either object or not, as on prompted frames; else 0. */
  readonly binarize: string;
  /** [B, 1] float32: the object is absent at 0 and below. */
  readonly objectScore: string;
}

/** Of the raw stride-16 tokens of S frames [S, T, C], what their objects' memories share: [S, T, C]. */
export function projectedFeatures(builder: GraphBuilder, features: string): string {
  return linear(builder, features, `${prefix}.pix_feat_proj`);
}

/**
 * Memories of objects (`_encode_new_memory` of the published model): [B, T, D] of the graph's precision, D channels
 * of a memory.
 *
 * @param gridSize h
 */
export function encodeMemory(builder: GraphBuilder, source: MemorySource, gridSize: number): string {
  const places = squashedMaskPlaces(builder, source.lowResMask, source.binarize);
  const mask = maskDownsampler(builder, places, `${prefix}.mask_downsampler`, 4 * gridSize);
  let tokens = builder.add('Add', [source.features, mask]);
  const block = (index: number) => `${prefix}.fuser.layers.${index}`;
  let last = 0;
  while (builder.hasWeight(`${block(last + 1)}.gamma`)) {
    tokens = convNextBlock(builder, tokens, block(last), gridSize);
    last++;
  }
  const memory = convNextBlockInto(builder, tokens, block(last), gridSize, `${prefix}.out_proj`);
  return builder.hasWeight(absenceKey) ? markAbsence(builder, memory, source.objectScore) : memory;
}

function markAbsence(builder: GraphBuilder, memory: string, objectScore: string): string {
  const present = builder.add('Greater', [objectScore, builder.singles([0])]);
  const addend = builder.add('Where', [present, builder.floats([0]), builder.weight(absenceKey)]);
  return builder.add('Add', [memory, builder.add('Unsqueeze', [addend, builder.integers([1])])]);
}

/**
 * The graph that writes memories of B objects on S frames.
 *
 * Inputs: `features` [S, T, C] of the precision, raw stride-16 tokens; `frame_of_object` int64 [B]; `low_res_mask`
 * [B, 1, 4h, 4h], `binarize` [B] and `object_score` [B, 1] float32 as in `MemorySource`. Output: `memory` [B, T, D]
 * of the precision.
 *
 * @param imageSize side of the model's square input, pixels
 * @throws TrackcastError TRACKCAST_MODEL_INVALID when the checkpoint lacks a weight
 */
export function buildMemoryEncoder(
  file: WeightsFile,
  { channels, memoryChannels }: Sam2Architecture,
  imageSize: number,
  options: GraphOptions = {},
): Uint8Array<ArrayBuffer> {
  const builder = new GraphBuilder('memory encoder', file, options);
  const { activationType } = builder;
  const { float32, int64 } = elementType;
  const gridSize = imageSize / 16;
  const tokens = gridSize ** 2;
  const projected = projectedFeatures(builder, 'features');
  const features = builder.add('Gather', [projected, 'frame_of_object'], { axis: 0 });
  const source = { features, lowResMask: 'low_res_mask', binarize: 'binarize', objectScore: 'object_score' };
  builder.name(encodeMemory(builder, source, gridSize), 'memory');
  return builder.finish(
    [
      declareValue('features', activationType, ['frames', tokens, channels]),
      declareValue('frame_of_object', int64, ['objects']),
      declareValue('low_res_mask', float32, ['objects', 1, 4 * gridSize, 4 * gridSize]),
      declareValue('binarize', float32, ['objects']),
      declareValue('object_score', float32, ['objects', 1]),
    ],
    [declareValue('memory', activationType, ['objects', tokens, memoryChannels])],
  );
}
