import { createHash } from 'node:crypto';
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../../src/model/checkpoint/checkpoint.ts';
import { type WritableTensor, writeSafetensors } from '../../../src/model/checkpoint/safetensors-writer.ts';
import { openWeightsFile } from '../../../src/model/sam2/weights-file.ts';

const values = Float32Array.of(0.5, -1.25, 3, 65504, 1 / 3, -(2 ** -20));

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'trackcast-weights-'));
  path = join(folder, 'checkpoint.safetensors');
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function openWeights(tensors: readonly WritableTensor[], precision: 'float32' | 'float16') {
  await writeSafetensors(path, tensors);
  const checkpoint = await openCheckpoint(path);
  try {
    return await openWeightsFile(checkpoint, folder, precision);
  } finally {
    await checkpoint.close();
  }
}

function floats(name: string): WritableTensor {
  return { name, type: 'F32', shape: [2, 3], data: new Uint8Array(values.buffer) };
}

/** The same numbers as brain floats: the upper halves of their bits. */
function brainFloats(name: string): WritableTensor {
  const bits = new Uint32Array(values.buffer);
  const halves = Uint16Array.from(bits, (each) => each >>> 16);
  return { name, type: 'BF16', shape: [6], data: new Uint8Array(halves.buffer) };
}

describe('openWeightsFile', () => {
  it('reads float32 weights where the checkpoint has them, without a copy', async () => {
    const file = await openWeights([floats('one'), floats('two')], 'float32');
    expect(file.location).toBe('checkpoint.safetensors');
    expect(readdirSync(folder)).toEqual(['checkpoint.safetensors']);
    expect(file.weights.get('two')?.shape).toEqual([2, 3]);
    expect(file.readValues('two')).toEqual(values);
  });

  it('writes other types once, in the wanted one', async () => {
    const file = await openWeights([floats('one'), brainFloats('two')], 'float32');
    expect(file.location).toBe('weights-float32.bin');
    expect(file.readValues('one')).toEqual(values);
    expect(file.readValues('two')[1]).toBe(-1.25);
    expect(file.weights.get('two')?.offset).toBe(64);
  });

  it('halves float32 weights for graphs of float16, rounded to the nearest', async () => {
    const file = await openWeights([floats('one')], 'float16');
    expect(file.weights.get('one')?.length).toBe(12);
    expect([...file.readValues('one')]).toEqual([0.5, -1.25, 3, 65504, 0.333251953125, -(2 ** -20)]);
  });

  it('keeps a file that is there and replaces one that is incomplete', async () => {
    await openWeights([floats('one')], 'float16');
    const made = join(folder, 'weights-float16.bin');
    writeFileSync(made, new Uint8Array(12).fill(1));
    const kept = await openWeights([floats('one')], 'float16');
    expect(kept.readValues('one')[0]).not.toBe(0.5);
    truncateSync(made, 5);
    const replaced = await openWeights([floats('one')], 'float16');
    expect(statSync(made).size).toBe(12);
    expect(replaced.readValues('one')[0]).toBe(0.5);
    expect(readdirSync(folder).filter((name) => name.endsWith('.part'))).toEqual([]);
  });

  it('notes the hash of what it has written, all of it', async () => {
    await openWeights([floats('one'), floats('two')], 'float16');
    const made = join(folder, 'weights-float16.bin');
    const hash = createHash('sha256').update(readFileSync(made)).digest('hex');
    expect(statSync(made).size).toBe(76);
    expect(readFileSync(`${made}.sha256`, 'utf8')).toBe(`${hash}  weights-float16.bin\n`);
  });

  it.each([
    ['without a note', (note: string) => rmSync(note)],
    ['with half a note', (note: string) => truncateSync(note, 20)],
  ])('compares a file %s as a whole', async (_, damage) => {
    const { readValues } = await openWeights([floats('one')], 'float16');
    const made = join(folder, 'weights-float16.bin');
    const note = `${made}.sha256`;
    const [bytes, noted] = [readFileSync(made), readFileSync(note, 'utf8')];
    damage(note);
    const { ino } = statSync(made);
    await openWeights([floats('one')], 'float16');
    expect([statSync(made).ino, readFileSync(note, 'utf8')]).toEqual([ino, noted]);

    damage(note);
    // A matrix, which is not looked at where there is a note.
    writeFileSync(made, bytes.with(3, 7));
    expect(readValues('one')[1]).not.toBe(-1.25);
    await openWeights([floats('one')], 'float16');
    expect(readFileSync(made)).toEqual(bytes);
    expect(readFileSync(note, 'utf8')).toBe(noted);
  });

  it('says so when the file has been cut since', async () => {
    const file = await openWeights([floats('one')], 'float32');
    truncateSync(path, statSync(path).size - 4);
    expect(() => file.readValues('one')).toThrow(/ends early/);
    expect(() => file.readValues('three')).toThrow(/is not there/);
  });
});
