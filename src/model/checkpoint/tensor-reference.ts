import type { TensorType } from './checkpoint.ts';
import { invalidCheckpoint } from './invalid-checkpoint.ts';
import { checkpointLimits } from './limits.ts';
import {
  PickleDictionary,
  PickleGlobal,
  PickleTuple,
  type PickleValue,
  StorageReference,
  TensorReference,
} from './pickle-values.ts';

/**
 * What `torch.save` hands to `persistent_id`: `('storage', class, key, device, length)`. Throws
 * `TRACKCAST_CHECKPOINT_INVALID` for anything else.
 */
export function rebuildStorage(id: PickleValue): StorageReference {
  const [kind, storageClass, key, , length, ...others] = id instanceof PickleTuple ? id.items : [];
  if (
    kind !== 'storage' ||
    !(storageClass instanceof PickleGlobal && storageClass.isStorage) ||
    typeof key !== 'string' ||
    !isSize(length) ||
    others.length > 0
  ) {
    throw invalidCheckpoint('it refers to something else than a storage outside of its pickle');
  }
  return new StorageReference(key, storageClass.elementType, length);
}

/** `(storage, offset, size, strides, requires_grad, hooks, metadata?)`, with the type of the storage. */
export function rebuildTensor(items: readonly PickleValue[]): TensorReference {
  const [storage, offset, size, strides, , , metadata] = items;
  const type = storage instanceof StorageReference ? storage.type : null;
  return checkedTensor(storage, type, offset, size, strides, metadata);
}

/** `(storage, offset, size, strides, requires_grad, hooks, type, metadata?)`. */
export function rebuildTypedTensor(items: readonly PickleValue[]): TensorReference {
  const [storage, offset, size, strides, , , elementType, metadata] = items;
  const type = elementType instanceof PickleGlobal && !elementType.isStorage ? elementType.elementType : null;
  return checkedTensor(storage, type, offset, size, strides, metadata);
}

/** `(tensor, requires_grad, hooks)`: training's view of a tensor. */
export function rebuildParameter([tensor]: readonly PickleValue[]): TensorReference {
  if (tensor instanceof TensorReference) return tensor;
  throw invalidCheckpoint('a parameter is not made of a tensor');
}

function checkedTensor(
  storage: PickleValue | undefined,
  type: TensorType | null,
  offset: PickleValue | undefined,
  size: PickleValue | undefined,
  stride: PickleValue | undefined,
  metadata: PickleValue | undefined,
): TensorReference {
  if (!(storage instanceof StorageReference) || type === null || !isSize(offset)) {
    throw invalidCheckpoint('a tensor lacks its storage, type or offset');
  }
  // Marks such as "to be negated" change what the bytes mean.
  if (metadata instanceof PickleDictionary && metadata.entries.size > 0) {
    throw invalidCheckpoint('a tensor is a lazily negated or conjugated one');
  }
  const shape = readSizes(size);
  const strides = readSizes(stride);
  if (shape.length !== strides.length) throw invalidCheckpoint('a tensor has not one stride per dimension');
  return new TensorReference({ storage, type, offset, shape, strides });
}

function readSizes(value: PickleValue | undefined): readonly number[] {
  if (!(value instanceof PickleTuple)) throw invalidCheckpoint('a tensor has a shape that is no tuple');
  const { items } = value;
  if (items.length > checkpointLimits.rank) {
    throw invalidCheckpoint(`a tensor has ${items.length} dimensions, above ${checkpointLimits.rank}`);
  }
  const sizes = items.filter(isSize);
  if (sizes.length < items.length) throw invalidCheckpoint('a tensor has a size that is no natural number');
  return sizes;
}

function isSize(value: PickleValue | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
