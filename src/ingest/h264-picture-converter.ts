import { AV_FRAME_DATA_MOTION_VECTORS, AV_PIX_FMT_GRAY8, AV_PIX_FMT_RGB24 } from 'node-av/constants';
import type { Frame } from 'node-av/lib';
import { type FittedSize, fitPixels, type PixelGeometry, paddingColour } from '../buffer/frame.ts';
import type { FrameWrite } from '../buffer/frame-ring.ts';
import { packMotionVectors } from './h264-motion-vectors.ts';
import { copyPlane, PictureScaler } from './picture-scaler.ts';

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
  readonly #pixels = new PictureScaler(AV_PIX_FMT_RGB24, 'bilinear');
  readonly #luma = new PictureScaler(AV_PIX_FMT_GRAY8, 'bilinear');

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
    const pixels = this.#pixels.scale(picture, contentWidth, contentHeight);
    copyPlane(pixels, contentWidth * 3, write.pixels, pixelSize.width * 3);
    fillPadding(write.pixels, pixelSize);
    copyPlane(this.#luma.scale(picture, luma.width, luma.height), luma.width, write.luma, luma.width);
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
