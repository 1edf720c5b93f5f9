import { GraphBuilder, type WeightsFile } from '../graph/graph-builder.ts';
import { declareValue } from '../graph/graph-editor.ts';
import { elementType } from '../graph/onnx-format.ts';
import type { Sam2Architecture } from './architecture.ts';
import { arrangeFeatures, maskCount, predictMasks } from './mask-decoder.ts';
import { selectMask } from './mask-selection.ts';
import {
  type MemoryAttentionOptions,
  memoryAttention,
  memoryAttentionInputs,
} from './memory-attention-graph.ts';
import { encodeMemory, projectedFeatures } from './memory-encoder-graph.ts';
import { absentMaskEmbedding, absentPromptTokens } from './prompt-encoder.ts';

/**
 * A tracked frame in one run: memory attention, the mask decoder without prompts, and the memory encoder. What lies
 * between them never leaves the device, and what objects of a frame share is computed once.
 *
 * Inputs: those of memory attention; `features` [S, T, C], `high_res_0` [S, C / 8, 4h, 4h] and `high_res_1` [S, C / 4,
 * 2h, 2h] from the image encoder, of the precision. Outputs for B objects: `low_res_mask` [B, 1, 4h, 4h], `ious`
 * [B, 4] and `object_score` [B, 1] float32, `mask_index` int64 [B], `pointer` [B, C] and `new_memory` [B, T, D] of
 * the precision.
 *
 * @param imageSize side of the model's square input, pixels
 * @throws TrackcastError TRACKCAST_MODEL_INVALID when the checkpoint lacks a weight
 */
export function buildTrackStep(
  file: WeightsFile,
  architecture: Sam2Architecture,
  imageSize: number,
  options: MemoryAttentionOptions = {},
): Uint8Array<ArrayBuffer> {
  const builder = new GraphBuilder('track step', file, options);
  const { activationType } = builder;
  const { float32, int64 } = elementType;
  const { channels, memoryChannels } = architecture;
  const gridSize = imageSize / 16;
  const side = 4 * gridSize;
  const tokens = gridSize * gridSize;
  const ofObjects = (value: string) => builder.add('Gather', [value, 'frame_of_object']);

  const conditioned = memoryAttention(builder, architecture, gridSize, options);
  const patches = arrangeFeatures(builder, 'high_res_0', 'high_res_1', gridSize);
  const objects = builder.add('Shape', ['frame_of_object']);
  const promptShape = builder.add('Concat', [objects, builder.integers([1, 1])], { axis: 0 });
  const predictions = predictMasks(builder, {
    image: builder.add('Add', [conditioned, absentMaskEmbedding(builder)]),
    prompt: builder.add('Expand', [absentPromptTokens(builder), promptShape]),
    features: { stride8: ofObjects(patches.stride8), stride4: ofObjects(patches.stride4) },
    gridSize,
  });
  // Without a prompt every mask is ambiguous: the best of three, as after a single click.
  const selection = selectMask(builder, predictions, builder.singles([1]));
  const memory = encodeMemory(
    builder,
    {
      features: ofObjects(projectedFeatures(builder, 'features')),
      lowResMask: selection.lowResMask,
      binarize: builder.singles([0]),
      objectScore: predictions.objectScore,
    },
    gridSize,
  );
  builder.name(predictions.ious, 'ious');
  builder.name(predictions.objectScore, 'object_score');
  builder.name(selection.maskIndex, 'mask_index');
  builder.name(selection.lowResMask, 'low_res_mask');
  builder.name(selection.pointer, 'pointer');
  builder.name(memory, 'new_memory');
  return builder.finish(
    [
      ...memoryAttentionInputs(builder, architecture, gridSize),
      declareValue('features', activationType, ['frames', tokens, channels]),
      declareValue('high_res_0', activationType, ['frames', channels / 8, side, side]),
      declareValue('high_res_1', activationType, ['frames', channels / 4, side / 2, side / 2]),
    ],
    [
      declareValue('ious', float32, ['objects', maskCount]),
      declareValue('object_score', float32, ['objects', 1]),
      declareValue('mask_index', int64, ['objects']),
      declareValue('low_res_mask', float32, ['objects', 1, side, side]),
      declareValue('pointer', activationType, ['objects', channels]),
      declareValue('new_memory', activationType, ['objects', tokens, memoryChannels]),
    ],
  );
}
