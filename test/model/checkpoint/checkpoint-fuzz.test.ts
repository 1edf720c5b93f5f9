import { copyFileSync, existsSync, readFileSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TrackcastError } from '../../../src/errors.ts';
import { openCheckpoint } from '../../../src/model/checkpoint/checkpoint.ts';
import { AllocationMeter } from './allocation-meter.ts';
import {
  floatBytes,
  matrix,
  matrixFile,
  matrixStorage,
  safetensorsFile,
  torchFile,
} from './checkpoint-samples.ts';
import { call, dictionary, pickle, tensor, text, tuple, typedTensor } from './pickle-writer.ts';
import { TemporaryFiles } from './temporary-files.ts';

const nano = fileURLToPath(new URL('../../../../shared/sam2/nano', import.meta.url));
const hasNano = existsSync(`${nano}.pt`);
if (!hasNano) console.warn('SKIPPED: the SAM 2 checkpoint is not here, so damage to real files is not tried');

const files = new TemporaryFiles();
const meter = new AllocationMeter();
const seed = 20_251_121;

/** What opening takes beside parts of the file: its first bytes, and headers of zip entries. */
const fixedBytes = 4096;

/** A change of bytes; places are parts of the whole, so that one change fits any file. */
type Damage =
  | {
      readonly kind: 'set';
      readonly at: number;
      readonly value: number | bigint;
      readonly size: 1 | 2 | 4 | 8;
    }
  | { readonly kind: 'remove' | 'repeat'; readonly at: number; readonly length: number }
  | { readonly kind: 'cut'; readonly at: number };

const place = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const byte = fc.oneof(
  fc.nat(255),
  // Opcodes of pickles and signs of JSON.
  fc.constantFrom(...Buffer.from('(tRQbsuaeh0q2N}])\x85\x86\x87\x8a\x8b\x93\x94\x95.{}[]:,"\\09', 'latin1')),
);
const extreme = fc.constantFrom(
  0n,
  1n,
  2n ** 16n - 1n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 53n,
  2n ** 63n,
  2n ** 64n - 1n,
);
const set = fc.oneof(
  fc.record({ kind: fc.constant('set' as const), at: place, value: byte, size: fc.constant(1 as const) }),
  fc.record({ kind: fc.constant('set' as const), at: place, value: extreme, size: fc.constantFrom(2, 4, 8) }),
);
const damage: fc.Arbitrary<Damage> = fc.oneof(
  { arbitrary: set, weight: 6 },
  {
    arbitrary: fc.record({ kind: fc.constantFrom('remove', 'repeat'), at: place, length: fc.nat(40) }),
    weight: 3,
  },
  { arbitrary: fc.record({ kind: fc.constant('cut' as const), at: place }), weight: 1 },
);

function applyDamage(bytes: Uint8Array, damages: readonly Damage[]): Uint8Array {
  let current = Buffer.from(bytes);
  for (const each of damages) {
    const at = Math.floor(each.at * current.length);
    if (each.kind === 'set') {
      const value = Buffer.alloc(8);
      value.writeBigUInt64LE(BigInt(each.value));
      value.copy(current, at, 0, each.size);
    } else if (each.kind === 'cut') current = current.subarray(0, at);
    else {
      const from = each.kind === 'remove' ? at + each.length : at - each.length;
      current = Buffer.concat([current.subarray(0, at), current.subarray(Math.max(0, from))]);
    }
  }
  return current;
}

const contents = dictionary({
  epoch: 'K\x03',
  optimizer: dictionary({
    lr: 'G\x3f\xf0\0\0\0\0\0\0',
    groups: tuple(']q\x07', 'h\x07', '\x8a\x02\x01\x02'),
  }),
  model: dictionary({
    'module.weight': tensor(matrix),
    'module.transposed': tensor({ ...matrix, shape: [3, 2], strides: [1, 3] }),
    'module.half': tensor({ storage: 'torch.HalfStorage', key: '1', length: 4, shape: [4], strides: [1] }),
    'module.brain': tensor({
      storage: 'torch.BFloat16Storage',
      key: '1',
      length: 4,
      offset: 1,
      shape: [2],
      strides: [2],
    }),
    'module.bytes': typedTensor(
      { ...matrix, storage: 'torch.storage.UntypedStorage', length: 24 },
      'torch.float32',
    ),
    'module.steps': call(
      'torch._utils._rebuild_parameter',
      tensor({ storage: 'torch.LongStorage', key: '1', length: 1, shape: [], strides: [] }),
    ),
    'module.note': text('x'),
  }),
});
const program = pickle([contents], 4);
const storages = { ...matrixStorage, '1': floatBytes(1, 2) };
const header =
  '{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},' +
  '"b":{"dtype":"F16","shape":[4],"data_offsets":[24,32]},"c":{"dtype":"F64","shape":[],"data_offsets":[32,40]}}  ';
