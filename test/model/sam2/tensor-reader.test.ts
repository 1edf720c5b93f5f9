import { type InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { TrackcastError } from '../../../src/errors.ts';
import { release, TensorReader } from '../../../src/model/sam2/tensor-reader.ts';
import { nano } from './graph-fixture.ts';

const geometry = { imageSize: 64, gridSize: 4, maskSize: 16 };
const memoryLength = 16 * nano.memoryChannels;

const reader = (precision: 'float32' | 'float16' = 'float32') => new TensorReader(nano, geometry, precision);

/** Memories of two objects: ones and twos. */
function memories(): InferenceSession.ReturnType {
  const data = new Float32Array(2 * memoryLength).fill(1, 0, memoryLength).fill(2, memoryLength);
  return { memory: new Tensor('float32', data, [2, 16, nano.memoryChannels]) };
}

/** A tensor of half floats whose values come as another view of their bits, as newer engines give them. */
function halves(bits: Uint16Array): Tensor {
  const tensor = new Tensor('float16', bits, [1, bits.length]);
  Object.defineProperty(tensor, 'data', { value: new Int16Array(bits.buffer) });
  return tensor;
}

function codeOf(failing: () => unknown): unknown {
  try {
    failing();
  } catch (error) {
    return error instanceof TrackcastError ? error.code : error;
  }
  return 'nothing was thrown';
}

describe('TensorReader', () => {
  it('copies the part of one object', () => {
    const outputs = memories();
    const second = reader().memory(outputs, 1);
    outputs['memory']?.data.fill(0 as never);
    expect(second).toEqual(new Float32Array(memoryLength).fill(2));
  });

  it('fills arrays that came back before it takes new ones, each once', () => {
    const reading = reader();
    const spare = new Float32Array(memoryLength).fill(9);
    reading.recycle(spare);
    reading.recycle(spare);
    const [first, second] = [reading.memory(memories(), 0), reading.memory(memories(), 1)];
    expect(first).toBe(spare);
    expect(first).toEqual(new Float32Array(memoryLength).fill(1));
    expect(second).toEqual(new Float32Array(memoryLength).fill(2));
  });

  it('keeps a bounded number of spare arrays', () => {
    const reading = reader();
    const spares = Array.from({ length: 100 }, () => new Float32Array(memoryLength));
    for (const spare of spares) reading.recycle(spare);
    const taken = spares.map(() => reading.memory(memories(), 0));
    expect(taken.filter((memory) => spares.includes(memory as Float32Array<ArrayBuffer>))).toHaveLength(64);
  });

  it('gives the bits of half floats, whatever view of them the engine has', () => {
    const bits = Uint16Array.from({ length: memoryLength }, (_, at) => 0x3c00 + at);
    const memory = reader('float16').memory({ memory: halves(bits.slice()) }, 0);
    expect(memory).toEqual(bits);
  });

  it('takes no outputs for others that are not there or of another type', () => {
    const failed = 'TRACKCAST_INFERENCE_FAILED';
    expect(codeOf(() => reader().tensor({}, 'memory'))).toBe(failed);
    const integers = { memory: new Tensor('int32', new Int32Array(memoryLength), [1, memoryLength]) };
    expect(codeOf(() => reader().memory(integers, 0))).toBe(failed);
    expect(codeOf(() => reader().score({ object_score: new Tensor('int32', [1], [1]) }, 0))).toBe(failed);
  });
});

describe('release', () => {
  it('lets go of every output', () => {
    const outputs = memories();
    release(outputs);
    expect(outputs['memory']?.location).toBe('none');
  });
});
