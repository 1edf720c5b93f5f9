const single = new Float32Array(1);
const singleBits = new Uint32Array(single.buffer);
const smallestHalf = 2 ** -24;

/** Bits of the nearest half-precision numbers (IEEE 754 binary16), ties to even; what is too large becomes infinite. */
export function toHalf(values: ArrayLike<number>): Uint16Array<ArrayBuffer> {
  const halves = new Uint16Array(values.length);
  for (let i = 0; i < values.length; i++) {
    single[0] = values[i] as number;
    halves[i] = halfBits(singleBits[0] as number);
  }
  return halves;
}

/** Values of half-precision bits, exactly. */
export function fromHalf(halves: ArrayLike<number>): Float32Array<ArrayBuffer> {
  const values = new Float32Array(halves.length);
  const bits = new Uint32Array(values.buffer);
  for (let i = 0; i < halves.length; i++) bits[i] = widenHalf(halves[i] as number);
  return values;
}

function halfBits(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude >= 0x7f800000) return sign | (magnitude > 0x7f800000 ? 0x7e00 : 0x7c00);
  // Halfway between the largest half and the next power of two.
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude >= 0x38800000) {
    // Adding just under half a unit, plus the last kept bit, rounds ties to even and carries into the exponent.
    return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
  }
  // At or below half of the smallest subnormal.
  if (magnitude <= 0x33000000) return sign;
  const shift = 126 - (magnitude >>> 23);
  const mantissa = (magnitude & 0x7fffff) | 0x800000;
  const kept = mantissa >>> shift;
  const rest = mantissa & ((1 << shift) - 1);
  const half = 1 << (shift - 1);
  return sign | (kept + (rest > half || (rest === half && (kept & 1) === 1) ? 1 : 0));
}

/** Bits of the float32 that equals a half. */
export function widenHalf(half: number): number {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0) {
    single[0] = fraction * smallestHalf;
    return sign | (singleBits[0] as number);
  }
  // Exponents are biased by 15 and by 127; the largest one means infinity or not a number in both.
  const widened = exponent === 0x1f ? 0xff : exponent + 112;
  return sign | (widened << 23) | (fraction << 13);
}
