/** A square of complex numbers, row-major, `side * side` of each part. */
export interface ComplexSquare {
  readonly side: number;
  readonly real: Float64Array;
  readonly imaginary: Float64Array;
}

/**
 * Discrete Fourier transform of a square in place, by rows, then by columns (Cooley and Tukey 1965, radix 2).
 * `inverse` also divides by the number of values, so that it undoes the forward transform. Throws `RangeError` for
 * sides that are no power of two.
 */
export function transformSquare({ side, real, imaginary }: ComplexSquare, inverse = false): void {
  if (side < 1 || (side & (side - 1)) !== 0) throw new RangeError(`a side of ${side} is no power of two`);
  for (let line = 0; line < side; line++) {
    transformLine(real, imaginary, line * side, 1, side, inverse);
  }
  for (let line = 0; line < side; line++) {
    transformLine(real, imaginary, line, side, side, inverse);
  }
  if (!inverse) return;
  for (let at = 0; at < side * side; at++) {
    real[at] = (real[at] as number) / (side * side);
    imaginary[at] = (imaginary[at] as number) / (side * side);
  }
}

/** Transforms `count` values that begin at `first` and lie `step` apart. */
function transformLine(
  real: Float64Array,
  imaginary: Float64Array,
  first: number,
  step: number,
  count: number,
  inverse: boolean,
): void {
  reverseBits(real, first, step, count);
  reverseBits(imaginary, first, step, count);
  for (let half = 1; half < count; half *= 2) {
    const angle = ((inverse ? 1 : -1) * Math.PI) / half;
    for (let offset = 0; offset < half; offset++) {
      const cosine = Math.cos(angle * offset);
      const sine = Math.sin(angle * offset);
      for (let start = offset; start < count; start += 2 * half) {
        const low = first + start * step;
        const high = low + half * step;
        const highReal = real[high] as number;
        const highImaginary = imaginary[high] as number;
        const turnedReal = highReal * cosine - highImaginary * sine;
        const turnedImaginary = highReal * sine + highImaginary * cosine;
        real[high] = (real[low] as number) - turnedReal;
        imaginary[high] = (imaginary[low] as number) - turnedImaginary;
        real[low] = (real[low] as number) + turnedReal;
        imaginary[low] = (imaginary[low] as number) + turnedImaginary;
      }
    }
  }
}

function reverseBits(values: Float64Array, first: number, step: number, count: number): void {
  let reversed = 0;
  for (let at = 1; at < count; at++) {
    let bit = count >> 1;
    for (; (reversed & bit) !== 0; bit >>= 1) reversed ^= bit;
    reversed |= bit;
    if (at >= reversed) continue;
    const one = first + at * step;
    const other = first + reversed * step;
    const value = values[one] as number;
    values[one] = values[other] as number;
    values[other] = value;
  }
}
