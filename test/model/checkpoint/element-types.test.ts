import { describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../../src/model/checkpoint/checkpoint.ts';
import { convertToFloats, countValues } from '../../../src/model/checkpoint/element-types.ts';
import { writeSafetensors } from '../../../src/model/checkpoint/safetensors-writer.ts';
import { TemporaryFiles } from './temporary-files.ts';

const files = new TemporaryFiles();
const everyHalf = Uint16Array.from({ length: 2 ** 16 }, (_, bits) => bits);

/** IEEE 754-2008, 3.4: sign, 5 bits of exponent, 10 of fraction. */
function halfValue(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = (bits & 1023) / 1024;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return exponent === 0 ? sign * fraction * 2 ** -14 : sign * (1 + fraction) * 2 ** (exponent - 15);
}

describe('convertToFloats', () => {
  it('gives every half its value', () => {
    const floats = new Float32Array(everyHalf.length);
    convertToFloats('F16', new Uint8Array(everyHalf.buffer), floats, 0);
    expect(floats.every((value, bits) => Object.is(value, halfValue(bits)))).toBe(true);
  });

  it('gives every bfloat16 the value of the float32 that it begins', () => {
    const floats = new Float32Array(everyHalf.length);
    convertToFloats('BF16', new Uint8Array(everyHalf.buffer), floats, 0);
    const view = new DataView(new ArrayBuffer(4));
    for (const [bits, value] of floats.entries()) {
      view.setUint16(0, bits);
      if (!Object.is(value, view.getFloat32(0))) expect.fail(`${bits} gives ${value}`);
    }
  });

  it('rounds doubles, and puts values where they are asked for', () => {
    const floats = new Float32Array(4);
    convertToFloats('F64', new Uint8Array(new Float64Array([1 / 3, 1e300]).buffer), floats, 1);
    expect([...floats]).toEqual([0, Math.fround(1 / 3), Infinity, 0]);
    convertToFloats('F32', new Uint8Array(new Float32Array([5]).buffer), floats, 3);
    expect(floats[3]).toBe(5);
  });

  it.each(['F16', 'BF16', 'F64'] as const)(
    'reads a tensor of %s that is converted in parts',
    async (type) => {
      const path = files.path('large');
      const count = 2 ** 21 + 5;
      const [one, two] = { F16: [0x3c00, 0x4000], BF16: [0x3f80, 0x4000], F64: [1, 2] }[type];
      const data = type === 'F64' ? new Float64Array(count) : new Uint16Array(count);
      data.fill(one ?? 0).fill(two ?? 0, count - 6);
      await writeSafetensors(path, [{ name: 'w', type, shape: [count], data: new Uint8Array(data.buffer) }]);
      const checkpoint = await openCheckpoint(path);
      const floats = await checkpoint.readFloats('w');
      await checkpoint.close();
      expect(floats.length).toBe(count);
      expect(floats.indexOf(2)).toBe(count - 6);
      expect(floats.subarray(0, count - 6).every((value) => value === 1)).toBe(true);
      expect(floats.subarray(count - 6).every((value) => value === 2)).toBe(true);
    },
  );
});

describe('countValues', () => {
  it.each([
    { shape: [], count: 1 },
    { shape: [2, 3, 4], count: 24 },
    { shape: [2 ** 52, 0, 2 ** 52], count: 0 },
    { shape: [2 ** 29], count: 2 ** 29 },
    { shape: [2 ** 29 + 1], count: null },
    { shape: Array(16).fill(2 ** 53 - 1), count: null },
  ])('counts $count in $shape', ({ shape, count }) => {
    expect(countValues(shape)).toBe(count);
  });
});
