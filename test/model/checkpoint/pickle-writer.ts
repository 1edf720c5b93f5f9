/** A piece of a pickle: opcodes as latin1 text, or bytes. */
export type PicklePart = string | Uint8Array;

/** A complete pickle. */
export function pickle(parts: readonly PicklePart[], protocol = 2): Uint8Array {
  return join('\x80', Uint8Array.of(protocol), ...parts, '.');
}

export function join(...parts: readonly PicklePart[]): Uint8Array {
  return new Uint8Array(
    Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : part))),
  );
}

/** A little-endian unsigned integer. */
export function unsigned(value: number | bigint, bytes: number): Uint8Array {
  const buffer = Buffer.alloc(8);
  buffer.writeBigUInt64LE(BigInt(value));
  return buffer.subarray(0, bytes);
}

export function text(value: string): Uint8Array {
  const encoded = Buffer.from(value);
  return join('X', unsigned(encoded.length, 4), encoded);
}

/** As Python writes integers of this size. */
export function integer(value: number): Uint8Array {
  if (value < 0x100) return join('K', unsigned(value, 1));
  if (value < 0x1_0000) return join('M', unsigned(value, 2));
  if (value < 0x8000_0000) return join('J', unsigned(value, 4));
  return join('\x8a\x08', unsigned(value, 8));
}

export function tuple(...items: readonly PicklePart[]): Uint8Array {
  return join('(', ...items, 't');
}

export function dictionary(entries: Readonly<Record<string, PicklePart>>): Uint8Array {
  return join('}(', ...Object.entries(entries).flatMap(([key, value]) => [text(key), value]), 'u');
}

/** `name` with its module before the last dot. */
export function globalName(name: string): Uint8Array {
  const dot = name.lastIndexOf('.');
  return join(`c${name.slice(0, dot)}\n${name.slice(dot + 1)}\n`);
}

export function call(name: string, ...items: readonly PicklePart[]): Uint8Array {
  return join(globalName(name), tuple(...items), 'R');
}

export interface PickledTensor {
  readonly storage: string;
  readonly key: string;
  /** Of the storage, in values. */
  readonly length: number;
  readonly offset?: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
}

export function storage({ storage, key, length }: PickledTensor): Uint8Array {
  const id = tuple(text('storage'), globalName(storage), text(key), text('cpu'), integer(length));
  return join(id, 'Q');
}

/** What `torch.save` writes for a tensor. */
export function tensor(fields: PickledTensor, ...metadata: readonly PicklePart[]): Uint8Array {
  return call('torch._utils._rebuild_tensor_v2', ...viewOf(fields), ...metadata);
}

/** What it writes for a tensor whose storage does not know its type. */
export function typedTensor(fields: PickledTensor, type: string): Uint8Array {
  return call('torch._utils._rebuild_tensor_v3', ...viewOf(fields), globalName(type));
}

function viewOf(fields: PickledTensor): PicklePart[] {
  const sizes = tuple(...fields.shape.map(integer));
  const strides = tuple(...fields.strides.map(integer));
  const hooks = call('collections.OrderedDict');
  return [storage(fields), integer(fields.offset ?? 0), sizes, strides, '\x89', hooks];
}
