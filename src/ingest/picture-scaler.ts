import { AVCOL_RANGE_JPEG, type AVPixelFormat } from 'node-av/constants';
import { Frame, SoftwareScaleContext } from 'node-av/lib';

/** `bilinear` for models and previews, `exact` where colours matter more than time. */
export type ScalingQuality = 'bilinear' | 'exact';

const scalerFlags: Readonly<Record<ScalingQuality, string>> = {
  bilinear: 'bilinear',
  exact: 'bicubic+accurate_rnd+full_chroma_int+full_chroma_inp',
};

/**
 * Scales pictures of any size, format and colour space into one full-range format. The result's memory is its
 * own and used again by the next call.
 */
export class PictureScaler implements Disposable {
  readonly #format: AVPixelFormat;
  readonly #scaler = new SoftwareScaleContext();
  #target: Frame | null = null;

  constructor(format: AVPixelFormat, quality: ScalingQuality) {
    this.#format = format;
    // Left uninitialised, the scaler follows size, format and colour of each frame by itself.
    this.#scaler.allocContext();
    this.#scaler.setOption('sws_flags', scalerFlags[quality]);
  }

  /**
   * The picture at `width` x `height`; valid until the next call. Throws `RangeError` when it cannot be scaled.
   */
  scale(picture: Frame, width: number, height: number): Frame {
    const target = this.#targetOf(width, height);
    // An encoder may still hold the memory of the last result.
    target.makeWritable();
    const code = this.#scaler.scaleFrameSync(target, picture);
    if (code < 0) {
      throw new RangeError(`a picture of ${picture.width}x${picture.height} cannot be scaled (${code})`);
    }
    return target;
  }

  [Symbol.dispose](): void {
    this.#target?.free();
    this.#target = null;
    this.#scaler.freeContext();
  }

  #targetOf(width: number, height: number): Frame {
    if (this.#target !== null && this.#target.width === width && this.#target.height === height) {
      return this.#target;
    }
    this.#target?.free();
    this.#target = null;
    const target = allocatePicture(width, height, this.#format);
    target.colorRange = AVCOL_RANGE_JPEG;
    this.#target = target;
    return target;
  }
}

/** An empty picture with memory. Throws `RangeError` when there is none. */
export function allocatePicture(width: number, height: number, format: AVPixelFormat): Frame {
  const picture = new Frame();
  picture.alloc();
  picture.format = format;
  picture.width = width;
  picture.height = height;
  if (picture.getBuffer() < 0) {
    picture.free();
    throw new RangeError(`no memory for a picture of ${width}x${height}`);
  }
  return picture;
}

/**
 * Copies the first plane of a picture, `contentBytes` of each row, into rows at distances of `rowBytes`.
 * Throws `RangeError` for a picture without a plane.
 */
export function copyPlane(picture: Frame, contentBytes: number, out: Uint8Array, rowBytes: number): void {
  const plane = picture.data?.[0];
  const stride = picture.linesize[0];
  if (plane === undefined || stride === undefined) {
    throw new RangeError('the picture has no plane');
  }
  const { height } = picture;
  if (stride === rowBytes && contentBytes === rowBytes) {
    out.set(plane.subarray(0, rowBytes * height));
    return;
  }
  for (let row = 0; row < height; row += 1) {
    out.set(plane.subarray(row * stride, row * stride + contentBytes), row * rowBytes);
  }
}
