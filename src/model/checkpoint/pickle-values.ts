import type { TensorType } from './checkpoint.ts';

/**
 * What a pickle may hold: plain data, and descriptions of tensors. Containers are shared by reference, as in
 * Python, and may contain themselves: whoever walks them must not go deeper than it knows.
 */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PickleTuple
  | PickleList
  | PickleDictionary
  | PickleGlobal
  | StorageReference
  | TensorReference;

export class PickleTuple {
  readonly items: readonly PickleValue[];

  constructor(items: readonly PickleValue[]) {
    this.items = items;
  }
}

export class PickleList {
  readonly items: PickleValue[] = [];
}

/** A dictionary, ordered or not. Strings and numbers are found by value, other keys by identity. */
export class PickleDictionary {
  readonly entries = new Map<PickleValue, PickleValue>();
}

/** A name of Python code that a pickle may mention; it stands for itself, never for code. */
export class PickleGlobal {
  readonly name: string;
  /** How the description is made when the pickle asks to call the name; null when it cannot be called. */
  readonly rebuild: ((argumentList: readonly PickleValue[]) => PickleValue) | null;
  /** The element type that it names, if it names one. */
  readonly elementType: TensorType | null;
  readonly isStorage: boolean;

  constructor(
    name: string,
    { rebuild = null, elementType = null, isStorage = false }: Partial<Omit<PickleGlobal, 'name'>>,
  ) {
    this.name = name;
    this.rebuild = rebuild;
    this.elementType = elementType;
    this.isStorage = isStorage;
  }
}

/** A run of values in an entry of its own, which tensors are views of. */
export class StorageReference {
  /** Last part of the entry's name. */
  readonly key: string;
  /** Null for a storage of bytes, whose tensors say what they hold. */
  readonly type: TensorType | null;
  /** In values, or in bytes without a type. */
  readonly length: number;

  constructor(key: string, type: TensorType | null, length: number) {
    this.key = key;
    this.type = type;
    this.length = length;
  }
}

/** A view of a storage; offset and strides in values. Not checked against the storage. */
export class TensorReference {
  readonly storage: StorageReference;
  readonly type: TensorType;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];

  constructor(fields: TensorReference) {
    this.storage = fields.storage;
    this.type = fields.type;
    this.offset = fields.offset;
    this.shape = fields.shape;
    this.strides = fields.strides;
  }
}
