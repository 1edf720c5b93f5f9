import type { CheckpointFile } from './checkpoint-file.ts';
import { countValues, elementBytes } from './element-types.ts';
import { invalidCheckpoint, quoteName } from './invalid-checkpoint.ts';
import { checkpointLimits } from './limits.ts';
import { type DeclaredTensor, parseSafetensorsHeader } from './safetensors-header.ts';
import type { StoredTensor } from './stored-tensor.ts';

/** Bytes before the header: its length, a 64-bit integer. */
const lengthBytes = 8;

/**
 * Reads the header of a safetensors file and checks what the format asks for: each tensor has the bytes of its
 * shape, and together they cover the data without gaps and overlaps.
 *
 * Throws `TRACKCAST_CHECKPOINT_INVALID` for anything else.
 */
export async function readSafetensorsTensors(
  file: CheckpointFile,
): Promise<ReadonlyMap<string, StoredTensor>> {
  const start = await file.read(0, lengthBytes);
  const headerLength = Number(new DataView(start.buffer).getBigUint64(0, true));
  if (headerLength > checkpointLimits.headerBytes) {
    throw invalidCheckpoint(`a header of ${headerLength} bytes is above ${checkpointLimits.headerBytes}`);
  }
  const declared = parseSafetensorsHeader(await file.read(lengthBytes, headerLength));
  const dataStart = lengthBytes + headerLength;
  checkCoverage(declared, file.size - dataStart);
  return new Map(Array.from(declared, ([name, tensor]) => [name, locate(name, tensor, dataStart)]));
}

function checkCoverage(declared: ReadonlyMap<string, DeclaredTensor>, dataLength: number): void {
  const byPlace = [...declared].sort(([, one], [, other]) => one.begin - other.begin || one.end - other.end);
  let covered = 0;
  for (const [name, { begin, end }] of byPlace) {
    if (begin < covered) throw invalidCheckpoint(`tensor '${quoteName(name)}' overlaps another`);
    if (begin > covered) throw invalidCheckpoint(`there is a gap before tensor '${quoteName(name)}'`);
    covered = end;
  }
  if (covered === dataLength) return;
  throw invalidCheckpoint(`its tensors take ${covered} bytes, but ${dataLength} follow the header`);
}

function locate(name: string, { type, shape, begin, end }: DeclaredTensor, dataStart: number): StoredTensor {
  const span = countValues(shape);
  if (span === null || span * elementBytes[type] !== end - begin) {
    const size = `[${shape.join(', ')}]`;
    throw invalidCheckpoint(`tensor '${quoteName(name)}' of ${type} ${size} has ${end - begin} bytes`);
  }
  return { type, shape, offset: dataStart + begin, span, strides: null };
}
