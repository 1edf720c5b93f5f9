import { type FilterKernel, type FilterTaps, filterTaps } from './picture-taps.ts';

/** Keys' cubic convolution with a = -0.5 (1981), the one that reproduces quadratics. */
const bicubic: FilterKernel = {
  radius: 2,
  weigh: (distance) => {
    const x = Math.abs(distance);
    if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
    if (x < 2) return (((x - 5) * x + 8) * x - 4) * -0.5;
    return 0;
  },
};

/** Eight bits of a sample, 22 of a weight, one for a sum beyond white and the sign fill 32 bits. */
const weightBits = 22;
const half = 1 << (weightBits - 1);

interface FixedPointTaps extends Omit<FilterTaps, 'weights'> {
  readonly weights: Int32Array;
}

/** What depends on the size of the source alone. */
interface Plan {
  readonly sourceWidth: number;
  readonly sourceHeight: number;
  readonly columns: FixedPointTaps;
  readonly rows: FixedPointTaps;
  /** The picture at its new width and old height. */
  readonly resizedRows: Uint8Array;
}

/**
 * Stretches pictures to the size of a model's input, equal to the last bit to the frame loader that SAM 2 was
 * published with (Pillow's `Image.resize`): antialiased bicubic, first along rows and then along columns, each
 * rounded to 8 bits. Tables and scratch memory are kept while the source's size stays.
 */
export class PictureResizer {
  readonly width: number;
  readonly height: number;
  #plan: Plan | null = null;

  /**
   * @param width of the result, pixels
   * @param height of the result, pixels
   */
  constructor(width: number, height: number) {
    this.width = width;
    this.height = height;
  }

  /**
   * @param source interleaved RGB, `sourceHeight` rows of `sourceWidth` pixels
   * @param out takes the result, interleaved RGB, `height` rows of `width` pixels; must not be the source
   * @throws RangeError for a size that is no picture's or an array that is too short
   */
  resize(
    source: Uint8Array,
    sourceWidth: number,
    sourceHeight: number,
    out: Uint8Array = new Uint8Array(this.width * this.height * 3),
  ): Uint8Array {
    const { width, height } = this;
    const plan = this.#planFor(sourceWidth, sourceHeight);
    if (source.length < sourceWidth * sourceHeight * 3 || out.length < width * height * 3) {
      throw new RangeError(
        `arrays of ${source.length} and ${out.length} bytes are too short for the pictures`,
      );
    }
    // On equal sides the weights are 0 and 1, so leaving that pass out changes nothing.
    const resizedRows = sourceWidth === width ? source : plan.resizedRows;
    if (resizedRows !== source) resizeRows(source, sourceWidth, sourceHeight, plan.columns, resizedRows);
    if (sourceHeight === height) out.set(resizedRows.subarray(0, width * height * 3));
    else resizeColumns(resizedRows, width, plan.rows, out);
    return out;
  }

  #planFor(sourceWidth: number, sourceHeight: number): Plan {
    const kept = this.#plan;
    if (kept?.sourceWidth === sourceWidth && kept.sourceHeight === sourceHeight) return kept;
    const columns = fixedPointTaps(sourceWidth, this.width);
    const rows = fixedPointTaps(sourceHeight, this.height);
    const resizedRows = new Uint8Array(sourceWidth === this.width ? 0 : this.width * sourceHeight * 3);
    const plan = { sourceWidth, sourceHeight, columns, rows, resizedRows };
    this.#plan = plan;
    return plan;
  }
}

function fixedPointTaps(inputSize: number, outputSize: number): FixedPointTaps {
  const { starts, counts, weights, stride } = filterTaps(inputSize, outputSize, bicubic);
  const scaled = Int32Array.from(weights, (weight) => {
    const value = weight * (1 << weightBits);
    return value < 0 ? value - 0.5 : value + 0.5;
  });
  return { starts, counts, stride, weights: scaled };
}

/** One output pixel after the other; `out` has as many pixels a row as there are taps. */
function resizeRows(
  source: Uint8Array,
  sourceWidth: number,
  rowCount: number,
  taps: FixedPointTaps,
  out: Uint8Array,
): void {
  const { starts, counts, weights, stride } = taps;
  const width = starts.length;
  let to = 0;
  for (let row = 0; row < rowCount; row++) {
    const rowStart = row * sourceWidth * 3;
    for (let x = 0; x < width; x++) {
      const first = x * stride;
      const end = first + (counts[x] as number);
      let from = rowStart + (starts[x] as number) * 3;
      let red = half;
      let green = half;
      let blue = half;
      for (let tap = first; tap < end; tap++) {
        const weight = weights[tap] as number;
        red = (red + Math.imul(source[from] as number, weight)) | 0;
        green = (green + Math.imul(source[from + 1] as number, weight)) | 0;
        blue = (blue + Math.imul(source[from + 2] as number, weight)) | 0;
        from += 3;
      }
      out[to] = clampToByte(red >> weightBits);
      out[to + 1] = clampToByte(green >> weightBits);
      out[to + 2] = clampToByte(blue >> weightBits);
      to += 3;
    }
  }
}

/** One output row after the other, so that source rows stay in the cache; `out` has as many rows as taps. */
function resizeColumns(source: Uint8Array, width: number, taps: FixedPointTaps, out: Uint8Array): void {
  const { starts, counts, weights, stride } = taps;
  const rowBytes = width * 3;
  let to = 0;
  for (let y = 0; y < starts.length; y++) {
    const first = y * stride;
    const end = first + (counts[y] as number);
    const start = (starts[y] as number) * rowBytes;
    for (let at = 0; at < rowBytes; at += 3) {
      let from = start + at;
      let red = half;
      let green = half;
      let blue = half;
      for (let tap = first; tap < end; tap++) {
        const weight = weights[tap] as number;
        red = (red + Math.imul(source[from] as number, weight)) | 0;
        green = (green + Math.imul(source[from + 1] as number, weight)) | 0;
        blue = (blue + Math.imul(source[from + 2] as number, weight)) | 0;
        from += rowBytes;
      }
      out[to] = clampToByte(red >> weightBits);
      out[to + 1] = clampToByte(green >> weightBits);
      out[to + 2] = clampToByte(blue >> weightBits);
      to += 3;
    }
  }
}

function clampToByte(value: number): number {
  if (value < 0) return 0;
  return value > 255 ? 255 : value;
}
