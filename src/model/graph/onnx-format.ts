import protobuf from 'protobufjs/light.js';
import { TrackcastError } from '../../errors.ts';
import { modelMessage } from './onnx-schema.ts';

/** A 64-bit integer off the wire; `integer64` turns it into a number. */
export type Integer64 = number | { readonly low: number; readonly high: number; readonly unsigned: boolean };

/** Element types, `TensorProto.DataType`, that the program's graphs use. */
export const elementType = { float32: 1, uint8: 2, int32: 6, int64: 7, bool: 9, float16: 10 } as const;
export type ElementType = (typeof elementType)[keyof typeof elementType];

/** `AttributeProto.AttributeType`. */
export const attributeType = { float: 1, integer: 2, string: 3, tensor: 4, graph: 5, floats: 6, integers: 7 };

/** A fact by its name: where a tensor's bytes are (`location`, `offset`, `length`), or what an exporter says of a model. */
interface StringStringEntryProto {
  readonly key: string;
  readonly value: string;
}

/**
 * Weights and constants; `rawData` is a view of the file's bytes, little-endian. Absent where the bytes are in
 * another file, `dataLocation` 1.
 */
export interface TensorProto {
  name: string;
  dims: readonly Integer64[];
  dataType: number;
  rawData?: Uint8Array;
  readonly dataLocation?: number;
  readonly floatData?: readonly number[];
  readonly int32Data?: readonly number[];
  readonly int64Data?: readonly Integer64[];
  readonly externalData?: readonly StringStringEntryProto[];
}

export interface AttributeProto {
  name: string;
  type: number;
  f?: number;
  i?: Integer64;
  s?: Uint8Array;
  t?: TensorProto | null;
  g?: GraphProto | null;
  ints?: readonly Integer64[];
  floats?: readonly number[];
  graphs?: readonly GraphProto[];
}

export interface NodeProto {
  name: string;
  opType: string;
  /** The operator set that `opType` belongs to; the standard one by default. */
  domain?: string;
  input: string[];
  output: string[];
  attribute: readonly AttributeProto[];
}

/** A dimension of a declared shape: a size, or the name of one that is known at run time. */
export interface DimensionProto {
  dimValue?: Integer64;
  dimParam?: string;
}

export interface ValueInfoProto {
  name: string;
  type: { tensorType: { elemType: number; shape?: { dim: readonly DimensionProto[] } | null } | null } | null;
}

export interface GraphProto {
  name: string;
  node: readonly NodeProto[];
  initializer: readonly TensorProto[];
  input: readonly ValueInfoProto[];
  output: readonly ValueInfoProto[];
  valueInfo: readonly ValueInfoProto[];
}

export interface ModelProto {
  irVersion: Integer64;
  graph: GraphProto;
  opsetImport: readonly { readonly domain?: string; readonly version: Integer64 }[];
  readonly metadataProps?: readonly StringStringEntryProto[];
}

/** Protocol buffers cannot describe more; refusing early keeps a wrong file from taking memory. */
const maxModelBytes = 2 ** 31 - 1;

/** As a JavaScript number. Throws `TRACKCAST_MODEL_INVALID` when it has no exact one. */
export function integer64(value: Integer64): number {
  const number = typeof value === 'number' ? value : value.high * 2 ** 32 + (value.low >>> 0);
  if (!Number.isSafeInteger(number)) {
    throw new TrackcastError('TRACKCAST_MODEL_INVALID', 'an integer of the model is beyond 2^53');
  }
  return number;
}

/**
 * Reads an ONNX file. Tensor bytes stay views of `bytes`, which must live and stay unchanged as long as the
 * model does; fields that the program does not know are kept and written back.
 *
 * Throws `TRACKCAST_MODEL_INVALID` for anything that is not a model with a graph.
 */
export function readModel(bytes: Uint8Array, name = 'model'): ModelProto {
  const refuse = (reason: string, cause?: unknown) =>
    new TrackcastError(
      'TRACKCAST_MODEL_INVALID',
      `not a usable ONNX file: ${reason}`,
      { key: name },
      { cause },
    );
  if (bytes.length === 0) throw refuse('it is empty');
  if (bytes.length > maxModelBytes) throw refuse(`${bytes.length} bytes are more than ${maxModelBytes}`);
  let model: ModelProto;
  try {
    const reader = protobuf.Reader.create(bytes);
    reader.discardUnknown = false;
    model = modelMessage.decode(reader) as unknown as ModelProto;
  } catch (cause) {
    throw refuse('its protocol buffer encoding is broken', cause);
  }
  if (!model.graph || model.graph.node.length === 0) throw refuse('it holds no graph');
  if (model.opsetImport.length === 0) throw refuse('it names no operator set');
  if (model.graph.node.some((node) => node.opType === '' || node.output.length === 0)) {
    throw refuse('a node has no operator or no output');
  }
  if (model.graph.initializer.some((tensor) => (tensor.externalData?.length ?? 0) > 0)) {
    throw refuse('its weights are in another file');
  }
  return model;
}

/** Writes a model; the inverse of `readModel`. */
export function writeModel(model: ModelProto): Uint8Array<ArrayBuffer> {
  return new Uint8Array(modelMessage.encode(model).finish());
}
