import { describe, expect, it } from 'vitest';
import { checkpointLimits } from '../../../src/model/checkpoint/limits.ts';
import { floatBytes, matrix, matrixFile, matrixStorage, torchFile } from './checkpoint-samples.ts';
import {
  call,
  dictionary,
  globalName,
  join,
  pickle,
  tensor,
  text,
  tuple,
  typedTensor,
} from './pickle-writer.ts';
import { TemporaryFiles } from './temporary-files.ts';
import { writeZip } from './zip-writer.ts';

const files = new TemporaryFiles();

/** A file of one tensor, `weight`. */
const fileOf = (weight: Uint8Array, storages: Readonly<Record<string, Uint8Array>> = matrixStorage) =>
  torchFile({ pickle: pickle([dictionary({ weight })]), storages });

describe('readPytorchTensors', () => {
  it.each([
    { name: 'the dictionary itself', content: dictionary({ a: tensor(matrix) }) },
    { name: "one under 'model'", content: dictionary({ model: dictionary({ a: tensor(matrix) }) }) },
    {
      name: "one under 'state_dict'",
      content: dictionary({ state_dict: dictionary({ a: tensor(matrix) }) }),
    },
    {
      name: "one under 'model' beside other things",
      content: dictionary({
        epoch: 'K\x03',
        best: tensor(matrix),
        optimizer: dictionary({ state: dictionary({ a: tensor({ ...matrix, key: 'not there' }) }) }),
        model: dictionary({ a: tensor(matrix), version: 'K\x01', extra: tuple(tensor(matrix)) }),
        state_dict: dictionary({ b: tensor(matrix) }),
      }),
    },
    {
      name: "the dictionary itself where 'model' holds no tensors",
      content: dictionary({ model: dictionary({ size: text('tiny') }), a: tensor(matrix) }),
    },
    {
      name: 'an ordered dictionary with attributes',
      content: join(
        call('collections.OrderedDict'),
        '(',
        text('a'),
        tensor(matrix),
        'u',
        dictionary({}),
        'b',
      ),
    },
  ])('finds the tensors of $name', async ({ content }) => {
    const checkpoint = await files.open(torchFile({ pickle: pickle([content]), storages: matrixStorage }));
    expect([...checkpoint.tensors.keys()]).toEqual(['a']);
    expect([...(await checkpoint.readFloats('a'))]).toEqual([1, 2, 3, 4, 5, 6]);
    await checkpoint.close();
  });

  it.each([
    { name: 'a list', content: join(']') },
    { name: 'a tensor', content: tensor(matrix) },
    { name: 'a dictionary without tensors', content: dictionary({ model: dictionary({}) }) },
    { name: 'tensors without names', content: join('}', 'K\x01', tensor(matrix), 's') },
    { name: 'tensors in deeper dictionaries', content: dictionary({ x: dictionary({ a: tensor(matrix) }) }) },
  ])('refuses $name', ({ content }) =>
    files.expectRefused(torchFile({ pickle: pickle([content]), storages: matrixStorage }), /holds no/),
  );

  it.each([
    { name: 'rows', offset: 3, shape: [3], strides: [1], expected: [4, 5, 6], contiguous: true },
    { name: 'a scalar', offset: 5, shape: [], strides: [], expected: [6], contiguous: true },
    { name: 'a transposed one', offset: 0, shape: [3, 2], strides: [1, 3], expected: [1, 4, 2, 5, 3, 6] },
    { name: 'a column', offset: 1, shape: [2, 1], strides: [3, 1], expected: [2, 5] },
    { name: 'every other value', offset: 1, shape: [3], strides: [2], expected: [2, 4, 6] },
    { name: 'windows', offset: 0, shape: [2, 3], strides: [2, 1], expected: [1, 2, 3, 3, 4, 5] },
    { name: 'repeated values', offset: 2, shape: [2, 3], strides: [0, 0], expected: [3, 3, 3, 3, 3, 3] },
    {
      name: 'any strides of size 1',
      offset: 0,
      shape: [1, 6, 1],
      strides: [77, 1, 9],
      expected: [1, 2, 3, 4, 5, 6],
      contiguous: true,
    },
    { name: 'no values', offset: 6, shape: [0, 4], strides: [4, 1], expected: [], contiguous: true },
  ])('reads $name of a storage', async ({ expected, contiguous = false, ...view }) => {
    const file = fileOf(tensor({ ...matrix, ...view }));
    const checkpoint = await files.open(file);
    expect([...(await checkpoint.readFloats('weight'))]).toEqual(expected);
    const place = checkpoint.tensors.get('weight')?.location ?? null;
    expect(place !== null).toBe(contiguous);
    if (place) {
      const bytes = file.slice(place.offset, place.offset + place.length);
      expect([...new Float32Array(bytes.buffer)]).toEqual(expected);
    }
    await checkpoint.close();
  });

  it('reads one storage through several tensors', async () => {
    const [first, second] = [
      tensor({ ...matrix, shape: [3], strides: [1] }),
      tensor({ ...matrix, offset: 3, shape: [3], strides: [1] }),
    ];
    const checkpoint = await files.open(
      torchFile({ pickle: pickle([dictionary({ first, second })]), storages: matrixStorage }),
    );
    expect([...(await checkpoint.readFloats('first'))]).toEqual([1, 2, 3]);
    expect([...(await checkpoint.readFloats('second'))]).toEqual([4, 5, 6]);
    await checkpoint.close();
  });

  it.each([
    { storage: 'torch.DoubleStorage', type: 'F64', data: new Float64Array([1, 2.5]) },
    { storage: 'torch.FloatStorage', type: 'F32', data: new Float32Array([1, 2.5]) },
    { storage: 'torch.HalfStorage', type: 'F16', data: new Uint16Array([0x3c00, 0x4100]) },
    { storage: 'torch.BFloat16Storage', type: 'BF16', data: new Uint16Array([0x3f80, 0x4020]) },
    { storage: 'torch.LongStorage', type: 'I64', data: new BigInt64Array(2) },
    { storage: 'torch.IntStorage', type: 'I32', data: new Int32Array(2) },
    { storage: 'torch.ShortStorage', type: 'I16', data: new Int16Array(2) },
    { storage: 'torch.CharStorage', type: 'I8', data: new Int8Array(2) },
    { storage: 'torch.ByteStorage', type: 'U8', data: new Uint8Array(2) },
    { storage: 'torch.BoolStorage', type: 'BOOL', data: new Uint8Array(2) },
  ])('reads $storage as $type', async ({ storage, type, data }) => {
    const weight = tensor({ storage, key: 'w', length: 2, shape: [2], strides: [1] });
    const checkpoint = await files.open(fileOf(weight, { w: new Uint8Array(data.buffer) }));
    expect(checkpoint.tensors.get('weight')).toMatchObject({ type, location: { length: data.byteLength } });
    const values = checkpoint.readFloats('weight');
    if (/F/.test(type)) expect([...(await values)]).toEqual([1, 2.5]);
    else await expect(values).rejects.toThrow(`is of type ${type}, not floating-point`);
    await checkpoint.close();
  });

  it.each(['torch.storage.UntypedStorage', 'torch.storage.TypedStorage'])(
    'takes the type of a tensor in %s from the tensor',
    async (storage) => {
      const bytes = { ...matrix, storage, length: 24 };
      expect(await files.readFloats(fileOf(typedTensor(bytes, 'torch.float32')), 'weight')).toHaveLength(6);
      await files.expectRefused(fileOf(tensor(bytes)), /lacks its storage, type or offset/);
      await files.expectRefused(fileOf(typedTensor(bytes, 'torch.float64')), /more values than its storage/);
    },
  );

  it.each([
    {
      name: 'more values than the storage',
      fields: { shape: [7], strides: [0] },
      reason: /more values than/,
    },
    {
      name: 'values without end',
      fields: { shape: [2 ** 28, 2 ** 28], strides: [0, 0] },
      reason: /more than 536870912 values/,
    },
    {
      name: 'an offset behind the storage',
      fields: { offset: 7, shape: [0], strides: [1] },
      reason: /reaches beyond/,
    },
    { name: 'an end behind the storage', fields: { offset: 1 }, reason: /reaches beyond/ },
    { name: 'strides behind the storage', fields: { strides: [4, 1] }, reason: /reaches beyond/ },
    {
      name: 'strides beyond all numbers',
      fields: { strides: [2 ** 53 - 1, 2 ** 53 - 1] },
      reason: /reaches beyond/,
    },
    {
      name: 'a storage of another size',
      fields: { length: 5, shape: [5], strides: [1] },
      reason: /24 bytes for 5/,
    },
    { name: 'no storage', fields: { key: '1' }, reason: /lacks 'archive\/data\/1'/ },
    {
      name: 'a key that leads elsewhere',
      fields: { key: '../data.pkl' },
      reason: /lacks 'archive\/data\/\.\./,
    },
    { name: 'strides of another rank', fields: { strides: [1] }, reason: /one stride per dimension/ },
    {
      name: '17 dimensions',
      fields: { shape: Array(17).fill(1), strides: Array(17).fill(1) },
      reason: /above 16/,
    },
  ])('refuses a tensor with $name', ({ fields, reason }) =>
    files.expectRefused(fileOf(tensor({ ...matrix, ...fields })), reason),
  );

  it('refuses tensors whose bytes mean something else than they say', async () => {
    const negated = tensor(matrix, dictionary({ neg: '\x88' }));
    await files.expectRefused(fileOf(negated), /lazily negated/);
    expect(await files.readFloats(fileOf(tensor(matrix, dictionary({}))), 'weight')).toHaveLength(6);
    await files.expectRefused(fileOf(typedTensor(matrix, 'torch.int32')), /another type than its storage/);
  });

  it('reads strided tensors of every float type, whatever precedes them in the storage', async () => {
    const weight = tensor({
      storage: 'torch.HalfStorage',
      key: 'w',
      length: 5,
      offset: 1,
      shape: [2],
      strides: [3],
    });
    const halves = new Uint8Array(new Uint16Array([0, 0x3c00, 0, 0, 0x4000]).buffer);
    expect(await files.readFloats(fileOf(weight, { w: halves }), 'weight')).toEqual([1, 2]);
  });

  it.each([
    { name: 'zip64 throughout', options: { zip64: true } },
    { name: 'aligned values', options: { aligned: true } },
    { name: 'aligned values in zip64', options: { aligned: true, zip64: true } },
    { name: 'a comment', options: { comment: 'PK\x05\x06, which also begins the directory' } },
    { name: 'no byte order', options: { byteOrder: null } },
    { name: 'another folder', options: { folder: 'sam2.1_hiera_tiny' } },
  ])('reads a file with $name', async ({ options }) => {
    expect(await files.readFloats(matrixFile(options), 'weight')).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('finds aligned values on multiples of 64', async () => {
    const checkpoint = await files.open(matrixFile({ aligned: true }));
    expect(checkpoint.tensors.get('weight')?.location?.offset).toSatisfy(
      (offset: number) => offset % 64 === 0,
    );
    await checkpoint.close();
  });

  it.each([
    { name: 'of big-endian values', file: matrixFile({ byteOrder: 'big' }), reason: /byte order is 'big'/ },
    { name: 'of a long byte order', file: matrixFile({ byteOrder: 'little'.repeat(9) }), reason: /above 16/ },
    {
      name: 'with two pickles',
      file: matrixFile({ others: [{ name: 'other/data.pkl', data: floatBytes() }] }),
      reason: /more than one data\.pkl/,
    },
    {
      name: 'without a pickle',
      file: writeZip([{ name: 'archive/data', data: floatBytes(1) }]),
      reason: /without data\.pkl/,
    },
    {
      name: 'with a large pickle',
      file: torchFile({ pickle: new Uint8Array(checkpointLimits.pickleBytes + 1) }),
      reason: /above 16777216/,
    },
  ])('refuses a file $name', ({ file, reason }) => files.expectRefused(file, reason));

  it('refuses more tensors than any model has', async () => {
    const count = checkpointLimits.tensors;
    const many = (length: number) =>
      join(
        '}',
        tensor(matrix),
        'q\x000(',
        ...Array.from({ length }, (_, i) => join(text(`t${i}`), 'h\0')),
        'u',
      );
    const fileOfMany = (length: number) =>
      torchFile({ pickle: pickle([many(length)]), storages: matrixStorage });
    const checkpoint = await files.open(fileOfMany(count));
    expect(checkpoint.tensors.size).toBe(count);
    await checkpoint.close();
    await files.expectRefused(fileOfMany(count + 1), /more than 16384 tensors/);
  });

  it('runs nothing that a file names', async () => {
    const weights = { weight: tensor(matrix) };
    const attack = pickle([dictionary({ ...weights, hook: call('os.system', text('true')) })]);
    await files.expectRefused(
      torchFile({ pickle: attack, storages: matrixStorage }),
      /os\.system is not allowed in a checkpoint/,
    );
    const named = pickle([dictionary({ ...weights, hook: globalName('posix.system') })]);
    await files.expectRefused(torchFile({ pickle: named }), /posix\.system is not allowed/);
  });
});
