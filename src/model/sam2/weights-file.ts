import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { TrackcastError } from '../../errors.ts';
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import {
  bytesPerValue,
  type Precision,
  type StoredWeight,
  type WeightsFile,
} from '../graph/graph-builder.ts';
import { fromHalf, toHalf } from '../graph/half-float.ts';
import { sha256OfFile } from '../store/file-digest.ts';
import { readSeal, removeSeal, writeSeal } from '../store/file-seal.ts';
import { removeAbandonedParts, writeAll, writeWhole } from '../whole-file.ts';

/** Every weight begins at a multiple of this, so that it can be mapped into memory and read as vectors. */
const alignment = 64;

/**
 * The file from which graphs read their weights. Graphs of float32 read the checkpoint itself where all of its
 * weights lie there in that type; otherwise the weights are written once, in the wanted type, to a file beside it.
 *
 * Throws `TRACKCAST_CHECKPOINT_INVALID`, `TRACKCAST_OUTPUT_UNWRITABLE`.
 *
 * @param folder where the graphs will lie, with the checkpoint in it
 */
export async function openWeightsFile(
  checkpoint: Checkpoint,
  folder: string,
  precision: Precision,
): Promise<WeightsFile> {
  const inPlace = precision === 'float32' ? weightsInPlace(checkpoint) : null;
  if (inPlace !== null) return describe(folder, basename(checkpoint.path), precision, inPlace);
  const location = `weights-${precision}.bin`;
  const { weights, total } = layOut(checkpoint, bytesPerValue[precision]);
  const path = join(folder, location);
  const file = describe(folder, location, precision, weights);
  if (!(await isWritten(checkpoint, file, path, total))) {
    await writeWeights(checkpoint, path, precision, weights);
  }
  return file;
}

function describe(
  folder: string,
  location: string,
  precision: Precision,
  weights: ReadonlyMap<string, StoredWeight>,
): WeightsFile {
  return {
    location,
    precision,
    weights,
    readValues: (key) => readValues(join(folder, location), precision, weights.get(key), key),
  };
}

function weightsInPlace(checkpoint: Checkpoint): Map<string, StoredWeight> | null {
  const weights = new Map<string, StoredWeight>();
  for (const [name, { type, shape, location }] of checkpoint.tensors) {
    // ONNX Runtime reads through a mapping, where floats must not straddle their own size.
    if (type !== 'F32' || location === null || location.offset % bytesPerValue.float32 !== 0) return null;
    weights.set(name, { shape, ...location });
  }
  return weights;
}

function layOut(
  checkpoint: Checkpoint,
  valueBytes: number,
): { weights: Map<string, StoredWeight>; total: number } {
  const weights = new Map<string, StoredWeight>();
  let offset = 0;
  let total = 0;
  for (const [name, { shape }] of checkpoint.tensors) {
    const length = shape.reduce((product, size) => product * size, 1) * valueBytes;
    weights.set(name, { shape, offset, length });
    total = offset + length;
    offset = Math.ceil(total / alignment) * alignment;
  }
  return { weights, total };
}

/**
 * Whether the file is what would be written: all of its size, and with the vectors of this checkpoint. A file whose
 * hash was not noted, because its writer was killed or is another program, is compared whole and gets its note.
 */
async function isWritten(
  checkpoint: Checkpoint,
  file: WeightsFile,
  path: string,
  size: number,
): Promise<boolean> {
  const state = await stat(path).catch(() => null);
  if (state?.size !== size) return false;
  const isSealed = (await readSeal(path)) !== null;
  for (const [name, { shape }] of file.weights) {
    // Biases and norms tell models apart, and are quick to read.
    if (isSealed && shape.length !== 1) continue;
    const values = await checkpoint.readFloats(name);
    const stored = file.readValues(name);
    const expected = file.precision === 'float32' ? values : fromHalf(toHalf(values));
    if (expected.some((value, at) => !Object.is(value, stored[at]))) return false;
  }
  if (!isSealed) await trySeal(path, await sha256OfFile(path));
  return true;
}

/** In a folder that cannot be written to, the file is compared whole every time, which is slower and right. */
async function trySeal(path: string, sha256: string): Promise<void> {
  await writeSeal(path, sha256).catch(() => undefined);
}

/** One weight after another, so that no more than the largest is in memory. */
async function writeWeights(
  checkpoint: Checkpoint,
  path: string,
  precision: Precision,
  weights: ReadonlyMap<string, StoredWeight>,
): Promise<void> {
  await removeAbandonedParts(path);
  const hash = createHash('sha256');
  const filling = new Uint8Array(alignment);
  await writeWhole(path, 'the weights cannot be written', async (file) => {
    const append = async (bytes: Uint8Array) => {
      hash.update(bytes);
      await writeAll(file, bytes);
    };
    let end = 0;
    for (const [name, { offset, length }] of weights) {
      await append(filling.subarray(0, offset - end));
      end = offset + length;
      const values = await checkpoint.readFloats(name);
      const stored = precision === 'float32' ? values : toHalf(values);
      await append(new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength));
    }
    // The note about the file that was there must not stay beside this one.
    await removeSeal(path);
  });
  await trySeal(path, hash.digest('hex'));
}

function readValues(
  path: string,
  precision: Precision,
  weight: StoredWeight | undefined,
  key: string,
): Float32Array {
  const fail = (reason: string, cause?: unknown) =>
    new TrackcastError('TRACKCAST_CHECKPOINT_INVALID', `weight '${key}' ${reason}`, { key: path }, { cause });
  if (weight === undefined) throw fail('is not there');
  const values =
    precision === 'float32' ? new Float32Array(weight.length / 4) : new Uint16Array(weight.length / 2);
  const bytes = new Uint8Array(values.buffer);
  let read = 0;
  try {
    const file = openSync(path, 'r');
    try {
      while (read < bytes.length) {
        const count = readSync(file, bytes, read, bytes.length - read, weight.offset + read);
        if (count === 0) break;
        read += count;
      }
    } finally {
      closeSync(file);
    }
  } catch (cause) {
    throw fail('cannot be read', cause);
  }
  if (read < bytes.length) throw fail('ends early');
  return values instanceof Float32Array ? values : fromHalf(values);
}
