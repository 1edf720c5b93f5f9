import type { GraphBuilder } from '../graph/graph-builder.ts';
import { axialRotationAngles, rotationConstants } from '../graph/pieces/axial-rope.ts';
import { sinePosition } from '../graph/pieces/sine-position.ts';
import { addSelfAttention } from './memory-attention-layer.ts';

/** How much of the position code is added to the picture's features. */
const positionShare = 0.1;

/**
 * The beginning of memory attention, up to and including the self-attention of its first layer. No memory is
 * involved yet, so it runs once per frame for all objects: features [frames, tokens, channels] -> the same shape.
 *
 * @param gridSize side of the square grid of tokens
 */
export function memoryAttentionStart(builder: GraphBuilder, features: string, gridSize: number): string {
  const [channels = 0] = builder.weightShape('memory_attention.norm.weight');
  const position = sinePosition(channels, gridSize).map((value) => value * positionShare);
  const x = builder.add('Add', [features, builder.floats(position, [gridSize * gridSize, channels])]);
  const rotation = rotationConstants(builder, axialRotationAngles(channels, gridSize));
  return addSelfAttention(builder, x, 'memory_attention.layers.0', rotation, gridSize * gridSize);
}
