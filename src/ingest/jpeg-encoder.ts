import {
  AV_CODEC_FLAG_QSCALE,
  AV_PIX_FMT_YUVJ420P,
  AVCOL_RANGE_JPEG,
  FF_ENCODER_MJPEG,
} from 'node-av/constants';
import { Codec, CodecContext, type Frame, Packet, Rational } from 'node-av/lib';
import { TrackcastError } from '../errors.ts';
import { PictureScaler } from './picture-scaler.ts';

export interface Jpeg {
  readonly width: number;
  readonly height: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** FFmpeg's quality scale, 2 (best) to 31, times its lambda unit of 118. */
const quality = 5 * 118;

/** Encodes decoded pictures as JPEG files. */
export class JpegEncoder implements Disposable {
  readonly #scaler = new PictureScaler(AV_PIX_FMT_YUVJ420P, 'bilinear');
  readonly #packet = new Packet();
  #context: CodecContext | null = null;
  #count = 0n;

  constructor() {
    this.#packet.alloc();
  }

  /**
   * Encodes the picture with at most `longSide` pixels on its long side; it is never enlarged. Throws
   * `TRACKCAST_DECODER_FAILED` when the picture cannot be encoded, `RangeError` when it cannot be scaled.
   */
  encode(picture: Frame, longSide: number): Jpeg {
    const scale = Math.min(1, longSide / Math.max(picture.width, picture.height));
    // Chroma has half the resolution: even sides.
    const side = (pixels: number) => Math.max(2, 2 * Math.round((pixels * scale) / 2));
    const width = side(picture.width);
    const height = side(picture.height);
    const small = this.#scaler.scale(picture, width, height);
    small.quality = quality;
    // The encoder refuses a time that does not grow.
    this.#count += 1n;
    small.pts = this.#count;
    small.timeBase = new Rational(1, 25);
    const context = this.#contextOf(width, height);
    const sent = context.sendFrameSync(small);
    const received = sent < 0 ? sent : context.receivePacketSync(this.#packet);
    if (received < 0) {
      throw new TrackcastError('TRACKCAST_DECODER_FAILED', `the picture cannot be encoded (${received})`);
    }
    const bytes = new Uint8Array(this.#packet.data ?? []);
    this.#packet.unref();
    return { width, height, bytes };
  }

  [Symbol.dispose](): void {
    this.#context?.freeContext();
    this.#context = null;
    this.#packet.free();
    this.#scaler[Symbol.dispose]();
  }

  #contextOf(width: number, height: number): CodecContext {
    if (this.#context !== null && this.#context.width === width && this.#context.height === height) {
      return this.#context;
    }
    this.#context?.freeContext();
    this.#context = null;
    const codec = Codec.findEncoderByName(FF_ENCODER_MJPEG);
    const context = new CodecContext();
    context.allocContext3(codec);
    context.width = width;
    context.height = height;
    context.pixelFormat = AV_PIX_FMT_YUVJ420P;
    context.colorRange = AVCOL_RANGE_JPEG;
    context.timeBase = new Rational(1, 25);
    context.threadCount = 1;
    context.setFlags(AV_CODEC_FLAG_QSCALE);
    context.globalQuality = quality;
    const code = codec === null ? -1 : context.open2Sync(codec);
    if (code < 0) {
      context.freeContext();
      throw new TrackcastError('TRACKCAST_DECODER_FAILED', `no JPEG encoder can be opened (${code})`);
    }
    this.#context = context;
    return context;
  }
}
