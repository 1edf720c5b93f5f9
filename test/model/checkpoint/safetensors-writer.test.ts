import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openCheckpoint, type TensorType } from '../../../src/model/checkpoint/checkpoint.ts';
import { type WritableTensor, writeSafetensors } from '../../../src/model/checkpoint/safetensors-writer.ts';
import { floatBytes } from './checkpoint-samples.ts';
import { TemporaryFiles } from './temporary-files.ts';

const files = new TemporaryFiles();

const sizes = { F64: 8, F32: 4, F16: 2, BF16: 2, I64: 8, I32: 4, I16: 2, I8: 1, U8: 1, BOOL: 1 } as const;

const tensors: fc.Arbitrary<WritableTensor> = fc
  .record({
    name: fc.string({ unit: 'grapheme' }).map((name) => `_${name}`),
    type: fc.constantFrom(...(Object.keys(sizes) as TensorType[])),
    shape: fc.array(fc.nat(3), { maxLength: 3 }),
    fill: fc.nat(255),
  })
  .map(({ fill, ...fields }) => {
    const count = fields.shape.reduce((product, size) => product * size, 1);
    return { ...fields, data: new Uint8Array(count * sizes[fields.type]).map((_, i) => fill + i) };
  });

describe('writeSafetensors', () => {
  it('writes what the reader reads, with all values on multiples of their size', async () => {
    const path = files.path('any.safetensors');
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(tensors, { selector: ({ name }) => name }), async (written) => {
        await writeSafetensors(path, written, { note: 'größe' });
        const bytes = readFileSync(path);
        const checkpoint = await openCheckpoint(path);
        await checkpoint.close();
        expect(checkpoint.tensors.size).toBe(written.length);
        for (const { name, type, shape, data } of written) {
          const tensor = checkpoint.tensors.get(name);
          expect(tensor).toMatchObject({ type, shape });
          const { offset, length } = tensor?.location ?? { offset: -1, length: -1 };
          expect(offset % sizes[type]).toBe(0);
          expect(bytes.subarray(offset, offset + length)).toEqual(Buffer.from(data));
        }
      }),
      { numRuns: 100 },
    );
  });

  it('writes the bytes of the format', async () => {
    const path = files.path('exact.safetensors');
    const weight = { name: 'w', type: 'F32', shape: [1], data: floatBytes(1) } as const;
    await writeSafetensors(path, [weight], { format: 'pt' });
    const header = '{"__metadata__":{"format":"pt"},"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}';
    const expected = Buffer.concat([
      Buffer.from([88, 0, 0, 0, 0, 0, 0, 0]),
      Buffer.from(header.padEnd(88)),
      Buffer.from([0, 0, 0x80, 0x3f]),
    ]);
    expect(readFileSync(path)).toEqual(expected);
  });

  it('takes the place of an older file, and leaves nothing else', async () => {
    const folder = files.path('replaced');
    mkdirSync(folder);
    for (const value of [1, 2]) {
      const data = floatBytes(value);
      await writeSafetensors(`${folder}/a`, [{ name: 'w', type: 'F32', shape: [], data }]);
    }
    const checkpoint = await openCheckpoint(`${folder}/a`);
    expect([...(await checkpoint.readFloats('w'))]).toEqual([2]);
    await checkpoint.close();
    expect(readdirSync(folder)).toEqual(['a']);
  });

  it('leaves nothing behind when it fails', async () => {
    const folder = files.path('failed');
    mkdirSync(`${folder}/taken`, { recursive: true });
    const weight = { name: 'w', type: 'F32', shape: [1], data: floatBytes(1) } as const;
    const unwritable = { code: 'TRACKCAST_OUTPUT_UNWRITABLE' };
    await expect(writeSafetensors(`${folder}/taken`, [weight])).rejects.toMatchObject(unwritable);
    await expect(writeSafetensors(`${folder}/absent/a`, [weight])).rejects.toMatchObject(unwritable);
    await expect(writeSafetensors(`${folder}/a`, [weight, weight])).rejects.toThrow(RangeError);
    await expect(writeSafetensors(`${folder}/a`, [{ ...weight, shape: [2] }])).rejects.toThrow(RangeError);
    await expect(writeSafetensors(`${folder}/a`, [{ ...weight, name: '__metadata__' }])).rejects.toThrow(
      RangeError,
    );
    expect(readdirSync(folder)).toEqual(['taken']);
  });
});
