import { existsSync, mkdirSync, readFileSync, truncateSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../../src/model/checkpoint/checkpoint.ts';
import { floatBytes, matrixFile, matrixStorage, safetensorsFile, torchFile } from './checkpoint-samples.ts';
import { dictionary, join, pickle, tensor } from './pickle-writer.ts';
import { expectInvalid, TemporaryFiles } from './temporary-files.ts';

const nano = fileURLToPath(new URL('../../../../shared/sam2/nano', import.meta.url));
const hasNano = existsSync(`${nano}.pt`);
if (!hasNano) console.warn('SKIPPED: the SAM 2 checkpoint is not here, so two real files are not compared');

const files = new TemporaryFiles();

describe('openCheckpoint', () => {
  it.skipIf(!hasNano)('reads the same 423 tensors from both formats of a SAM 2 model', async () => {
    const pytorch = await openCheckpoint(`${nano}.pt`);
    const safetensors = await openCheckpoint(`${nano}.safetensors`);
    expect([pytorch.format, safetensors.format]).toEqual(['pytorch', 'safetensors']);
    expect([...pytorch.tensors.keys()]).toEqual([...safetensors.tensors.keys()]);
    expect(pytorch.tensors.size).toBe(423);
    const pytorchBytes = readFileSync(`${nano}.pt`);
    for (const [name, { type, shape, location }] of pytorch.tensors) {
      expect(safetensors.tensors.get(name)).toMatchObject({ name, type, shape });
      const values = Buffer.from((await safetensors.readFloats(name)).buffer);
      expect(values.equals(Buffer.from((await pytorch.readFloats(name)).buffer))).toBe(true);
      const { offset, length } = location ?? { offset: 0, length: 0 };
      expect(values.equals(pytorchBytes.subarray(offset, offset + length))).toBe(true);
    }
    await Promise.all([pytorch.close(), safetensors.close()]);
  });

  it('reads what PyTorch 2.13 writes with protocol 4', async () => {
    // torch.save({'state_dict': OrderedDict, 'epoch': 3, 'device': torch.device('cuda', 0), 'size': torch.Size(…),
    // 'type': torch.float32}) with `arange(12).reshape(3, 4) / 8 - 0.5` in four types and as views of itself.
    const path = fileURLToPath(new URL('torch-2.13.pt', import.meta.url));
    const checkpoint = await openCheckpoint(path);
    const base = Array.from({ length: 12 }, (_, i) => i / 8 - 0.5);
    const expected = {
      float64: ['F64', [3, 4], base],
      float32: ['F32', [3, 4], base],
      float16: ['F16', [3, 4], base],
      bfloat16: ['BF16', [3, 4], base],
      transposed: ['F32', [4, 3], [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11].map((i) => base[i])],
      columns: ['F32', [2, 2], [4, 6, 8, 10].map((i) => base[i])],
      parameter: ['F32', [4], base.slice(8)],
      scalar: ['F32', [], [3.5]],
    } as const;
    expect([...checkpoint.tensors.keys()]).toEqual([...Object.keys(expected), 'steps']);
    for (const [name, [type, shape, values]] of Object.entries(expected)) {
      expect(checkpoint.tensors.get(name)).toMatchObject({ type, shape });
      expect([...(await checkpoint.readFloats(name))]).toEqual(values);
    }
    const withoutPlace = [...checkpoint.tensors.values()].filter(({ location }) => location === null);
    expect(withoutPlace.map(({ name }) => name)).toEqual(['transposed', 'columns']);
    expect(checkpoint.tensors.get('steps')).toMatchObject({ type: 'I64', shape: [] });
    await expect(checkpoint.readFloats('steps')).rejects.toThrow(/'steps' is of type I64/);
    await checkpoint.close();
  });

  it.each([
    { name: 'an empty file', bytes: Buffer.from(''), reason: /neither a PyTorch nor a safetensors file/ },
    { name: 'text', bytes: Buffer.from('version https://git-lfs.github.com/spec/v1\n'), reason: /Git LFS/ },
    { name: 'a script', bytes: Buffer.from('function{}'), reason: /neither/ },
    {
      name: 'an old pickle',
      bytes: join('\x80\x02\x8a\x0a\x6c\xfc\x9c\x46'),
      reason: /before 1\.6.*torch\.save/,
    },
    { name: 'an old tar file', bytes: join('x'.repeat(257), 'ustar'), reason: /before 1\.6/ },
    { name: 'an empty zip file', bytes: join('PK\x05\x06', '\0'.repeat(18)), reason: /neither/ },
    { name: 'a short safetensors file', bytes: join('\x10\0\0\0\0\0\0\0{}'), reason: /ends at byte 10/ },
  ])('refuses $name', ({ bytes, reason }) => files.expectRefused(bytes, reason));

  it('tells formats by content, where a header length looks like a pickle or a zip file', async () => {
    const header = (length: number) => safetensorsFile('{}'.padEnd(length));
    for (const length of [0x0280, 0x0480, 0x4b50]) {
      const checkpoint = await files.open(header(length));
      expect([checkpoint.format, checkpoint.tensors.size]).toEqual(['safetensors', 0]);
      await checkpoint.close();
    }
  });

  it('refuses what is not a file, or not there', async () => {
    mkdirSync(files.path('folder'));
    await expect(openCheckpoint(files.path('folder'))).rejects.toThrow(/it is not a file/);
    const error = await openCheckpoint(files.path('absent')).catch((thrown: unknown) => thrown);
    expectInvalid(error, /cannot be read \(ENOENT/);
    expect(error).toMatchObject({ place: { key: files.path('absent') } });
  });

  it.each([
    { names: ['module.a', 'module.b'], expected: ['a', 'b'] },
    { names: ['module.model.a', 'module.model.b'], expected: ['a', 'b'] },
    { names: ['module.a', 'b'], expected: ['module.a', 'b'] },
    { names: ['model.a', 'modelb'], expected: ['model.a', 'modelb'] },
    { names: ['module.', 'module.a'], expected: ['module.', 'module.a'] },
    { names: ['encoder.a', 'encoder.b'], expected: ['encoder.a', 'encoder.b'] },
  ])('calls $names $expected', async ({ names, expected }) => {
    const scalar = { storage: 'torch.FloatStorage', key: '0', length: 1, shape: [], strides: [] };
    const entries = Object.fromEntries(names.map((name) => [name, tensor(scalar)]));
    const content = { pickle: pickle([dictionary(entries)]), storages: { '0': floatBytes(7) } };
    const checkpoint = await files.open(torchFile(content));
    expect([...checkpoint.tensors.keys()]).toEqual(expected);
    expect([...(await checkpoint.readFloats(expected[0] ?? ''))]).toEqual([7]);
    await checkpoint.close();
  });

  it('reads until it is closed, which may be done twice', async () => {
    const checkpoint = await files.open(matrixFile());
    expect(checkpoint.path).toBe(files.path('checkpoint'));
    expect([...(await checkpoint.readFloats('weight'))]).toEqual([1, 2, 3, 4, 5, 6]);
    const unknown = await checkpoint.readFloats('bias').catch((error: unknown) => error);
    expectInvalid(unknown, /no tensor 'bias'/);
    await Promise.all([checkpoint.close(), checkpoint.close()]);
    const closed = await checkpoint.readFloats('weight').catch((error: unknown) => error);
    expectInvalid(closed, /cannot be read/);
  });

  it('says so when the file is cut while it is open', async () => {
    const checkpoint = await files.open(matrixFile());
    truncateSync(files.path('checkpoint'), 64);
    const error = await checkpoint.readFloats('weight').catch((thrown: unknown) => thrown);
    expectInvalid(error, /has become shorter/);
    expect(error).toMatchObject({ place: { key: checkpoint.path } });
    await checkpoint.close();
  });

  it('refuses every beginning of a file', async () => {
    const header = '{"a":{"dtype":"F32","shape":[6],"data_offsets":[0,24]}}';
    for (const whole of [matrixFile(), safetensorsFile(header, matrixStorage['0'])]) {
      await files.open(whole).then((checkpoint) => checkpoint.close());
      for (let length = 0; length < whole.length; length++) {
        await files.expectRefused(whole.subarray(0, length), /not a usable checkpoint/);
      }
    }
  });
});