const values = new Uint8Array(40).map((_, i) => i);

/** How a file is made of damaged parts: damage before it is wrapped reaches deeper. */
const samples: Readonly<Record<string, (damages: readonly Damage[]) => Uint8Array>> = {
  'a PyTorch file': (damages) => applyDamage(torchFile({ pickle: program, storages }), damages),
  'a zip64 file': (damages) =>
    applyDamage(torchFile({ pickle: program, storages, zip64: true, aligned: true }), damages),
  'a pickle': (damages) => torchFile({ pickle: applyDamage(program, damages), storages }),
  'a safetensors file': (damages) => applyDamage(safetensorsFile(header, values), damages),
  'a safetensors header': (damages) => safetensorsFile(applyDamage(Buffer.from(header), damages), values),
};

/**
 * Opens a file and reads all of it. Asserts that whatever is refused is refused as it should be, that places lie
 * in the file, and that memory was taken in proportion to the file only. True when it opened.
 */
async function survives(path: string): Promise<boolean> {
  const { size } = statSync(path);
  meter.reset();
  try {
    const checkpoint = await openCheckpoint(path);
    const openBytes = meter.bytes;
    try {
      for (const { name, location, shape } of checkpoint.tensors.values()) {
        if (location) expect(location.offset + location.length).toBeLessThanOrEqual(size);
        meter.reset();
        const floats = await checkpoint.readFloats(name).catch(expectTyped);
        if (floats) expect(floats.length).toBe(shape.reduce((product, each) => product * each, 1));
        // At most the halves of a storage and their conversion, then again the values that were gathered.
        expect(meter.bytes).toBeLessThanOrEqual(size * 5 + fixedBytes);
      }
      const entries = checkpoint.tensors.size;
      expect(openBytes).toBeLessThanOrEqual(size * 2 + fixedBytes + entries * 64);
      return true;
    } finally {
      await checkpoint.close();
    }
  } catch (error) {
    expectTyped(error);
    expect(meter.bytes).toBeLessThanOrEqual(size * 5 + fixedBytes);
    return false;
  }
}

function expectTyped(error: unknown): null {
  if (error instanceof TrackcastError && error.code === 'TRACKCAST_CHECKPOINT_INVALID') return null;
  throw error;
}

describe('openCheckpoint', () => {
  beforeAll(() => meter.start());
  afterAll(() => meter.stop());

  it('is seen taking memory for what it reads, and no more', async () => {
    const file = matrixFile();
    meter.reset();
    const checkpoint = await files.open(file);
    expect(meter.bytes).toBeGreaterThan(100);
    meter.reset();
    await checkpoint.readFloats('weight');
    await checkpoint.close();
    expect(meter.bytes).toBe(24);
  });

  it.each(Object.entries(samples))('opens or refuses %s, however it is damaged', async (_, build) => {
    let opened = 0;
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(damage, { minLength: 1, maxLength: 3 }), async (damages) => {
        runs++;
        if (await survives(files.write(build(damages)))) opened++;
      }),
      { numRuns: 500, seed },
    );
    // Both sides have been seen: damage that shows, and damage that does not.
    expect(opened).toBeGreaterThan(0);
    expect(runs - opened).toBeGreaterThan(250);
  });

  it.skipIf(!hasNano).each(['pt', 'safetensors'])(
    'opens or refuses a SAM 2 .%s with a damaged header',
    async (format) => {
      const path = files.path(`nano.${format}`);
      copyFileSync(`${nano}.${format}`, path);
      const whole = readFileSync(path);
      const regions =
        format === 'pt'
          ? [
              { from: 0, to: 80_000 },
              { from: whole.length - 40_000, to: whole.length },
            ]
          : [{ from: 0, to: whole.readUInt32LE() }];
      const file = await open(path, 'r+');
      await fc.assert(
        fc.asyncProperty(
          fc.constantFrom(...regions),
          fc.array(set, { minLength: 1, maxLength: 2 }),
          async (region, damages) => {
            const intact = whole.subarray(region.from, region.to);
            await file.write(applyDamage(intact, damages), 0, intact.length, region.from);
            await survives(path);
            await file.write(intact, 0, intact.length, region.from);
          },
        ),
        { numRuns: 60, seed },
      );
      await file.close();
    },
  );
});
