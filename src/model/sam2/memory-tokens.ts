import type { GraphBuilder } from '../graph/graph-builder.ts';
import { elementType } from '../graph/onnx-format.ts';
import { axialRotationAngles, type Rotation, rotationConstants } from '../graph/pieces/axial-rope.ts';
import { linear } from '../graph/pieces/linear.ts';
import { sinePosition } from '../graph/pieces/sine-position.ts';
import { timeEncoding } from '../graph/pieces/time-encoding.ts';
import type { Sam2Architecture } from './architecture.ts';

/** Tokens along each side of a memory that become one: with 2, an approximation that is several times quicker. */
export type MemoryPooling = 1 | 2;

/** What objects attend to, as values of a graph. Tokens are those of all memories, then those of all pointers. */
export interface MemoryTokens {
  /** [objects, tokens, memory channels]; zero where invalid. */
  readonly values: string;
  /** [objects, tokens, memory channels + extra]: values with their positions, then what adds to attention logits. */
  readonly keys: string;
  /** Channels by which keys are wider than their weights, as int64 [1]. */
  readonly extra: string;
  /** [tokens, channels / 2] */
  readonly rotation: Rotation;
}

/** Added to a logit of attention, before scaling, where a token does not count; finite in half precision. */
const invalidLogit = -30_000;

/** Attention on graphics processors has quick kernels for widths that are multiples of this. */
const deviceAlignment = 8;

interface Slots {
  /** [objects, slots, tokens of a slot, memory channels] */
  readonly values: string;
  /** As the values, with their positions. */
  readonly keys: string;
  /** bool [objects, slots, 1, 1] */
  readonly valid: string;
}

/**
 * Lines up memories and pointers as tokens. Reads the graph's inputs `memory`, `memory_rows`, `memory_valid`,
 * `pointers`, `pointer_times` and `pointer_valid`.
 *
 * A pointer is cut into `channels / memoryChannels` tokens, which share one time code and are not rotated. Models
 * without `obj_ptr_tpos_proj` (SAM 2.0) do not tell pointers their time.
 *
 * A pooled token is the mean of its cells, lies at their centre and counts as often as they are.
 */
export function memoryTokens(
  builder: GraphBuilder,
  architecture: Sam2Architecture,
  gridSize: number,
  pooling: MemoryPooling,
): MemoryTokens {
  const memories = memorySlots(builder, architecture, gridSize, pooling);
  const pointers = pointerSlots(builder, architecture);
  const pooledLogit = Math.log(pooling * pooling) * Math.sqrt(architecture.channels);
  const extra = extraChannels(builder, pooling);
  return {
    values: joinSlots(builder, memories.values, pointers.values),
    keys: joinSlots(
      builder,
      withLogits(builder, memories, pooledLogit, extra),
      withLogits(builder, pointers, 0, extra),
    ),
    extra: extra.count,
    rotation: tokenRotation(builder, architecture, gridSize, pooling),
  };
}

function memorySlots(
  builder: GraphBuilder,
  { memoryChannels }: Sam2Architecture,
  gridSize: number,
  pooling: MemoryPooling,
): Slots {
  const valid = validity(builder, 'memory_valid');
  const whole = builder.add('Where', [valid, 'memory', builder.floats([0], [])]);
  const side = gridSize / pooling;
  const values = pooling === 1 ? whole : poolTokens(builder, whole, side, pooling, memoryChannels);
  const position = builder.floats(sinePosition(memoryChannels, gridSize, pooling), [
    side * side,
    memoryChannels,
  ]);
  const rows = builder.reshape(builder.weight('maskmem_tpos_enc'), [-1, 1, memoryChannels]);
  const ages = builder.add('Gather', [rows, 'memory_rows']);
  return { values, keys: builder.add('Add', [values, builder.add('Add', [ages, position])]), valid };
}

/** Means over square cells: [objects, slots, (side * pooling)², width] -> [objects, slots, side², width]. */
function poolTokens(
  builder: GraphBuilder,
  slots: string,
  side: number,
  pooling: MemoryPooling,
  width: number,
): string {
  const cells = builder.reshape(slots, [0, -1, side, pooling, side, pooling, width]);
  const means = builder.add('ReduceMean', [cells, builder.integers([3, 5])], { keepdims: 0 });
  return builder.reshape(means, [0, 0, side * side, width]);
}

