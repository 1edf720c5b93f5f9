import { TrackcastError } from '../../errors.ts';
import { toHalf } from './half-float.ts';
import { type ElementType, elementType, type Integer64, integer64, type TensorProto } from './onnx-format.ts';

/** Sizes of a tensor, outermost first; empty for a scalar. */
export function tensorShape(tensor: TensorProto): number[] {
  return tensor.dims.map(integer64);
}

/** A float32 constant. `shape` is empty for a scalar. Throws `RangeError` when the values do not fill it. */
export function floatTensor(name: string, shape: readonly number[], values: ArrayLike<number>): TensorProto {
  checkCount(shape, values.length);
  const rawData = new Uint8Array(values.length * 4);
  const view = new DataView(rawData.buffer);
  for (let i = 0; i < values.length; i++) view.setFloat32(i * 4, values[i] ?? 0, true);
  return { name, dims: shape, dataType: elementType.float32, rawData };
}

/** A float16 constant, each value rounded to the nearest. Throws `RangeError` when the values do not fill it. */
export function halfTensor(name: string, shape: readonly number[], values: ArrayLike<number>): TensorProto {
  checkCount(shape, values.length);
  const rawData = new Uint8Array(toHalf(values).buffer);
  return { name, dims: shape, dataType: elementType.float16, rawData };
}

/** Where the bytes of a weight are: in a file beside the graph. */
export interface ExternalBytes {
  /** Name of the file, in the folder of the graph's own file. */
  readonly location: string;
  readonly offset: number;
  readonly length: number;
}

/** A constant whose row-major, little-endian bytes stay in another file. */
export function externalTensor(
  name: string,
  type: ElementType,
  shape: readonly number[],
  { location, offset, length }: ExternalBytes,
): TensorProto {
  return {
    name,
    dims: shape,
    dataType: type,
    dataLocation: 1,
    externalData: [
      { key: 'location', value: location },
      { key: 'offset', value: String(offset) },
      { key: 'length', value: String(length) },
    ],
  };
}

/** An int64 constant, as shapes, axes and indices are. Throws `RangeError` when the values do not fill it. */
export function integerTensor(
  name: string,
  shape: readonly number[],
  values: readonly number[],
): TensorProto {
  checkCount(shape, values.length);
  const rawData = new Uint8Array(values.length * 8);
  const view = new DataView(rawData.buffer);
  values.forEach((value, i) => {
    view.setBigInt64(i * 8, BigInt(value), true);
  });
  return { name, dims: shape, dataType: elementType.int64, rawData };
}

/** Values of an int64 constant. Throws `TRACKCAST_MODEL_INVALID` for other types and broken sizes. */
export function tensorIntegers(tensor: TensorProto): number[] {
  if (tensor.dataType !== elementType.int64) throw invalid(tensor, 'is not of type int64');
  const { rawData } = tensor;
  if (rawData === undefined || rawData.length === 0)
    return checked(tensor, (tensor.int64Data ?? []).map(integer64));
  if (rawData.length % 8 !== 0) throw invalid(tensor, 'ends within a value');
  const view = new DataView(rawData.buffer, rawData.byteOffset, rawData.length);
  const values: number[] = [];
  for (let offset = 0; offset < rawData.length; offset += 8) {
    const value: Integer64 = {
      low: view.getInt32(offset, true),
      high: view.getInt32(offset + 4, true),
      unsigned: false,
    };
    values.push(integer64(value));
  }
  return checked(tensor, values);
}

function invalid(tensor: TensorProto, reason: string): TrackcastError {
  return new TrackcastError('TRACKCAST_MODEL_INVALID', `constant '${tensor.name}' ${reason}`);
}

function checked<Values extends ArrayLike<number>>(tensor: TensorProto, values: Values): Values {
  const expected = tensorShape(tensor).reduce((product, size) => product * size, 1);
  if (values.length !== expected)
    throw invalid(tensor, `holds ${values.length} values for ${expected} places`);
  return values;
}

function checkCount(shape: readonly number[], count: number): void {
  const expected = shape.reduce((product, size) => product * size, 1);
  if (count !== expected) throw new RangeError(`${count} values do not fill shape [${shape.join(', ')}]`);
}
