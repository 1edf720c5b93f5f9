import {
  AV_FRAME_DATA_MOTION_VECTORS,
  AV_PIX_FMT_GRAY8,
  AV_PIX_FMT_RGB24,
  AVCOL_RANGE_JPEG,
  type AVPixelFormat,
} from 'node-av/constants';
import { Frame, SoftwareScaleContext } from 'node-av/lib';
import { type FittedSize, fitPixels, type PixelGeometry, paddingColour } from '../buffer/frame.ts';
import type { FrameWrite } from '../buffer/frame-ring.ts';
import { packMotionVectors } from './h264-motion-vectors.ts';

export interface PictureConverterOptions {
  readonly geometry: PixelGeometry;
  /** Long side of the luma plane, pixels. */
  readonly lumaLongSide: number;
}

/** What was written into a slot, besides the arrays. */
export interface ConvertedPicture {
  readonly pixelSize: FittedSize;
  readonly lumaWidth: number;
  readonly lumaHeight: number;
  readonly motionVectorCount: number;
  readonly motionVectorsOmitted: number;
}

/**
 * Converts decoded pictures to model pixels and luma. Colours follow the matrix and range that the stream names
 * (BT.601 limited where it names none); luma comes out full range.
 */
export class PictureConverter implements Disposable {
  readonly #geometry: PixelGeometry;
  readonly #lumaLongSide: number;
  readonly #pixels = new PlaneScaler(AV_PIX_FMT_RGB24);
  readonly #luma = new PlaneScaler(AV_PIX_FMT_GRAY8);

  constructor(options: PictureConverterOptions) {
    this.#geometry = options.geometry;
    this.#lumaLongSide = options.lumaLongSide;
  }

  /** Fills the slot. Throws `RangeError` when the picture is larger than the slot or of an unknown format. */
  convert(picture: Frame, write: FrameWrite): ConvertedPicture {
    const pixelSize = fitPixels(this.#geometry, picture.width, picture.height);
    const luma = lumaSize(picture.width, picture.height, this.#lumaLongSide);
    if (pixelSize.width * pixelSize.height * 3 > write.pixels.length) {
      throw new RangeError(`${pixelSize.width}x${pixelSize.height} pixels do not fit into a slot`);
    }
    if (luma.width * luma.height > write.luma.length) {
      throw new RangeError(`${luma.width}x${luma.height} luma does not fit into a slot`);
    }
    const { contentWidth, contentHeight } = pixelSize;
    this.#pixels.scale(picture, contentWidth, contentHeight, write.pixels, pixelSize.width * 3);
    fillPadding(write.pixels, pixelSize);
    this.#luma.scale(picture, luma.width, luma.height, write.luma, luma.width);
    const exported = picture.getSideData(AV_FRAME_DATA_MOTION_VECTORS);
    const { count, omitted } = packMotionVectors(exported, write.motionVectors);
    return {
      pixelSize,
      lumaWidth: luma.width,
      lumaHeight: luma.height,
      motionVectorCount: count,
      motionVectorsOmitted: omitted,
    };
  }

  [Symbol.dispose](): void {
    this.#pixels[Symbol.dispose]();
    this.#luma[Symbol.dispose]();
  }
}

/** Size of the luma plane: the picture's aspect ratio with the given long side. */
export function lumaSize(width: number, height: number, longSide: number): { width: number; height: number } {
  const scale = longSide / Math.max(width, height);
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}

/** Paints what the picture leaves free at the right and below. */
function fillPadding(pixels: Uint8Array, size: FittedSize): void {
  const { width, height, contentWidth, contentHeight } = size;
  const rowBytes = width * 3;
  if (contentWidth < width) {
    for (let row = 0; row < contentHeight; row += 1) {
      paint(pixels, row * rowBytes + contentWidth * 3, (row + 1) * rowBytes);
    }
  }
  if (contentHeight < height) {
    paint(pixels, contentHeight * rowBytes, height * rowBytes);
  }
}

/** Paints by doubling, because a padding of a million bytes is usual. */
function paint(pixels: Uint8Array, start: number, end: number): void {
  pixels.set(paddingColour, start);
  let painted = 3;
  while (start + painted < end) {
    const next = Math.min(painted, end - start - painted);
    pixels.copyWithin(start + painted, start, start + next);
    painted += next;
  }
}

/** Scales pictures of any size and format into one packed plane of a fixed format. */
export class PlaneScaler implements Disposable {
  readonly #format: AVPixelFormat;
  readonly #scaler = new SoftwareScaleContext();
  #target: Frame | null = null;

  constructor(format: AVPixelFormat) {
    this.#format = format;
    // Left uninitialised, the scaler follows size, format and colour of each frame by itself.
    this.#scaler.allocContext();
    this.#scaler.setOption('sws_flags', 'bilinear');
  }

  /** Scales into `out`, row by row at distances of `rowBytes`. Throws `RangeError` when the format is unknown. */
  scale(picture: Frame, width: number, height: number, out: Uint8Array, rowBytes: number): void {
    const target = this.#targetOf(width, height);
    const code = this.#scaler.scaleFrameSync(target, picture);
    const plane = target.data?.[0];
    const stride = target.linesize[0];
    if (code < 0 || plane === undefined || stride === undefined) {
      throw new RangeError(`a picture of ${picture.width}x${picture.height} cannot be scaled (${code})`);
    }
    const contentBytes = this.#format === AV_PIX_FMT_RGB24 ? width * 3 : width;
    if (stride === rowBytes && contentBytes === rowBytes) {
      out.set(plane.subarray(0, rowBytes * height));
      return;
    }
    for (let row = 0; row < height; row += 1) {
      out.set(plane.subarray(row * stride, row * stride + contentBytes), row * rowBytes);
    }
  }

  [Symbol.dispose](): void {
    this.#target?.free();
    this.#scaler.freeContext();
  }

  #targetOf(width: number, height: number): Frame {
    if (this.#target !== null && this.#target.width === width && this.#target.height === height) {
      return this.#target;
    }
    this.#target?.free();
    const target = new Frame();
    target.alloc();
    target.format = this.#format;
    target.width = width;
    target.height = height;
    target.colorRange = AVCOL_RANGE_JPEG;
    if (target.getBuffer() < 0) {
      target.free();
      this.#target = null;
      throw new RangeError(`no memory for a plane of ${width}x${height}`);
    }
    this.#target = target;
    return target;
  }
}
