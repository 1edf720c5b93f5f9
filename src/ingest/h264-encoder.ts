import { AV_PIX_FMT_RGB24, AV_PIX_FMT_YUV420P, FF_ENCODER_LIBX264 } from 'node-av/constants';
import { Codec, CodecContext, type Frame, Packet, Rational, SoftwareScaleContext } from 'node-av/lib';
import { TrackcastError } from '../errors.ts';
import { quietCodecLog } from './codec-log.ts';
import { allocatePicture } from './picture-scaler.ts';

export interface H264EncoderOptions {
  /** Even numbers, pixels. */
  readonly width: number;
  readonly height: number;
  readonly fps: number;
  /** Pictures from one IDR picture to the next. */
  readonly gopSize: number;
  /** Bidirectional pictures between two others. Default 0, which also means no delay. */
  readonly bFrames?: number;
  /** Constant rate factor, 0 (lossless) to 51. Default 23. */
  readonly crf?: number;
  /** Of libx264. Default `ultrafast`. */
  readonly preset?: string;
  /** Slices per picture. Default 1. */
  readonly slices?: number;
}

/** Encodes RGB pictures to H.264 with libx264: for tests, evaluation and the demo scene. */
export class H264Encoder implements Disposable {
  readonly #context = new CodecContext();
  readonly #scaler = new SoftwareScaleContext();
  readonly #source: Frame;
  readonly #picture: Frame;
  readonly #packet = new Packet();
  readonly #rowBytes: number;
  #count = 0n;

  /** Throws `TRACKCAST_DECODER_FAILED` when libx264 refuses the options. */
  constructor(options: H264EncoderOptions) {
    quietCodecLog();
    const { width, height } = options;
    this.#rowBytes = width * 3;
    const codec = Codec.findEncoderByName(FF_ENCODER_LIBX264);
    this.#context.allocContext3(codec);
    this.#context.width = width;
    this.#context.height = height;
    this.#context.pixelFormat = AV_PIX_FMT_YUV420P;
    this.#context.timeBase = new Rational(1, options.fps);
    this.#context.framerate = new Rational(options.fps, 1);
    this.#context.gopSize = options.gopSize;
    this.#context.maxBFrames = options.bFrames ?? 0;
    this.#context.threadCount = 1;
    this.#context.setOption('preset', options.preset ?? 'ultrafast');
    if ((options.bFrames ?? 0) === 0) {
      this.#context.setOption('tune', 'zerolatency');
    }
    this.#context.setOption('crf', String(options.crf ?? 23));
    const sliced = `sliced-threads=0:slices=${options.slices ?? 1}`;
    this.#context.setOption('x264-params', `${sliced}:scenecut=0:bframes=${options.bFrames ?? 0}`);
    const code = codec === null ? -1 : this.#context.open2Sync(codec);
    if (code < 0) {
      throw new TrackcastError('TRACKCAST_DECODER_FAILED', `libx264 cannot be opened (${code})`);
    }
    this.#packet.alloc();
    this.#source = allocatePicture(width, height, AV_PIX_FMT_RGB24);
    this.#picture = allocatePicture(width, height, AV_PIX_FMT_YUV420P);
    this.#scaler.allocContext();
  }

  /**
   * Encodes one picture and returns the access units that are ready, Annex B.
   *
   * @param rgb interleaved, `height` rows of `width * 3` bytes
   */
  encode(rgb: Uint8Array): Uint8Array[] {
    this.#source.makeWritable();
    const plane = this.#source.data?.[0];
    const stride = this.#source.linesize[0] ?? 0;
    for (let row = 0; plane !== undefined && row < this.#source.height; row += 1) {
      plane.set(rgb.subarray(row * this.#rowBytes, (row + 1) * this.#rowBytes), row * stride);
    }
    // The encoder may still hold the picture's memory for prediction.
    this.#picture.makeWritable();
    this.#scaler.scaleFrameSync(this.#picture, this.#source);
    return this.#send();
  }

  /**
   * Encodes one picture that is YUV 4:2:0 already, without converting colours, and returns the access units that
   * are ready, Annex B.
   *
   * @param planes limited range: luma, `height` rows of `width` bytes, then U and V of half that size each way
   */
  encodePlanes(planes: Uint8Array): Uint8Array[] {
    this.#picture.makeWritable();
    let from = 0;
    for (let plane = 0; plane < 3; plane += 1) {
      const width = plane === 0 ? this.#picture.width : this.#picture.width / 2;
      const height = plane === 0 ? this.#picture.height : this.#picture.height / 2;
      const target = this.#picture.data?.[plane];
      const stride = this.#picture.linesize[plane] ?? 0;
      for (let row = 0; target !== undefined && row < height; row += 1, from += width) {
        target.set(planes.subarray(from, from + width), row * stride);
      }
    }
    return this.#send();
  }

  /** Ends the stream and returns the access units that were held back. */
  flush(): Uint8Array[] {
    this.#context.sendFrameSync(null);
    return this.#receive();
  }

  [Symbol.dispose](): void {
    this.#scaler.freeContext();
    this.#source.free();
    this.#picture.free();
    this.#packet.free();
    this.#context.freeContext();
  }

  #send(): Uint8Array[] {
    this.#picture.pts = this.#count;
    this.#count += 1n;
    this.#context.sendFrameSync(this.#picture);
    return this.#receive();
  }

  #receive(): Uint8Array[] {
    const units: Uint8Array[] = [];
    while (this.#context.receivePacketSync(this.#packet) >= 0) {
      units.push(new Uint8Array(this.#packet.data ?? []));
      this.#packet.unref();
    }
    return units;
  }
}
