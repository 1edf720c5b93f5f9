import { Tensor } from 'onnxruntime-node';
import type { Precision } from '../graph/graph-builder.ts';
import type { Sam2Architecture, Sam2Geometry } from './architecture.ts';
import { onlyFrame } from './memory-feeds.ts';
import { requireActivations } from './require-size.ts';
import type { Activations, ObjectMemory } from './sam2-runtime.ts';

/** Feeds of memory attention for a batch of objects, by the names of the graph's inputs. */
export type ObjectFeeds = Record<
  | 'frame_of_object'
  | 'memory'
  | 'memory_rows'
  | 'memory_valid'
  | 'pointers'
  | 'pointer_times'
  | 'pointer_valid',
  Tensor
>;

/**
 * Lays the memories of several objects side by side. Objects with fewer memories are padded with slots that are
 * marked invalid, which have no influence at all. Buffers are reused from call to call: feeds are valid until the
 * next one.
 */
export class ObjectBatch {
  readonly #precision: Precision;
  readonly #memoryLength: number;
  readonly #tokens: number;
  readonly #architecture: Sam2Architecture;
  #memory: Activations = new Float32Array(0);
  #pointers: Activations = new Float32Array(0);

  constructor(architecture: Sam2Architecture, { gridSize }: Sam2Geometry, precision: Precision) {
    this.#architecture = architecture;
    this.#precision = precision;
    this.#tokens = gridSize * gridSize;
    this.#memoryLength = this.#tokens * architecture.memoryChannels;
  }

  /**
   * All objects look at the one frame of the batch.
   *
   * @throws RangeError for an object without memories or pointers, of another size, or with a row that there is not;
   *   TypeError for those of another precision
   */
  feeds(objects: readonly ObjectMemory[]): ObjectFeeds {
    for (const object of objects) this.#check(object);
    const count = objects.length;
    const { channels, memoryChannels } = this.#architecture;
    const slots = Math.max(...objects.map(({ memories }) => memories.length));
    const places = Math.max(...objects.map(({ pointers }) => pointers.length));
    const memory = this.#reserveMemory(count * slots * this.#memoryLength);
    const pointers = this.#reservePointers(count * places * channels);
    const rows = new BigInt64Array(count * slots);
    const memoryValid = new Float32Array(count * slots);
    const times = new Float32Array(count * places);
    const pointerValid = new Float32Array(count * places);
    objects.forEach((object, at) => {
      for (let slot = 0; slot < slots; slot++) {
        const place = at * slots + slot;
        const from = place * this.#memoryLength;
        const filled = object.memories[slot];
        if (filled === undefined) {
          memory.fill(0, from, from + this.#memoryLength);
          continue;
        }
        memory.set(filled.memory, from);
        rows[place] = BigInt(filled.row);
        memoryValid[place] = 1;
      }
      for (let slot = 0; slot < places; slot++) {
        const place = at * places + slot;
        const filled = object.pointers[slot];
        if (filled === undefined) {
          pointers.fill(0, place * channels, (place + 1) * channels);
          continue;
        }
        pointers.set(filled.pointer, place * channels);
        times[place] = filled.time;
        pointerValid[place] = 1;
      }
    });
    return {
      frame_of_object: onlyFrame(count),
      memory: this.tensor(memory, [count, slots, this.#tokens, memoryChannels]),
      memory_rows: new Tensor('int64', rows, [count, slots]),
      memory_valid: new Tensor('float32', memoryValid, [count, slots]),
      pointers: this.tensor(pointers, [count, places, channels]),
      pointer_times: new Tensor('float32', times, [count, places]),
      pointer_valid: new Tensor('float32', pointerValid, [count, places]),
    };
  }

  /** Activations as a tensor of the model's precision. */
  tensor(data: Activations, shape: readonly number[]): Tensor {
    return data instanceof Float32Array
      ? new Tensor('float32', data, shape)
      : new Tensor('float16', data, shape);
  }

  #check({ memories, pointers }: ObjectMemory): void {
    const precision = this.#precision;
    const { channels, memories: rows } = this.#architecture;
    if (memories.length === 0 || pointers.length === 0) {
      throw new RangeError('an object attends to a memory and a pointer at least');
    }
    for (const { memory, row } of memories) {
      requireActivations(memory, precision, this.#memoryLength, 'a memory');
      if (!(Number.isInteger(row) && row >= 0 && row < rows)) throw new RangeError(`there is no row ${row}`);
    }
    for (const { pointer } of pointers) requireActivations(pointer, precision, channels, 'a pointer');
  }

  #reserveMemory(length: number): Activations {
    if (this.#memory.length < length) this.#memory = this.#allocate(length);
    return this.#memory.subarray(0, length);
  }

  #reservePointers(length: number): Activations {
    if (this.#pointers.length < length) this.#pointers = this.#allocate(length);
    return this.#pointers.subarray(0, length);
  }

  #allocate(length: number): Activations {
    return this.#precision === 'float32' ? new Float32Array(length) : new Uint16Array(length);
  }
}

/** An object joins a run only if its memories fill this share of the slots that the fullest of it needs. */
const minFilledShare = 3 / 4;

/**
 * Indices of objects, divided into runs of as many as `objectsPerRun` allows. Objects with about equally many memories
 * share a run, so that a quarter of it at most is padding, which costs as much as memories do. The fullest come first.
 */
export function divideIntoRuns(
  objects: readonly ObjectMemory[],
  objectsPerRun: (memories: number) => number,
): number[][] {
  const order = fullestFirst(objects);
  const runs: number[][] = [];
  for (let start = 0; start < order.length; ) {
    const memoriesAt = (place: number) => objects[order[place] as number]?.memories.length ?? 0;
    const slots = memoriesAt(start);
    const limit = start + objectsPerRun(slots);
    let end = start + 1;
    while (end < limit && end < order.length && memoriesAt(end) >= slots * minFilledShare) end++;
    runs.push(order.slice(start, end));
    start = end;
  }
  return runs;
}

/** Indices of objects by how much they attend to, most first. */
function fullestFirst(objects: readonly ObjectMemory[]): number[] {
  // A pointer counts for little: it is a few tokens, a memory is thousands.
  const tokens = objects.map(({ memories, pointers }) => memories.length * 1000 + pointers.length);
  return objects
    .map((_, index) => index)
    .sort((one, other) => (tokens[other] as number) - (tokens[one] as number));
}
