import {
  AV_PIX_FMT_YUVJ420P,
  AV_PIX_FMT_YUVJ422P,
  AV_PIX_FMT_YUVJ440P,
  AV_PIX_FMT_YUVJ444P,
  type AVPixelFormat,
} from 'node-av/constants';
import type { Frame } from 'node-av/lib';

/** Bits after the point of the conversion's constants. */
const fractionBits = 16;
const half = 1 << (fractionBits - 1);

/** What a chroma value adds to each colour (JFIF 1.02), in the fixed-point numbers of the reference software. */
const redOfCr = table((chroma) => (fixed(1.402) * chroma + half) >> fractionBits);
const blueOfCb = table((chroma) => (fixed(1.772) * chroma + half) >> fractionBits);
const greenOfCr = table((chroma) => -fixed(0.71414) * chroma);
const greenOfCb = table((chroma) => -fixed(0.34414) * chroma + half);

/** How much smaller chroma is than luma: along rows, along columns. */
const subsampling: ReadonlyMap<AVPixelFormat, readonly [1 | 2, 1 | 2]> = new Map([
  [AV_PIX_FMT_YUVJ444P, [1, 1]],
  [AV_PIX_FMT_YUVJ422P, [2, 1]],
  [AV_PIX_FMT_YUVJ440P, [1, 2]],
  [AV_PIX_FMT_YUVJ420P, [2, 2]],
]);

/**
 * Turns the samples of a JPEG picture into interleaved RGB exactly as libjpeg does, and with it Pillow, which matters
 * where results are compared with those of Python: chroma is enlarged by a triangle filter, and all is rounded alike.
 *
 * @param out takes `height` rows of `width * 3` bytes
 * @returns false, with nothing done, for a picture that is not in full-range YCbCr
 */
export function jpegToRgb(picture: Frame, out: Uint8Array): boolean {
  const steps = subsampling.get(picture.format as AVPixelFormat);
  const [luma, cb, cr] = picture.data ?? [];
  if (steps === undefined || luma === undefined || cb === undefined || cr === undefined) return false;
  const { width, height } = picture;
  const [lumaStride = 0, cbStride = 0, crStride = 0] = picture.linesize;
  const blueRows = new ChromaRows(cb, cbStride, width, height, steps);
  const redRows = new ChromaRows(cr, crStride, width, height, steps);
  let to = 0;
  for (let y = 0; y < height; y++) {
    const blue = blueRows.at(y);
    const red = redRows.at(y);
    for (let x = 0; x < width; x++, to += 3) {
      const level = luma[y * lumaStride + x] as number;
      const b = blue[x] as number;
      const r = red[x] as number;
      const green = ((greenOfCb[b] as number) + (greenOfCr[r] as number)) >> fractionBits;
      out[to] = toByte(level + (redOfCr[r] as number));
      out[to + 1] = toByte(level + green);
      out[to + 2] = toByte(level + (blueOfCb[b] as number));
    }
  }
  return true;
}

/** Rows of a chroma plane at the size of the picture: each value is three parts the nearest and one part the next. */
class ChromaRows {
  readonly #plane: Uint8Array;
  readonly #stride: number;
  readonly #columns: number;
  readonly #rows: number;
  readonly #stepX: 1 | 2;
  readonly #stepY: 1 | 2;
  readonly #sums: Int32Array;
  readonly #row: Uint8Array;

  constructor(
    plane: Uint8Array,
    stride: number,
    width: number,
    height: number,
    [stepX, stepY]: readonly [1 | 2, 1 | 2],
  ) {
    this.#plane = plane;
    this.#stride = stride;
    this.#stepX = stepX;
    this.#stepY = stepY;
    this.#columns = Math.ceil(width / stepX);
    this.#rows = Math.ceil(height / stepY);
    this.#sums = new Int32Array(this.#columns);
    this.#row = new Uint8Array(this.#columns * stepX);
  }

  /** Valid until the next call. */
  at(y: number): Uint8Array {
    const near = Math.floor(y / this.#stepY);
    // So the reference software does with narrow pictures.
    if (this.#stepX === 2 && this.#columns <= 2) return this.#repeat(near);
    const sums = this.#sums;
    const isFirst = y % 2 === 0;
    if (this.#stepY === 1) {
      for (let x = 0; x < sums.length; x++) sums[x] = this.#value(x, near);
    } else {
      const far = Math.min(Math.max(isFirst ? near - 1 : near + 1, 0), this.#rows - 1);
      for (let x = 0; x < sums.length; x++) sums[x] = 3 * this.#value(x, near) + this.#value(x, far);
    }
    if (this.#stepX === 2) return this.#widen(this.#stepY === 1 ? [2, 1, 2] : [4, 8, 7]);
    const [shift, bias] = this.#stepY === 1 ? [0, 0] : [2, isFirst ? 1 : 2];
    for (let x = 0; x < sums.length; x++) this.#row[x] = ((sums[x] as number) + bias) >> shift;
    return this.#row;
  }

  #repeat(near: number): Uint8Array {
    for (let x = 0; x < this.#row.length; x++) this.#row[x] = this.#value(x >> 1, near);
    return this.#row;
  }

  /** Enlarges the sums along the row; left and right halves are rounded in different directions. */
  #widen([shift, biasLeft, biasRight]: readonly [number, number, number]): Uint8Array {
    const sums = this.#sums;
    const row = this.#row;
    const last = sums.length - 1;
    for (let x = 0; x <= last; x++) {
      const here = sums[x] as number;
      const before = x === 0 ? here : (sums[x - 1] as number);
      const after = x === last ? here : (sums[x + 1] as number);
      row[2 * x] = (3 * here + before + biasLeft) >> shift;
      row[2 * x + 1] = (3 * here + after + biasRight) >> shift;
    }
    return row;
  }

  #value(x: number, y: number): number {
    return this.#plane[y * this.#stride + x] as number;
  }
}

function fixed(value: number): number {
  return Math.round(value * (1 << fractionBits));
}

/** Values for all levels of chroma, whose zero is 128. */
function table(value: (chroma: number) => number): Int32Array {
  return Int32Array.from({ length: 256 }, (_, level) => value(level - 128));
}

function toByte(value: number): number {
  return value < 0 ? 0 : value > 255 ? 255 : value;
}
