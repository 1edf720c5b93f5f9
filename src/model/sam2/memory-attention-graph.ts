import { GraphBuilder, type GraphOptions, type WeightsFile } from '../graph/graph-builder.ts';
import { declareValue } from '../graph/graph-editor.ts';
import { elementType, type ValueInfoProto } from '../graph/onnx-format.ts';
import { axialRotationAngles, rotationConstants } from '../graph/pieces/axial-rope.ts';
import { layerNorm } from '../graph/pieces/normalization.ts';
import type { Sam2Architecture } from './architecture.ts';
import {
  addSelfAttention,
  attendToMemories,
  finishLayer,
  memoryQueries,
  normEpsilon,
} from './memory-attention-layer.ts';
import { type MemoryPooling, memoryTokens } from './memory-tokens.ts';

const { float32, int64 } = elementType;

/** Side of a square of the input that becomes one token, pixels. */
const tokenStride = 16;

/** How a graph is built, and departs from the published model. */
export interface MemoryAttentionOptions extends GraphOptions {
  /** 1, which is exact, by default. */
  readonly memoryPooling?: MemoryPooling;
}

/**
 * Memory attention of SAM 2 (Ravi et al. 2024, section 4): what a frame shows, conditioned on what each object left
 * in its memories and pointers. Objects are a batch, each on a frame of its own choice.
 *
 * Inputs, all of the weights' precision unless marked: `attention_start` [frames, tokens, channels] from the image
 * encoder; `frame_of_object` int64 [objects]; `memory` [objects, slots, tokens, memory channels]; `memory_rows` int64
 * [objects, slots], rows of `maskmem_tpos_enc`; `memory_valid` float32 [objects, slots], 1 or 0; `pointers` [objects,
 * places, channels]; `pointer_times` float32 [objects, places], distance over the longest; `pointer_valid` float32
 * [objects, places]. There is at least one slot and one place, and an object has at least one valid slot; what is not
 * valid has no influence. Output: `conditioned` [objects, tokens, channels].
 *
 * @param imageSize side of the model's input, pixels, a multiple of 32
 * @throws TrackcastError TRACKCAST_MODEL_INVALID when the checkpoint lacks a weight
 */
export function buildMemoryAttention(
  file: WeightsFile,
  architecture: Sam2Architecture,
  imageSize: number,
  options: MemoryAttentionOptions = {},
): Uint8Array<ArrayBuffer> {
  const builder = new GraphBuilder('memory attention', file, options);
  const gridSize = imageSize / tokenStride;
  builder.name(memoryAttention(builder, architecture, gridSize, options), 'conditioned');
  const shape = ['objects', gridSize * gridSize, architecture.channels];
  return builder.finish(memoryAttentionInputs(builder, architecture, gridSize), [
    declareValue('conditioned', builder.activationType, shape),
  ]);
}

/** Declarations of what memory attention reads. */
export function memoryAttentionInputs(
  builder: GraphBuilder,
  { channels, memoryChannels }: Sam2Architecture,
  gridSize: number,
): ValueInfoProto[] {
  const tokens = gridSize * gridSize;
  const activation = builder.activationType;
  return [
    declareValue('attention_start', activation, ['frames', tokens, channels]),
    declareValue('frame_of_object', int64, ['objects']),
    declareValue('memory', activation, ['objects', 'slots', tokens, memoryChannels]),
    declareValue('memory_rows', int64, ['objects', 'slots']),
    declareValue('memory_valid', float32, ['objects', 'slots']),
    declareValue('pointers', activation, ['objects', 'places', channels]),
    declareValue('pointer_times', float32, ['objects', 'places']),
    declareValue('pointer_valid', float32, ['objects', 'places']),
  ];
}

/** The graph's nodes between those inputs and the value that is returned, [objects, tokens, channels]. */
export function memoryAttention(
  builder: GraphBuilder,
  architecture: Sam2Architecture,
  gridSize: number,
  { memoryPooling = 1 }: MemoryAttentionOptions = {},
): string {
  const rotation = rotationConstants(builder, axialRotationAngles(architecture.channels, gridSize));
  const memory = memoryTokens(builder, architecture, gridSize, memoryPooling);
  const tokens = gridSize * gridSize;
  const ofObjects = (value: string) => builder.add('Gather', [value, 'frame_of_object']);

  let x = ofObjects('attention_start');
  for (let layer = 0; layer < architecture.memoryLayers; layer++) {
    const prefix = `memory_attention.layers.${layer}`;
    // Until the first layer has read memories, all objects of a frame have the same queries.
    if (layer > 0) x = addSelfAttention(builder, x, prefix, rotation, tokens);
    const shared = memoryQueries(builder, layer > 0 ? x : 'attention_start', prefix, rotation, memory.extra);
    const queries = layer > 0 ? shared : ofObjects(shared);
    const attended = attendToMemories(builder, queries, memory, prefix, tokens);
    x = finishLayer(builder, x, attended, prefix, tokens);
  }
  return layerNorm(builder, x, 'memory_attention.norm', normEpsilon);
}
