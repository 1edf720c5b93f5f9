import type { GraphBuilder } from '../graph/graph-builder.ts';
import { elementType } from '../graph/onnx-format.ts';
import { type Rotation, type RotationAngles, rotationConstants } from '../graph/pieces/axial-rope.ts';
import { linear } from '../graph/pieces/linear.ts';
import { sinePosition } from '../graph/pieces/sine-position.ts';
import { timeEncoding } from '../graph/pieces/time-encoding.ts';
import type { Sam2Architecture } from './architecture.ts';

/** Added to the attention logits of tokens that do not count, before scaling; finite in half precision. */
const invalidLogit = -30_000;

/** What objects attend to, as values of a graph. Tokens are those of all memories, then those of all pointers. */
export interface MemoryTokens {
  /** [objects, tokens, memory channels]; zero where invalid. */
  readonly values: string;
  /** [objects, tokens, memory channels + 1]: values with their positions, then 0, or a very low logit where invalid. */
  readonly keys: string;
  /** [tokens, channels / 2] */
  readonly rotation: Rotation;
}

/**
 * Lines up memories and pointers as tokens. Reads the graph's inputs `memory`, `memory_rows`, `memory_valid`,
 * `pointers`, `pointer_times` and `pointer_valid`.
 *
 * A pointer is cut into `channels / memoryChannels` tokens, which share one time code and are not rotated. Models
 * without `obj_ptr_tpos_proj` (SAM 2.0) do not tell pointers their time.
 *
 * @param angles of the grid's tokens
 */
export function memoryTokens(
  builder: GraphBuilder,
  { channels, memoryChannels }: Sam2Architecture,
  gridSize: number,
  angles: RotationAngles,
): MemoryTokens {
  const perPointer = channels / memoryChannels;
  const zero = builder.floats([0], []);
  const merge = (value: string, width: number) =>
    builder.add('Reshape', [value, builder.integers([0, -1, width])]);
  /** Whether each slot counts, [objects, slots, 1, 1]. */
  const validity = (input: string) =>
    builder.add('Unsqueeze', [
      builder.add('Cast', [input], { to: elementType.bool }),
      builder.integers([2, 3]),
    ]);
  const penalties = (valid: string, value: string) => {
    const penalty = builder.add('Where', [valid, zero, builder.floats([invalidLogit], [])]);
    const shape = builder.add('Shape', [value], { start: 0, end: 3 });
    return builder.add('Expand', [
      penalty,
      builder.add('Concat', [shape, builder.integers([1])], { axis: 0 }),
    ]);
  };

  const memoryValid = validity('memory_valid');
  const memories = builder.add('Where', [memoryValid, 'memory', zero]);
  const position = builder.floats(sinePosition(memoryChannels, gridSize), [
    gridSize * gridSize,
    memoryChannels,
  ]);
  const rows = builder.reshape(builder.weight('maskmem_tpos_enc'), [-1, 1, memoryChannels]);
  const age = builder.add('Gather', [rows, 'memory_rows']);
  const memoryKeys = builder.add('Add', [memories, builder.add('Add', [age, position])]);

  const pointerValid = validity('pointer_valid');
  const cut = builder.reshape('pointers', [0, 0, perPointer, memoryChannels]);
  const pointers = builder.add('Where', [pointerValid, cut, zero]);
  const pointerKeys = builder.hasWeight('obj_ptr_tpos_proj.weight')
    ? builder.add('Add', [pointers, pointerTimes(builder, channels)])
    : pointers;

  const join = (memory: string, pointer: string, width: number) =>
    builder.add('Concat', [merge(memory, width), merge(pointer, width)], { axis: 1 });
  const withPenalty = (key: string, valid: string) =>
    builder.add('Concat', [key, penalties(valid, key)], { axis: 3 });
  return {
    values: join(memories, pointers, memoryChannels),
    keys: join(
      withPenalty(memoryKeys, memoryValid),
      withPenalty(pointerKeys, pointerValid),
      memoryChannels + 1,
    ),
    rotation: tokenRotation(builder, angles, perPointer),
  };
}

/** Time codes of pointers, [objects, pointers, 1, memory channels]. */
function pointerTimes(builder: GraphBuilder, channels: number): string {
  const codes = linear(builder, timeEncoding(builder, 'pointer_times', channels), 'obj_ptr_tpos_proj');
  return builder.add('Unsqueeze', [codes, builder.integers([2])]);
}

/** The grid's rotation for each memory, and none for the tokens of pointers. */
function tokenRotation(builder: GraphBuilder, angles: RotationAngles, perPointer: number): Rotation {
  const { cosines, sines } = rotationConstants(builder, angles);
  const memories = builder.add('Shape', ['memory'], { start: 1, end: 2 });
  const pointers = builder.add('Shape', ['pointers'], { start: 1, end: 2 });
  const repeats = builder.add('Concat', [memories, builder.integers([1])], { axis: 0 });
  const still = builder.add(
    'Concat',
    [builder.add('Mul', [pointers, builder.integers([perPointer])]), builder.integers([angles.shape[1]])],
    { axis: 0 },
  );
  const rows = (table: string, rest: number) =>
    builder.add(
      'Concat',
      [builder.add('Tile', [table, repeats]), builder.add('Expand', [builder.floats([rest], []), still])],
      { axis: 0 },
    );
  return { cosines: rows(cosines, 1), sines: rows(sines, 0) };
}
