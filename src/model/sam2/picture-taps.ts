/** Largest side of a picture of H.264 level 6.2, pixels (section A.3.1: the root of eight times MaxFS macroblocks). */
const maxSide = 16_880;

/** A filter kernel: an even function that vanishes at `radius` and beyond. */
export interface FilterKernel {
  readonly radius: number;
  readonly weigh: (distance: number) => number;
}

/**
 * Weights of a resampling along one axis. Output sample `i` is the sum of `counts[i]` input samples from
 * `starts[i]` on, times the weights from `i * stride` on, which add up to 1.
 */
export interface FilterTaps {
  readonly starts: Int32Array;
  readonly counts: Int32Array;
  readonly weights: Float64Array;
  readonly stride: number;
}

/**
 * Weights to resample `inputSize` samples to `outputSize`, both covering the same length (pixel centres at
 * halves). The kernel is widened when shrinking, so that every input sample counts, and cut at the borders.
 *
 * @throws RangeError for a size that is no picture's
 */
export function filterTaps(inputSize: number, outputSize: number, kernel: FilterKernel): FilterTaps {
  for (const size of [inputSize, outputSize]) {
    if (!Number.isInteger(size) || size < 1 || size > maxSide) {
      throw new RangeError(`a side of ${size} pixels cannot be resized`);
    }
  }
  const step = inputSize / outputSize;
  const widening = Math.max(1, step);
  const reach = kernel.radius * widening;
  const stride = Math.ceil(reach) * 2 + 1;
  const starts = new Int32Array(outputSize);
  const counts = new Int32Array(outputSize);
  const weights = new Float64Array(outputSize * stride);
  for (let i = 0; i < outputSize; i++) {
    const centre = (i + 0.5) * step;
    const start = Math.max(0, Math.trunc(centre - reach + 0.5));
    const end = Math.min(inputSize, Math.trunc(centre + reach + 0.5));
    const first = i * stride;
    let sum = 0;
    for (let at = start; at < end; at++) {
      const weight = kernel.weigh((at - centre + 0.5) * (1 / widening));
      weights[first + at - start] = weight;
      sum += weight;
    }
    for (let tap = first; tap < first + end - start; tap++) weights[tap] = (weights[tap] as number) / sum;
    starts[i] = start;
    counts[i] = end - start;
  }
  return { starts, counts, weights, stride };
}
