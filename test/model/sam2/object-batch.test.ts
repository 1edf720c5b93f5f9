import type { Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { divideIntoRuns, ObjectBatch } from '../../../src/model/sam2/object-batch.ts';
import type { Activations, ObjectMemory } from '../../../src/model/sam2/sam2-runtime.ts';
import { nano } from './graph-fixture.ts';

const geometry = { imageSize: 64, gridSize: 4, maskSize: 16 };
const memoryLength = 16 * nano.memoryChannels;

/** An object whose arrays hold one number each, so that it shows where they went. */
function objectOf(rows: readonly number[], times: readonly number[], value: number): ObjectMemory {
  return {
    memories: rows.map((row, at) => ({ memory: new Float32Array(memoryLength).fill(value + at), row })),
    pointers: times.map((time, at) => ({
      pointer: new Float32Array(nano.channels).fill(-value - at),
      time,
    })),
  };
}

const numbers = ({ data }: Tensor) => Array.from(data as BigInt64Array | Float32Array, Number);

/** Every `step`-th value, as there are so many equal ones in a row. */
const everyOf = (tensor: Tensor, step: number) => numbers(tensor).filter((_, at) => at % step === 0);

describe('ObjectBatch', () => {
  it('lays objects side by side and marks what is padding', () => {
    const batch = new ObjectBatch(nano, geometry, 'float32');
    const feeds = batch.feeds([objectOf([6, 1, 0], [0.5], 10), objectOf([6], [1, 0.25], 20)]);
    expect(feeds.frame_of_object.dims).toEqual([2]);
    expect(numbers(feeds.frame_of_object)).toEqual([0, 0]);
    expect(feeds.memory.dims).toEqual([2, 3, 16, nano.memoryChannels]);
    expect(everyOf(feeds.memory, memoryLength)).toEqual([10, 11, 12, 20, 0, 0]);
    expect(numbers(feeds.memory_rows)).toEqual([6, 1, 0, 6, 0, 0]);
    expect(numbers(feeds.memory_valid)).toEqual([1, 1, 1, 1, 0, 0]);
    expect(feeds.pointers.dims).toEqual([2, 2, nano.channels]);
    expect(everyOf(feeds.pointers, nano.channels)).toEqual([-10, 0, -20, -21]);
    expect(numbers(feeds.pointer_times)).toEqual([0.5, 0, 1, 0.25]);
    expect(numbers(feeds.pointer_valid)).toEqual([1, 0, 1, 1]);
  });

  it('leaves nothing of an earlier batch in the padding of the next', () => {
    const batch = new ObjectBatch(nano, geometry, 'float32');
    batch.feeds([objectOf([6, 0], [1, 1], 7), objectOf([6, 0], [1, 1], 8)]);
    const feeds = batch.feeds([objectOf([6], [1], 1), objectOf([6, 0], [1, 1], 2)]);
    expect(new Set(numbers(feeds.memory))).toEqual(new Set([1, 0, 2, 3]));
    expect(new Set(numbers(feeds.pointers))).toEqual(new Set([-1, 0, -2, -3]));
  });

  it('keeps the bits of half floats', () => {
    const batch = new ObjectBatch(nano, geometry, 'float16');
    const half = (length: number): Activations => new Uint16Array(length).fill(0x3c00);
    const object: ObjectMemory = {
      memories: [{ memory: half(memoryLength), row: 6 }],
      pointers: [{ pointer: half(nano.channels), time: 1 }],
    };
    const { memory, pointers, pointer_times: times } = batch.feeds([object]);
    expect([memory.type, pointers.type, times.type]).toEqual(['float16', 'float16', 'float32']);
    // The type of these values depends on what Node.js has.
    const bits = new Uint16Array((memory.data as Float32Array).buffer, 0, memoryLength);
    expect(new Set(bits)).toEqual(new Set([0x3c00]));
  });

  const good = objectOf([6], [1], 1);
  it.each<[string, Partial<ObjectMemory>, typeof RangeError | typeof TypeError]>([
    ['no memory', { memories: [] }, RangeError],
    ['no pointer', { pointers: [] }, RangeError],
    ['a short memory', { memories: [{ memory: new Float32Array(memoryLength - 1), row: 6 }] }, RangeError],
    ['a long memory', { memories: [{ memory: new Float32Array(memoryLength + 1), row: 6 }] }, RangeError],
    ['a memory of half floats', { memories: [{ memory: new Uint16Array(memoryLength), row: 6 }] }, TypeError],
    ['a row after the last', { memories: [{ memory: new Float32Array(memoryLength), row: 7 }] }, RangeError],
    [
      'a row before the first',
      { memories: [{ memory: new Float32Array(memoryLength), row: -1 }] },
      RangeError,
    ],
    ['half a row', { memories: [{ memory: new Float32Array(memoryLength), row: 0.5 }] }, RangeError],
    [
      'a short pointer',
      { pointers: [{ pointer: new Float32Array(nano.channels - 1), time: 1 }] },
      RangeError,
    ],
    [
      'a pointer of half floats',
      { pointers: [{ pointer: new Uint16Array(nano.channels), time: 1 }] },
      TypeError,
    ],
  ])('refuses an object with %s', (_, wrong, error) => {
    const batch = new ObjectBatch(nano, geometry, 'float32');
    expect(() => batch.feeds([good, { ...good, ...wrong }])).toThrow(error);
  });
});

describe('divideIntoRuns', () => {
  const objectsOf = (...memories: number[]) =>
    memories.map((count) => objectOf(new Array<number>(count).fill(6), [1], 0));

  it('puts the fullest first, by memories, then by pointers, and keeps equals in their order', () => {
    const objects = [
      objectOf([6], [1], 0),
      objectOf([6, 0], [1], 0),
      objectOf([6], [1, 1, 1], 0),
      objectOf([6, 1], [1], 0),
    ];
    expect(divideIntoRuns(objects, () => 4).flat()).toEqual([1, 3, 2, 0]);
    expect(divideIntoRuns(objectsOf(2, 2, 2, 2), () => 3)).toEqual([[0, 1, 2], [3]]);
    expect(divideIntoRuns([], () => 4)).toEqual([]);
  });

  it.each([
    { name: 'one that was prompted often from others', memories: [7, 22, 7, 7], runs: [[1], [0, 2, 3]] },
    { name: 'young objects from old ones', memories: [1, 7, 2, 7, 1], runs: [[1, 3], [2], [0, 4]] },
    { name: 'nothing from what is nearly as full', memories: [8, 6, 7, 9], runs: [[3, 0, 2], [1]] },
    { name: 'nothing from its equals', memories: [7, 7, 7, 7], runs: [[0, 1, 2, 3]] },
  ])('parts $name', ({ memories, runs }) => {
    expect(divideIntoRuns(objectsOf(...memories), () => 4)).toEqual(runs);
  });

  it('leaves a quarter of a run at most to padding, and leaves out nobody', () => {
    const memories = Array.from({ length: 60 }, (_, at) => 1 + ((at * 17) % 23));
    const objects = objectsOf(...memories);
    const runs = divideIntoRuns(objects, () => 16);
    for (const run of runs) {
      const filled = run.map((index) => memories[index] as number);
      const slots = Math.max(...filled) * run.length;
      expect(filled.reduce((sum, count) => sum + count, 0)).toBeGreaterThanOrEqual(0.75 * slots);
    }
    expect(runs.flat().sort((a, b) => a - b)).toEqual([...memories.keys()]);
  });

  it('never holds more memories in a run than there is room for, padding included', () => {
    const room = 12;
    const objects = objectsOf(1, 22, 3, 6, 2, 1, 5, 13, 1, 1);
    const runs = divideIntoRuns(objects, (memories) => Math.max(1, Math.floor(room / memories)));
    expect(runs).toEqual([[1], [7], [3, 6], [2], [4], [0, 5, 8, 9]]);
    for (const run of runs) {
      const slots = Math.max(...run.map((index) => objects[index]?.memories.length ?? 0));
      if (run.length > 1) expect(slots * run.length).toBeLessThanOrEqual(room);
    }
  });

  it('gives few memories more room than many', () => {
    const objects = objectsOf(1, 1, 1, 1, 6, 6);
    expect(divideIntoRuns(objects, (memories) => Math.floor(6 / memories))).toEqual([[4], [5], [0, 1, 2, 3]]);
  });
});
