import { writeAll, writeWhole } from '../whole-file.ts';
import type { TensorType } from './checkpoint.ts';
import { countValues, elementBytes } from './element-types.ts';
import { metadataKey } from './safetensors-header.ts';

export interface WritableTensor {
  readonly name: string;
  readonly type: TensorType;
  readonly shape: readonly number[];
  /** Values, row-major and little-endian. */
  readonly data: Uint8Array;
}

/** The header is filled up with spaces, so that all values lie on multiples of their size. */
const alignment = 8;

/**
 * Writes a safetensors file under another name beside `path`, and renames it when it is complete: a reader
 * never sees a part. Tensors stand in the file by falling size of their values, else in the given order.
 *
 * Throws `RangeError` for tensors of one name, or whose data is not of the shape's size, and
 * `TRACKCAST_OUTPUT_UNWRITABLE` when the file cannot be written; then nothing is left behind.
 */
export async function writeSafetensors(
  path: string,
  tensors: Iterable<WritableTensor>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  const sorted = [...tensors].sort((one, other) => elementBytes[other.type] - elementBytes[one.type]);
  const header = encodeHeader(sorted, metadata);
  await writeWhole(path, 'cannot write tensors', async (file) => {
    await writeAll(file, header);
    for (const { data } of sorted) await writeAll(file, data);
  });
}

/** Length and header, as they stand at the beginning of the file. */
function encodeHeader(
  tensors: readonly WritableTensor[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const names = new Set<string>([metadataKey]);
  const members = Object.keys(metadata).length > 0 ? [[metadataKey, metadata] as const] : [];
  // Joined by hand: an object would take `__proto__` for something else, and order numbers first.
  const parts = members.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`);
  let begin = 0;
  for (const { name, type, shape, data } of tensors) {
    if (names.has(name)) throw new RangeError(`the name '${name}' is taken`);
    if (countValues(shape) !== data.length / elementBytes[type]) {
      throw new RangeError(`${data.length} bytes do not fill '${name}', ${type} [${shape.join(', ')}]`);
    }
    names.add(name);
    const description = { dtype: type, shape, data_offsets: [begin, begin + data.length] };
    parts.push(`${JSON.stringify(name)}:${JSON.stringify(description)}`);
    begin += data.length;
  }
  const text = Buffer.from(`{${parts.join(',')}}`);
  const length = Math.ceil(text.length / alignment) * alignment;
  const header = Buffer.alloc(8 + length, ' ');
  header.writeBigUInt64LE(BigInt(length));
  header.set(text, 8);
  return header;
}
