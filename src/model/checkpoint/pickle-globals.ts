import type { TensorType } from './checkpoint.ts';
import { invalidCheckpoint } from './invalid-checkpoint.ts';
import { PickleDictionary, PickleGlobal, PickleTuple, type PickleValue } from './pickle-values.ts';
import { rebuildParameter, rebuildTensor, rebuildTypedTensor } from './tensor-reference.ts';

/** PyTorch's storage classes; `torch.save` still names them, whatever the storage is today. */
const storageTypes: Readonly<Record<string, TensorType>> = {
  DoubleStorage: 'F64',
  FloatStorage: 'F32',
  HalfStorage: 'F16',
  BFloat16Storage: 'BF16',
  LongStorage: 'I64',
  IntStorage: 'I32',
  ShortStorage: 'I16',
  CharStorage: 'I8',
  ByteStorage: 'U8',
  BoolStorage: 'BOOL',
};

const elementTypes: Readonly<Record<string, TensorType>> = {
  float64: 'F64',
  double: 'F64',
  float32: 'F32',
  float: 'F32',
  float16: 'F16',
  half: 'F16',
  bfloat16: 'BF16',
  int64: 'I64',
  long: 'I64',
  int32: 'I32',
  int: 'I32',
  int16: 'I16',
  short: 'I16',
  int8: 'I8',
  uint8: 'U8',
  bool: 'BOOL',
};

const allowed: readonly PickleGlobal[] = [
  new PickleGlobal('collections.OrderedDict', { rebuild: emptyDictionary }),
  new PickleGlobal('torch._utils._rebuild_tensor_v2', { rebuild: rebuildTensor }),
  new PickleGlobal('torch._utils._rebuild_tensor_v3', { rebuild: rebuildTypedTensor }),
  new PickleGlobal('torch._utils._rebuild_parameter', { rebuild: rebuildParameter }),
  new PickleGlobal('torch.Size', { rebuild: tupleOfItems }),
  // Where a training ran says nothing about the values.
  new PickleGlobal('torch.device', { rebuild: () => null }),
  new PickleGlobal('torch.storage.UntypedStorage', { isStorage: true }),
  new PickleGlobal('torch.storage.TypedStorage', { isStorage: true }),
  ...Object.entries(storageTypes).map(
    ([name, elementType]) => new PickleGlobal(`torch.${name}`, { elementType, isStorage: true }),
  ),
  ...Object.entries(elementTypes).map(
    ([name, elementType]) => new PickleGlobal(`torch.${name}`, { elementType }),
  ),
];

/** All that a checkpoint may name, by module and name with a dot between them. */
export const pickleGlobals: ReadonlyMap<string, PickleGlobal> = new Map(
  allowed.map((each) => [each.name, each]),
);

function emptyDictionary(items: readonly PickleValue[]): PickleValue {
  if (items.length > 0) throw invalidCheckpoint('collections.OrderedDict is made of something');
  return new PickleDictionary();
}

function tupleOfItems([items, ...others]: readonly PickleValue[]): PickleValue {
  if (items instanceof PickleTuple && others.length === 0) return items;
  throw invalidCheckpoint('torch.Size is not made of a tuple');
}
