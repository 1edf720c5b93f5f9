import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Checkpoint, openCheckpoint } from '../../../src/model/checkpoint/checkpoint.ts';
import { writeSafetensors } from '../../../src/model/checkpoint/safetensors-writer.ts';
import { floatBytes } from './checkpoint-samples.ts';
import { expectInvalid, TemporaryFiles } from './temporary-files.ts';

const files = new TemporaryFiles();
let checkpoint: Checkpoint;

beforeEach(async () => {
  const path = files.path('bytes.safetensors');
  await writeSafetensors(path, [
    { name: 'weight', type: 'F32', shape: [1], data: floatBytes(1) },
    { name: 'pixels', type: 'U8', shape: [2, 3], data: Uint8Array.of(1, 2, 3, 4, 5, 6) },
  ]);
  checkpoint = await openCheckpoint(path);
});

afterEach(() => checkpoint.close());

describe('readBytes', () => {
  it.each([
    { start: 0, count: 6, expected: [1, 2, 3, 4, 5, 6] },
    { start: 3, count: 3, expected: [4, 5, 6] },
    { start: 6, count: 0, expected: [] },
  ])('gives $count values from number $start on', async ({ start, count, expected }) => {
    expect([...(await checkpoint.readBytes('pixels', start, count))]).toEqual(expected);
  });

  it.each([
    { name: 'pixels', start: 5, count: 2, reason: /has 6 values/ },
    { name: 'pixels', start: -1, count: 2, reason: /has 6 values/ },
    { name: 'weight', start: 0, count: 1, reason: /not contiguous and of type U8/ },
    { name: 'absent', start: 0, count: 1, reason: /no tensor 'absent'/ },
  ])(
    'refuses $count values from $start of $name, naming the file',
    async ({ name, start, count, reason }) => {
      const error: unknown = await checkpoint
        .readBytes(name, start, count)
        .catch((thrown: unknown) => thrown);
      expectInvalid(error, reason);
      expect(error).toMatchObject({ place: { key: files.path('bytes.safetensors') } });
    },
  );
});
