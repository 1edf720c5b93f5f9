import { widenHalf } from '../graph/half-float.ts';
import type { TensorType } from './checkpoint.ts';
import { checkpointLimits } from './limits.ts';

/** Bytes of one value. */
export const elementBytes: Readonly<Record<TensorType, number>> = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
};

export type FloatType = 'F64' | 'F32' | 'F16' | 'BF16';

export function isTensorType(text: string): text is TensorType {
  return Object.hasOwn(elementBytes, text);
}

export function isFloatType(type: TensorType): type is FloatType {
  return type === 'F64' || type === 'F32' || type === 'F16' || type === 'BF16';
}

/** How many values a shape has; null when there are more than a tensor may hold. */
export function countValues(shape: readonly number[]): number | null {
  if (shape.includes(0)) return 0;
  let count = 1;
  for (const size of shape) {
    count *= size;
    if (count > checkpointLimits.tensorValues) return null;
  }
  return count;
}

/**
 * Turns raw values into float32 at `floats[start]` and after. `bytes` begins on a multiple of the value's size
 * in its buffer. The machine is little-endian, as every platform of ONNX Runtime is.
 */
export function convertToFloats(
  type: FloatType,
  bytes: Uint8Array,
  floats: Float32Array,
  start: number,
): void {
  const { buffer, byteOffset } = bytes;
  const count = bytes.length / elementBytes[type];
  switch (type) {
    case 'F64':
      floats.set(new Float64Array(buffer, byteOffset, count), start);
      break;
    case 'F32':
      floats.set(new Float32Array(buffer, byteOffset, count), start);
      break;
    case 'BF16': {
      const bits = new Uint32Array(floats.buffer, floats.byteOffset + start * 4, count);
      const halves = new Uint16Array(buffer, byteOffset, count);
      for (let i = 0; i < count; i++) bits[i] = (halves[i] ?? 0) << 16;
      break;
    }
    case 'F16': {
      const bits = new Uint32Array(floats.buffer, floats.byteOffset + start * 4, count);
      const halves = new Uint16Array(buffer, byteOffset, count);
      for (let i = 0; i < count; i++) bits[i] = widenHalf(halves[i] ?? 0);
      break;
    }
  }
}
