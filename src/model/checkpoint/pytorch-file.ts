import type { CheckpointFile } from './checkpoint-file.ts';
import { countValues, elementBytes } from './element-types.ts';
import { invalidCheckpoint, quoteName } from './invalid-checkpoint.ts';
import { checkpointLimits } from './limits.ts';
import type { StorageReference, TensorReference } from './pickle-values.ts';
import { findStateDictionary } from './state-dictionary.ts';
import type { StoredTensor } from './stored-tensor.ts';
import { unpickle } from './unpickle.ts';
import { type ByteRange, ZipFile } from './zip-file.ts';

const pickleName = 'data.pkl';
const maxByteOrderBytes = 16;

/**
 * Reads what tensors a PyTorch file has: a zip file, in one folder of any name, of `data.pkl`, the pickled
 * dictionary of tensors; `data/<key>`, the values of one storage each; and `byteorder`, which older versions
 * leave out.
 *
 * Throws `TRACKCAST_CHECKPOINT_INVALID` for anything else.
 */
export async function readPytorchTensors(file: CheckpointFile): Promise<ReadonlyMap<string, StoredTensor>> {
  const zip = await ZipFile.open(file);
  const folder = findFolder(zip);
  await checkByteOrder(zip, `${folder}byteorder`);
  const pickle = await zip.read(folder + pickleName, checkpointLimits.pickleBytes);
  const ranges = new Map<string, ByteRange>();
  const stored = new Map<string, StoredTensor>();
  for (const [name, tensor] of findStateDictionary(unpickle(pickle))) {
    const { key } = tensor.storage;
    const range = ranges.get(key) ?? (await zip.locate(`${folder}data/${key}`));
    ranges.set(key, range);
    stored.set(name, locate(name, tensor, range));
  }
  return stored;
}

/** What the names of all entries begin with. */
function findFolder(zip: ZipFile): string {
  const pickles = Array.from(zip.names).filter(
    (name) => name === pickleName || name.endsWith(`/${pickleName}`),
  );
  const [pickle, ...others] = pickles;
  if (pickle === undefined)
    throw invalidCheckpoint(`it is a zip file without ${pickleName}, not from torch.save`);
  if (others.length > 0) throw invalidCheckpoint(`it is a zip file with more than one ${pickleName}`);
  return pickle.slice(0, -pickleName.length);
}

async function checkByteOrder(zip: ZipFile, name: string): Promise<void> {
  if (!zip.has(name)) return;
  const order = Buffer.from(await zip.read(name, maxByteOrderBytes)).toString('latin1');
  if (order !== 'little') throw invalidCheckpoint(`its byte order is '${quoteName(order)}', not 'little'`);
}

function locate(name: string, tensor: TensorReference, range: ByteRange): StoredTensor {
  const { type, shape, storage, offset, strides } = tensor;
  const refuse = (reason: string) => invalidCheckpoint(`tensor '${quoteName(name)}' ${reason}`);
  checkStorage(storage, tensor, range, refuse);
  const size = elementBytes[type];
  const available = Math.floor(range.length / size);
  const count = countValues(shape);
  if (count === null) throw refuse(`has more than ${checkpointLimits.tensorValues} values`);
  // With strides of 0, a few bytes could be read as gigabytes.
  if (count > available) throw refuse('has more values than its storage');
  const span = count === 0 ? 0 : 1 + shape.reduce((sum, each, i) => sum + (each - 1) * (strides[i] ?? 0), 0);
  if (offset > available || span > available - offset) throw refuse('reaches beyond its storage');
  if (span > checkpointLimits.tensorValues)
    throw refuse(`spans more than ${checkpointLimits.tensorValues} values`);
  const contiguous = count === 0 || isContiguous(shape, strides);
  return { type, shape, offset: range.offset + offset * size, span, strides: contiguous ? null : strides };
}

function checkStorage(
  storage: StorageReference,
  tensor: TensorReference,
  range: ByteRange,
  refuse: (reason: string) => Error,
): void {
  if (storage.type !== null && storage.type !== tensor.type)
    throw refuse('is of another type than its storage');
  if (storage.type !== null && storage.length * elementBytes[storage.type] !== range.length) {
    throw refuse(`has a storage of ${range.length} bytes for ${storage.length} values`);
  }
}

/** Strides of dimensions of size 1 say nothing. */
function isContiguous(shape: readonly number[], strides: readonly number[]): boolean {
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const size = shape[axis] ?? 1;
    if (size !== 1 && strides[axis] !== expected) return false;
    expected *= size;
  }
  return true;
}
