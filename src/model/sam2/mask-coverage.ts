import { type FilterKernel, type FilterTaps, filterTaps } from './picture-taps.ts';

const triangle: FilterKernel = { radius: 1, weigh: (distance) => Math.max(0, 1 - Math.abs(distance)) };

/**
 * Share of each output pixel that is inside a mask: bilinear resizing with the filter widened on sides that
 * shrink, pixel centres at halves, first along rows and then along columns.
 *
 * @param mask `height` rows of `width` values, 0 outside and anything else inside
 * @returns `outHeight` rows of `outWidth` values from 0 to 1
 * @throws RangeError for a size that is no picture's or a mask that is too short
 */
export function maskCoverage(
  mask: Uint8Array,
  width: number,
  height: number,
  outWidth: number,
  outHeight: number,
): Float32Array {
  const columns = filterTaps(width, outWidth, triangle);
  const rows = filterTaps(height, outHeight, triangle);
  if (mask.length < width * height) {
    throw new RangeError(`a mask of ${width}x${height} has ${mask.length} values only`);
  }
  return coverColumns(coverRows(mask, width, height, columns), outWidth, rows);
}

/** @returns `height` rows with a value for each of the taps */
function coverRows(mask: Uint8Array, width: number, height: number, taps: FilterTaps): Float32Array {
  const { starts, counts, weights, stride } = taps;
  const out = new Float32Array(starts.length * height);
  let to = 0;
  for (let row = 0; row < height; row++) {
    for (let x = 0; x < starts.length; x++) {
      const first = x * stride;
      const end = first + (counts[x] as number);
      let from = row * width + (starts[x] as number);
      let sum = 0;
      for (let tap = first; tap < end; tap++) if (mask[from++] !== 0) sum += weights[tap] as number;
      out[to++] = sum;
    }
  }
  return out;
}

/** @returns a row of `width` values for each of the taps */
function coverColumns(values: Float32Array, width: number, taps: FilterTaps): Float32Array {
  const { starts, counts, weights, stride } = taps;
  const out = new Float32Array(width * starts.length);
  let to = 0;
  for (let y = 0; y < starts.length; y++) {
    const first = y * stride;
    const end = first + (counts[y] as number);
    for (let x = 0; x < width; x++) {
      let from = (starts[y] as number) * width + x;
      let sum = 0;
      for (let tap = first; tap < end; tap++) {
        sum += (values[from] as number) * (weights[tap] as number);
        from += width;
      }
      out[to++] = sum;
    }
  }
  return out;
}
