import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../../src/model/checkpoint/checkpoint.ts';
import { checkpointLimits } from '../../../src/model/checkpoint/limits.ts';
import { floatBytes, safetensorsFile } from './checkpoint-samples.ts';
import { expectInvalid, TemporaryFiles } from './temporary-files.ts';

const files = new TemporaryFiles();

/** A declaration of a float32 vector. */
const vector = (begin: number, end: number) =>
  `{"dtype":"F32","shape":[${(end - begin) / 4}],"data_offsets":[${begin},${end}]}`;

describe('readSafetensorsTensors', () => {
  it('reads tensors with their places, in the order of the header', async () => {
    const header = `{"second":${vector(4, 12)},"__metadata__":{"format":"pt"},"first":${vector(0, 4)}}`;
    const file = safetensorsFile(header, floatBytes(1, 2, 3));
    const checkpoint = await files.open(file);
    expect([...checkpoint.tensors.values()]).toEqual([
      { name: 'second', type: 'F32', shape: [2], location: { offset: file.length - 8, length: 8 } },
      { name: 'first', type: 'F32', shape: [1], location: { offset: file.length - 12, length: 4 } },
    ]);
    expect([...(await checkpoint.readFloats('second'))]).toEqual([2, 3]);
    expect([...(await checkpoint.readFloats('first'))]).toEqual([1]);
    await checkpoint.close();
  });

  it.each([
    { name: 'white space', header: ` { "a" :\t${vector(0, 4).replaceAll(/[:,]/g, ' $& ')} } \n`.trimStart() },
    { name: 'fields in another order', header: '{"a":{"data_offsets":[0,4],"shape":[1],"dtype":"F32"}}' },
    {
      name: 'a tensor without values',
      header: `{"a":${vector(0, 4)},"b":{"dtype":"F32","shape":[3,0],"data_offsets":[4,4]}}`,
    },
    {
      name: 'a tensor without values between',
      header: `{"b":{"dtype":"I64","shape":[0],"data_offsets":[0,0]},"a":${vector(0, 4)}}`,
    },
    {
      name: 'metadata full of JSON',
      header: `{"__metadata__":{"x":"{\\"a\\":[","a":"\\\\"},"a":${vector(0, 4)}}`,
    },
    { name: 'a scalar', header: '{"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}' },
    { name: 'an escaped name', header: `{"\\u0061":${vector(0, 4)}}` },
  ])('reads a header with $name', async ({ header }) => {
    expect(await files.readFloats(safetensorsFile(header, floatBytes(7)), 'a')).toEqual([7]);
  });

  it.each(['__proto__', 'constructor', 'toString', '0', 'größe', 'a"b\\c', ''])(
    'reads a tensor named %j',
    async (name) => {
      const file = safetensorsFile(`{${JSON.stringify(name)}:${vector(0, 4)}}`, floatBytes(7));
      expect(await files.readFloats(file, name)).toEqual([7]);
    },
  );

  it.each([
    { name: 'nothing', header: '{', reason: /no '"'/ },
    { name: 'no tensors, but data', header: '{}', reason: /take 0 bytes, but 8 follow/ },
    { name: 'too little', header: `{"a":${vector(0, 4)}}`, reason: /take 4 bytes, but 8 follow/ },
    { name: 'too much', header: `{"a":${vector(0, 12)}}`, reason: /take 12 bytes, but 8 follow/ },
    { name: 'a gap at the beginning', header: `{"a":${vector(4, 8)}}`, reason: /gap before tensor 'a'/ },
    { name: 'a gap', header: `{"a":${vector(0, 0)},"b":${vector(4, 8)}}`, reason: /gap before tensor 'b'/ },
    { name: 'one place twice', header: `{"a":${vector(0, 8)},"b":${vector(0, 8)}}`, reason: /'b' overlaps/ },
    { name: 'an overlap', header: `{"a":${vector(0, 8)},"b":${vector(4, 8)}}`, reason: /'b' overlaps/ },
    {
      name: 'a tensor without values inside another',
      header: `{"a":${vector(0, 8)},"b":${vector(4, 4)}}`,
      reason: /'b' overlaps/,
    },
    {
      name: 'an end before its beginning',
      header: '{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}',
      reason: /overlaps|gap/,
    },
    {
      name: 'a shape of another size',
      header: '{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}',
      reason: /F32 \[3\] has 8 bytes/,
    },
    {
      name: 'a type of another size',
      header: '{"a":{"dtype":"F16","shape":[2],"data_offsets":[0,8]}}',
      reason: /F16 \[2\] has 8 bytes/,
    },
    {
      name: 'a shape beyond all numbers',
      header: '{"a":{"dtype":"F32","shape":[4294967296,4294967296,4294967296],"data_offsets":[0,8]}}',
      reason: /has 8 bytes/,
    },
    {
      name: 'a size beyond all numbers',
      header: '{"a":{"dtype":"F32","shape":[9007199254740992],"data_offsets":[0,8]}}',
      reason: /beyond 2\^53/,
    },
    {
      name: 'a negative size',
      header: '{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}',
      reason: /no integer/,
    },
    {
      name: 'a broken size',
      header: '{"a":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}}',
      reason: /no ']'/,
    },
    {
      name: 'a size like in octal',
      header: '{"a":{"dtype":"F32","shape":[02],"data_offsets":[0,8]}}',
      reason: /no integer/,
    },
    {
      name: '17 dimensions',
      header: `{"a":{"dtype":"F32","shape":[${'1,'.repeat(16)}2],"data_offsets":[0,8]}}`,
      reason: /more than 16 numbers/,
    },
    {
      name: 'three places',
      header: '{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4,8]}}',
      reason: /more than 2 numbers/,
    },
    {
      name: 'one place',
      header: '{"a":{"dtype":"F32","shape":[2],"data_offsets":[0]}}',
      reason: /lacks its/,
    },
    { name: 'no place', header: '{"a":{"dtype":"F32","shape":[2]}}', reason: /lacks its/ },
    { name: 'no shape', header: '{"a":{"dtype":"F32","data_offsets":[0,8]}}', reason: /lacks its/ },
    { name: 'no type', header: '{"a":{"shape":[2],"data_offsets":[0,8]}}', reason: /lacks its/ },
    {
      name: 'a type that is not supported',
      header: '{"a":{"dtype":"F8_E4M3","shape":[8],"data_offsets":[0,8]}}',
      reason: /type F8_E4M3, which is not supported/,
    },
    {
      name: 'a type of no type',
      header: '{"a":{"dtype":"toString","shape":[8],"data_offsets":[0,8]}}',
      reason: /type toString/,
    },
    {
      name: 'a field of no use',
      header: '{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"stride":[1]}}',
      reason: /unexpected 'stride'/,
    },
    {
      name: 'a field twice',
      header: '{"a":{"dtype":"F32","dtype":"F16","shape":[2],"data_offsets":[0,8]}}',
      reason: /unexpected 'dtype'/,
    },
    { name: 'a name twice', header: `{"a":${vector(0, 8)},"a":${vector(0, 8)}}`, reason: /names 'a' twice/ },
    {
      name: 'a name twice, once escaped',
      header: `{"a":${vector(0, 8)},"\\u0061":${vector(0, 8)}}`,
      reason: /names 'a' twice/,
    },
    {
      name: 'metadata twice',
      header: `{"__metadata__":{},"a":${vector(0, 8)},"__metadata__":{}}`,
      reason: /names '__metadata__' twice/,
    },
    { name: 'metadata of no text', header: `{"__metadata__":{"x":1},"a":${vector(0, 8)}}`, reason: /no '"'/ },
    {
      name: 'nested metadata',
      header: `{"__metadata__":{"x":{"y":"z"}},"a":${vector(0, 8)}}`,
      reason: /no '"'/,
    },
    { name: 'a list for a tensor', header: '{"a":[]}', reason: /no '\{'/ },
    { name: 'a comma at the end', header: `{"a":${vector(0, 8)},}`, reason: /no '"'/ },
    { name: 'two values', header: `{"a":${vector(0, 8)}}{}`, reason: /more than one value/ },
    { name: 'zeros at the end', header: `{"a":${vector(0, 8)}}\0`, reason: /more than one value/ },
    { name: 'a name without end', header: '{"a', reason: /string without end/ },
    { name: 'a name that ends escaped', header: '{"a\\', reason: /string without end/ },
    { name: 'a broken escape', header: `{"\\x":${vector(0, 8)}}`, reason: /broken string/ },
    { name: 'a line feed in a name', header: `{"\n":${vector(0, 8)}}`, reason: /broken string/ },
  ])('refuses a header with $name', ({ header, reason }) =>
    files.expectRefused(safetensorsFile(header, floatBytes(1, 2)), reason),
  );

  it('refuses a name above the limit', async () => {
    const header = (length: number) => `{"${'n'.repeat(length)}":${vector(0, 4)}}`;
    const longest = checkpointLimits.nameBytes - 2;
    expect(
      await files.readFloats(safetensorsFile(header(longest), floatBytes(7)), 'n'.repeat(longest)),
    ).toEqual([7]);
    await files.expectRefused(
      safetensorsFile(header(longest + 1), floatBytes(7)),
      /name of more than 4096 bytes/,
    );
  });

  it('refuses names that are not UTF-8', async () => {
    const header = Buffer.from(`{"\xff":${vector(0, 4)}}`, 'latin1');
    await files.expectRefused(safetensorsFile(header, floatBytes(1)), /broken string/);
  });

  it('refuses more tensors than any model has', async () => {
    const header = (count: number) =>
      `{${Array.from({ length: count }, (_, i) => `"${i}":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}`).join()}}`;
    const checkpoint = await files.open(safetensorsFile(header(checkpointLimits.tensors)));
    expect(checkpoint.tensors.size).toBe(checkpointLimits.tensors);
    await checkpoint.close();
    await files.expectRefused(
      safetensorsFile(header(checkpointLimits.tensors + 1)),
      /more than 16384 tensors/,
    );
  });

  it('refuses a header above the limit, in a file that has it', async () => {
    const path = files.path('sparse');
    const file = openSync(path, 'w');
    const start = Buffer.from('\0\0\0\0\0\0\0\0{');
    start.writeBigUInt64LE(BigInt(checkpointLimits.headerBytes + 1));
    writeSync(file, start);
    ftruncateSync(file, checkpointLimits.headerBytes * 2);
    closeSync(file);
    const error = await openCheckpoint(path).catch((thrown: unknown) => thrown);
    expectInvalid(error, /100000001 bytes is above 100000000/);
  });

  it('takes any nesting for what it is, however deep', async () => {
    const deep = '['.repeat(1_000_000);
    await files.expectRefused(safetensorsFile(`{"a":${deep}`), /no '\{'/);
    await files.expectRefused(safetensorsFile(`{"__metadata__":{"x":${deep}`), /no '"'/);
  });

  it('reads any names and shapes', async () => {
    const shapes = fc.dictionary(fc.string({ unit: 'grapheme' }), fc.array(fc.nat(4), { maxLength: 4 }), {
      maxKeys: 8,
    });
    await fc.assert(
      fc.asyncProperty(shapes, async (byName) => {
        let end = 0;
        const members = Object.entries(byName).map(([name, shape]) => {
          const begin = end;
          end += shape.reduce((product, size) => product * size, 1) * 2;
          return `${JSON.stringify(name)}:{"dtype":"I16","shape":${JSON.stringify(shape)},"data_offsets":[${begin},${end}]}`;
        });
        fc.pre(!Object.hasOwn(byName, '__metadata__'));
        const checkpoint = await files.open(safetensorsFile(`{${members.join()}}`, new Uint8Array(end)));
        const read = Array.from(checkpoint.tensors.values(), ({ name, shape }) => [name, shape]);
        await checkpoint.close();
        expect(read).toEqual(Object.entries(byName));
      }),
      { numRuns: 100 },
    );
  });
});
