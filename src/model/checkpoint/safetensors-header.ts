import type { TensorType } from './checkpoint.ts';
import { isTensorType } from './element-types.ts';
import { invalidCheckpoint, quoteName } from './invalid-checkpoint.ts';
import { JsonScanner } from './json-scanner.ts';
import { checkpointLimits } from './limits.ts';

/** A tensor as a safetensors header declares it. */
export interface DeclaredTensor {
  readonly type: TensorType;
  readonly shape: readonly number[];
  /** Bytes after the header, from `begin` to before `end`. */
  readonly begin: number;
  readonly end: number;
}

/** Key of the header's free text, which is not a tensor. */
export const metadataKey = '__metadata__';

/**
 * Parses the JSON header of a safetensors file: names with type, shape and place. It knows no other JSON than
 * that, so that a foreign file can neither nest deeply nor fill memory with values nobody asked for, and names
 * that occur twice are seen.
 *
 * Throws `TRACKCAST_CHECKPOINT_INVALID` for anything else. Places are not checked.
 */
export function parseSafetensorsHeader(bytes: Uint8Array): ReadonlyMap<string, DeclaredTensor> {
  const scanner = new JsonScanner(bytes);
  const tensors = new Map<string, DeclaredTensor>();
  let hasMetadata = false;
  scanner.readObject((name) => {
    if (tensors.has(name) || (name === metadataKey && hasMetadata)) {
      throw invalidCheckpoint(`the header names '${quoteName(name)}' twice`);
    }
    if (name === metadataKey) {
      hasMetadata = true;
      scanner.readObject(() => scanner.skipString());
      return;
    }
    if (tensors.size >= checkpointLimits.tensors) {
      throw invalidCheckpoint(`it has more than ${checkpointLimits.tensors} tensors`);
    }
    tensors.set(name, readDeclaration(scanner, name));
  });
  scanner.expectEnd();
  return tensors;
}

function readDeclaration(scanner: JsonScanner, name: string): DeclaredTensor {
  let type: TensorType | undefined;
  let shape: readonly number[] | undefined;
  let place: readonly number[] | undefined;
  scanner.readObject((field) => {
    if (field === 'dtype' && !type) type = readType(scanner, name);
    else if (field === 'shape' && !shape) shape = scanner.readIntegers(checkpointLimits.rank);
    else if (field === 'data_offsets' && !place) place = scanner.readIntegers(2);
    else throw invalidCheckpoint(`tensor '${quoteName(name)}' has an unexpected '${quoteName(field)}'`);
  });
  const [begin, end] = place ?? [];
  if (!type || !shape || begin === undefined || end === undefined) {
    throw invalidCheckpoint(`tensor '${quoteName(name)}' lacks its type, shape or place`);
  }
  return { type, shape, begin, end };
}

function readType(scanner: JsonScanner, name: string): TensorType {
  const type = scanner.readString();
  if (isTensorType(type)) return type;
  throw invalidCheckpoint(
    `tensor '${quoteName(name)}' is of type ${quoteName(type)}, which is not supported`,
  );
}
