import type { TensorType } from './checkpoint.ts';

/** Where and how a tensor's values lie in the file; all of it checked to be inside. */
export interface StoredTensor {
  readonly type: TensorType;
  readonly shape: readonly number[];
  /** Byte of the file at which the first value begins. */
  readonly offset: number;
  /** Values from the first one to the last one, with those between that are not the tensor's. */
  readonly span: number;
  /** In values, one per dimension; null when they are those of a contiguous, row-major tensor. */
  readonly strides: readonly number[] | null;
}
