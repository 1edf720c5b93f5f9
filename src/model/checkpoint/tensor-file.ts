import { TrackcastError } from '../../errors.ts';
import type { Checkpoint, CheckpointFormat, CheckpointTensor } from './checkpoint.ts';
import type { CheckpointFile } from './checkpoint-file.ts';
import { convertToFloats, elementBytes, type FloatType, isFloatType } from './element-types.ts';
import { invalidCheckpoint, quoteName } from './invalid-checkpoint.ts';
import type { StoredTensor } from './stored-tensor.ts';

/** Bytes that are converted at a time, so that other types than F32 take little beside the result. */
const conversionBytes = 2 ** 22;

/** Prefixes that training wrappers put before every name. */
const wrapperPrefixes = ['module.', 'model.'];

/** A checkpoint whose tensors lie in one open file. */
export class TensorFile implements Checkpoint {
  readonly format: CheckpointFormat;
  readonly tensors: ReadonlyMap<string, CheckpointTensor>;
  readonly #stored: ReadonlyMap<string, StoredTensor>;
  readonly #file: CheckpointFile;

  constructor(file: CheckpointFile, format: CheckpointFormat, stored: ReadonlyMap<string, StoredTensor>) {
    this.format = format;
    this.#file = file;
    this.#stored = withoutPrefixes(stored);
    this.tensors = new Map(Array.from(this.#stored, ([name, tensor]) => [name, describe(name, tensor)]));
  }

  get path(): string {
    return this.#file.path;
  }

  readFloats(name: string): Promise<Float32Array<ArrayBuffer>> {
    return this.#inPlace(async () => {
      const tensor = this.#find(name);
      const { type } = tensor;
      if (!isFloatType(type)) {
        throw invalidCheckpoint(`tensor '${quoteName(name)}' is of type ${type}, not floating-point`);
      }
      const floats = await this.#readRun(type, tensor.offset, tensor.span);
      return tensor.strides === null ? floats : gather(floats, tensor.shape, tensor.strides);
    });
  }

  readBytes(name: string, start: number, count: number): Promise<Uint8Array<ArrayBuffer>> {
    return this.#inPlace(async () => {
      const { type, strides, offset, span } = this.#find(name);
      if (type !== 'U8' || strides !== null) {
        throw invalidCheckpoint(`tensor '${quoteName(name)}' is not contiguous and of type U8`);
      }
      if (!(start >= 0 && count >= 0 && start + count <= span)) {
        throw invalidCheckpoint(`tensor '${quoteName(name)}' has ${span} values, fewer than are asked for`);
      }
      return await this.#file.read(offset + start, count);
    });
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  #find(name: string): StoredTensor {
    const tensor = this.#stored.get(name);
    if (!tensor) throw invalidCheckpoint(`it has no tensor '${quoteName(name)}'`);
    return tensor;
  }

  /** Names the file in errors. */
  async #inPlace<Result>(read: () => Promise<Result>): Promise<Result> {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof TrackcastError)) throw error;
      throw new TrackcastError(error.code, error.message, { key: this.path }, { cause: error.cause });
    }
  }

  async #readRun(type: FloatType, offset: number, count: number): Promise<Float32Array<ArrayBuffer>> {
    const size = elementBytes[type];
    this.#file.checkRange(offset, count * size);
    const floats = new Float32Array(count);
    if (type === 'F32') {
      await this.#file.readInto(new Uint8Array(floats.buffer), offset);
      return floats;
    }
    const step = conversionBytes / size;
    for (let start = 0; start < count; start += step) {
      const bytes = await this.#file.read(offset + start * size, Math.min(step, count - start) * size);
      convertToFloats(type, bytes, floats, start);
    }
    return floats;
  }
}

function describe(name: string, { type, shape, offset, span, strides }: StoredTensor): CheckpointTensor {
  const location = strides === null ? { offset, length: span * elementBytes[type] } : null;
  return { name, type, shape, location };
}

function withoutPrefixes(tensors: ReadonlyMap<string, StoredTensor>): ReadonlyMap<string, StoredTensor> {
  const names = [...tensors.keys()];
  const prefix = wrapperPrefixes.find((each) =>
    names.every((name) => name.startsWith(each) && name.length > each.length),
  );
  if (prefix === undefined || names.length === 0) return tensors;
  const shorter = Array.from(tensors, ([name, tensor]) => [name.slice(prefix.length), tensor] as const);
  return withoutPrefixes(new Map(shorter));
}

/** Values of a strided view in row-major order; `values` begins at the view's first one. */
function gather(
  values: Float32Array,
  shape: readonly number[],
  strides: readonly number[],
): Float32Array<ArrayBuffer> {
  const result = new Float32Array(shape.reduce((product, size) => product * size, 1));
  const index = new Uint32Array(shape.length);
  let from = 0;
  for (let to = 0; to < result.length; to++) {
    result[to] = values[from] ?? 0;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const [size = 1, stride = 0, at = 0] = [shape[axis], strides[axis], index[axis]];
      if (at + 1 < size) {
        index[axis] = at + 1;
        from += stride;
        break;
      }
      index[axis] = 0;
      from -= at * stride;
    }
  }
  return result;
}
