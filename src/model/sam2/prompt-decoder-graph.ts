import { GraphBuilder, type GraphOptions, type WeightsFile } from '../graph/graph-builder.ts';
import { declareValue } from '../graph/graph-editor.ts';
import { elementType } from '../graph/onnx-format.ts';
import type { Sam2Architecture } from './architecture.ts';
import { arrangeFeatures, maskCount, predictMasks } from './mask-decoder.ts';
import { pointerOf, selectMask } from './mask-selection.ts';
import { maskEmbedding, pointTokens } from './prompt-encoder.ts';

/**
 * The graph that decodes prompts of B objects with N points each, the padding point included.
 *
 * Inputs: `image_embedding` [B or 1, T, C] of the precision; `no_memory` float32 [1], 1 to add what marks a picture
 * without memory; `high_res_0` [B or 1, C / 8, 4h, 4h] and `high_res_1` [B or 1, C / 4, 2h, 2h] of the precision;
 * `points` [B, N, 2] float32 in pixels of the model's input; `labels` int64 [B, N]; `mask_prompt` [B or 1, 1, 4h, 4h]
 * float32 logits, ignored unless `has_mask` float32 [1] is 1; `multimask` float32 [B].
 *
 * Outputs: `masks` [B, 4, 4h, 4h], `ious` [B, 4], `object_score` [B, 1], `low_res_mask` [B, 1, 4h, 4h] float32,
 * `mask_index` int64 [B] and `pointer` [B, C] of the precision, as in `Predictions` and `Selection`; `mask_pointers`
 * [B, 4, C] of the precision, the pointer that would go with each mask.
 *
 * @param imageSize side of the model's square input, pixels
 * @throws TrackcastError TRACKCAST_MODEL_INVALID when the checkpoint lacks a weight
 */
export function buildPromptDecoder(
  file: WeightsFile,
  { channels }: Sam2Architecture,
  imageSize: number,
  options: GraphOptions = {},
): Uint8Array<ArrayBuffer> {
  const builder = new GraphBuilder('prompt decoder', file, options);
  const { activationType } = builder;
  const { float32, int64 } = elementType;
  const gridSize = imageSize / 16;
  const side = 4 * gridSize;
  const tokens = gridSize * gridSize;
  const noMemory = builder.add('Mul', [builder.weight('no_mem_embed'), builder.fromSingle('no_memory')]);
  const marked = builder.add('Add', ['image_embedding', noMemory]);
  const dense = maskEmbedding(builder, 'mask_prompt', 'has_mask', gridSize);
  const predictions = predictMasks(builder, {
    image: builder.add('Add', [marked, dense]),
    prompt: pointTokens(builder, 'points', 'labels', imageSize),
    features: arrangeFeatures(builder, 'high_res_0', 'high_res_1', gridSize),
    gridSize,
  });
  const selection = selectMask(builder, predictions, 'multimask');
  builder.name(predictions.masks, 'masks');
  builder.name(predictions.ious, 'ious');
  builder.name(predictions.objectScore, 'object_score');
  builder.name(selection.maskIndex, 'mask_index');
  builder.name(selection.lowResMask, 'low_res_mask');
  builder.name(selection.pointer, 'pointer');
  builder.name(pointerOf(builder, predictions.maskTokens), 'mask_pointers');
  return builder.finish(
    [
      declareValue('image_embedding', activationType, ['pictures', tokens, channels]),
      declareValue('no_memory', float32, [1]),
      declareValue('high_res_0', activationType, ['frames', channels / 8, side, side]),
      declareValue('high_res_1', activationType, ['frames', channels / 4, side / 2, side / 2]),
      declareValue('points', float32, ['objects', 'points', 2]),
      declareValue('labels', int64, ['objects', 'points']),
      declareValue('mask_prompt', float32, ['prompts', 1, side, side]),
      declareValue('has_mask', float32, [1]),
      declareValue('multimask', float32, ['objects']),
    ],
    [
      declareValue('masks', float32, ['objects', maskCount, side, side]),
      declareValue('ious', float32, ['objects', maskCount]),
      declareValue('object_score', float32, ['objects', 1]),
      declareValue('mask_index', int64, ['objects']),
      declareValue('low_res_mask', float32, ['objects', 1, side, side]),
      declareValue('pointer', activationType, ['objects', channels]),
      declareValue('mask_pointers', activationType, ['objects', maskCount, channels]),
    ],
  );
}
