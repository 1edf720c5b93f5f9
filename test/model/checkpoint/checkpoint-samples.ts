import { dictionary, type PicklePart, pickle, tensor } from './pickle-writer.ts';
import { writeZip, type ZipWriterEntry, type ZipWriterOptions } from './zip-writer.ts';

export interface TorchFile extends ZipWriterOptions {
  readonly pickle: Uint8Array;
  /** Bytes by key. */
  readonly storages?: Readonly<Record<string, Uint8Array>>;
  readonly folder?: string;
  /** Null where the entry is left out, as by older versions. */
  readonly byteOrder?: string | null;
  /** More entries. */
  readonly others?: readonly ZipWriterEntry[];
}

/** A file as `torch.save` lays it out. */
export function torchFile(file: TorchFile): Uint8Array {
  const { folder = 'archive', byteOrder = 'little', storages = {}, others = [] } = file;
  const order = byteOrder === null ? [] : [{ name: `${folder}/byteorder`, data: Buffer.from(byteOrder) }];
  const values = Object.entries(storages).map(([key, data]) => ({ name: `${folder}/data/${key}`, data }));
  const version = { name: `${folder}/version`, data: Buffer.from('3\n') };
  return writeZip(
    [{ name: `${folder}/data.pkl`, data: file.pickle }, ...order, ...values, version, ...others],
    file,
  );
}

export function floatBytes(...values: readonly number[]): Uint8Array {
  return new Uint8Array(Float32Array.from(values).buffer);
}

/** A tensor of 2 x 3 in a storage of 6 values under the key 0. */
export const matrix = { storage: 'torch.FloatStorage', key: '0', length: 6, shape: [2, 3], strides: [3, 1] };
export const matrixStorage = { '0': floatBytes(1, 2, 3, 4, 5, 6) };

/** A file of the matrix, under the name `weight`, with other entries and options. */
export function matrixFile(
  file: Partial<TorchFile> = {},
  entries: Readonly<Record<string, PicklePart>> = {},
) {
  const content = pickle([dictionary({ weight: tensor(matrix), ...entries })]);
  return torchFile({ pickle: content, storages: matrixStorage, ...file });
}

/** A safetensors file with this text as its header. */
export function safetensorsFile(
  header: string | Uint8Array,
  data: Uint8Array = new Uint8Array(),
): Uint8Array {
  const text = Buffer.from(header);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return new Uint8Array(Buffer.concat([length, text, data]));
}