function pointerSlots(builder: GraphBuilder, { channels, memoryChannels }: Sam2Architecture): Slots {
  const valid = validity(builder, 'pointer_valid');
  const cut = builder.reshape('pointers', [0, 0, channels / memoryChannels, memoryChannels]);
  const values = builder.add('Where', [valid, cut, builder.floats([0], [])]);
  if (!builder.hasWeight('obj_ptr_tpos_proj.weight')) return { values, keys: values, valid };
  const codes = linear(builder, timeEncoding(builder, 'pointer_times', channels), 'obj_ptr_tpos_proj');
  const times = builder.add('Unsqueeze', [codes, builder.integers([2])]);
  return { values, keys: builder.add('Add', [values, times]), valid };
}

function validity(builder: GraphBuilder, input: string): string {
  const flags = builder.add('Cast', [input], { to: elementType.bool });
  return builder.add('Unsqueeze', [flags, builder.integers([2, 3])]);
}

interface ExtraChannels {
  /** int64 [1] */
  readonly count: string;
  /** What a logit is divided by, to be the sum over products of extra channels. */
  readonly share: number;
}

/**
 * Extra channels cost the processor a little, so without pooling they are left out when every slot is valid. For
 * graphics processors there are always as many as keep widths aligned.
 */
function extraChannels(builder: GraphBuilder, pooling: MemoryPooling): ExtraChannels {
  if (!builder.computesInSlices) {
    // Each of the projection's extra channels is the sum of all of the keys'.
    return { count: builder.integers([deviceAlignment]), share: deviceAlignment ** 2 };
  }
  if (pooling > 1) return { count: builder.integers([1]), share: 1 };
  const flags = ['memory_valid', 'pointer_valid'].map((input) => builder.reshape(input, [-1]));
  const least = builder.add('ReduceMin', [builder.add('Concat', flags, { axis: 0 })], { keepdims: 1 });
  const someInvalid = builder.add('Sub', [builder.singles([1]), least]);
  return { count: builder.add('Cast', [someInvalid], { to: elementType.int64 }), share: 1 };
}

/** Keys with extra channels that raise the logits of valid tokens by `logit` and all but remove the others. */
function withLogits(builder: GraphBuilder, slots: Slots, logit: number, extra: ExtraChannels): string {
  const addend = (value: number) => builder.floats([value / extra.share], []);
  const logits = builder.add('Where', [slots.valid, addend(logit), addend(invalidLogit)]);
  const outer = builder.add('Shape', [slots.keys], { start: 0, end: 3 });
  const shape = builder.add('Concat', [outer, extra.count], { axis: 0 });
  return builder.add('Concat', [slots.keys, builder.add('Expand', [logits, shape])], { axis: 3 });
}

/** [objects, slots, tokens, width] of memories and of pointers -> [objects, all tokens, width]. */
function joinSlots(builder: GraphBuilder, memories: string, pointers: string): string {
  const lines = [memories, pointers].map((slots) => {
    const width = builder.add('Shape', [slots], { start: 3 });
    const shape = builder.add('Concat', [builder.integers([0, -1]), width], { axis: 0 });
    return builder.add('Reshape', [slots, shape]);
  });
  return builder.add('Concat', lines, { axis: 1 });
}

/** The grid's rotation for each memory, and none for the tokens of pointers. */
function tokenRotation(
  builder: GraphBuilder,
  { channels, memoryChannels }: Sam2Architecture,
  gridSize: number,
  pooling: MemoryPooling,
): Rotation {
  const angles = axialRotationAngles(channels, gridSize, pooling);
  const { cosines, sines } = rotationConstants(builder, angles);
  const memories = builder.add('Shape', ['memory'], { start: 1, end: 2 });
  const repeats = builder.add('Concat', [memories, builder.integers([1])], { axis: 0 });
  const pointers = builder.add('Shape', ['pointers'], { start: 1, end: 2 });
  const pointerTokens = builder.add('Mul', [pointers, builder.integers([channels / memoryChannels])]);
  const still = builder.add('Concat', [pointerTokens, builder.integers([channels / 2])], { axis: 0 });
  const forTokens = (table: string, rest: number) => {
    const constant = builder.add('Expand', [builder.floats([rest], []), still]);
    return builder.add('Concat', [builder.add('Tile', [table, repeats]), constant], { axis: 0 });
  };
  return { cosines: forTokens(cosines, 1), sines: forTokens(sines, 0) };
}
