import { TrackcastError } from '../../errors.ts';
import { CheckpointFile } from './checkpoint-file.ts';
import { recogniseFormat } from './file-format.ts';
import { readPytorchTensors } from './pytorch-file.ts';
import { readSafetensorsTensors } from './safetensors-file.ts';
import { TensorFile } from './tensor-file.ts';

/** Element types, by the names of the safetensors format. */
export type TensorType = 'F64' | 'F32' | 'F16' | 'BF16' | 'I64' | 'I32' | 'I16' | 'I8' | 'U8' | 'BOOL';

export type CheckpointFormat = 'pytorch' | 'safetensors';

export interface CheckpointTensor {
  readonly name: string;
  readonly type: TensorType;
  /** Sizes, outermost first; empty for a scalar. */
  readonly shape: readonly number[];
  /**
   * Where the values lie in the file, in bytes, when they are one contiguous, row-major, little-endian run;
   * null when they have other strides.
   */
  readonly location: { readonly offset: number; readonly length: number } | null;
}

/** The tensors of an open model file. Their bytes stay in the file until they are asked for. */
export interface Checkpoint {
  readonly path: string;
  readonly format: CheckpointFormat;
  /** By name, in the order of the file. */
  readonly tensors: ReadonlyMap<string, CheckpointTensor>;
  /**
   * Values of a floating-point tensor, row-major; F64 is rounded, F16 and BF16 are exact.
   *
   * Throws `TRACKCAST_CHECKPOINT_INVALID` for unknown names and other types, when the file cannot be read or
   * has been cut since, and after `close`.
   */
  readFloats(name: string): Promise<Float32Array<ArrayBuffer>>;
  /**
   * `count` values, from number `start` on, of a contiguous U8 tensor. Throws as `readFloats` does, and for values
   * that are not the tensor's.
   */
  readBytes(name: string, start: number, count: number): Promise<Uint8Array<ArrayBuffer>>;
  /** Closes the file; may be called more than once. */
  close(): Promise<void>;
}

/**
 * Opens a model file, PyTorch's `.pt` (the zip format of 1.6 and later) or `.safetensors`, told apart by their
 * content. Only headers are read, and nothing in the file is executed. Of a `.pt`, the tensors are those of its
 * outermost dictionary, or of the one under `model` or `state_dict` in it.
 *
 * Names stay as they are, except that prefixes which training wrappers put before every name, `module.` and
 * `model.`, are taken off when all names have them.
 *
 * Throws `TRACKCAST_CHECKPOINT_INVALID`, with the path as key, for anything else and for damaged files. What a
 * file can make the program allocate is bounded by `checkpointLimits` and by its own size.
 */
export async function openCheckpoint(path: string): Promise<Checkpoint> {
  try {
    const file = await CheckpointFile.open(path);
    try {
      const format = await recogniseFormat(file);
      const read = format === 'pytorch' ? readPytorchTensors : readSafetensorsTensors;
      return new TensorFile(file, format, await read(file));
    } catch (error) {
      await file.close();
      throw error;
    }
  } catch (error) {
    if (!(error instanceof TrackcastError)) throw error;
    throw new TrackcastError(error.code, error.message, { key: path }, { cause: error.cause });
  }
}
