import { access, constants } from 'node:fs/promises';
import { dirname } from 'node:path';
import {
  AV_CODEC_FLAG_GLOBAL_HEADER,
  AV_PIX_FMT_RGB24,
  AV_PIX_FMT_YUV420P,
  AVCOL_RANGE_MPEG,
  AVCOL_SPC_SMPTE170M,
  AVERROR_EAGAIN,
  AVERROR_EOF,
  FF_ENCODER_LIBX264,
} from 'node-av/constants';
import {
  Codec,
  CodecContext,
  FFmpegError,
  FormatContext,
  type Frame,
  Packet,
  Rational,
  SoftwareScaleContext,
} from 'node-av/lib';
import { TrackcastError } from '../errors.ts';
import { allocatePicture } from '../ingest/picture-scaler.ts';
import { errorCode } from '../system-error.ts';

export interface VideoFileOptions {
  /** The ending names the container; anything that takes H.264 does. */
  readonly path: string;
  /** Even, pixels. */
  readonly width: number;
  readonly height: number;
}

/** Ticks per second of the file's clock; frame intervals of all usual rates are whole numbers of them. */
const ticksPerSecond = 90_000;
/** What is assumed until two pictures are known. */
const usualFrameRate = 25;

/** Writes RGB pictures to an H.264 video file, each shown when its timestamp says. */
export class VideoFileWriter {
  readonly #path: string;
  readonly #format: FormatContext;
  readonly #encoder: CodecContext;
  readonly #streamTimeBase: { readonly num: number; readonly den: number };
  readonly #source: Frame;
  readonly #picture: Frame;
  readonly #scaler = new SoftwareScaleContext();
  readonly #packet = new Packet();
  #firstNs: bigint | null = null;
  #lastTicks = -1n;
  #interval = BigInt(ticksPerSecond / usualFrameRate);

  private constructor(
    path: string,
    format: FormatContext,
    encoder: CodecContext,
    streamTimeBase: { readonly num: number; readonly den: number },
  ) {
    this.#path = path;
    this.#format = format;
    this.#encoder = encoder;
    this.#streamTimeBase = streamTimeBase;
    this.#source = allocatePicture(encoder.width, encoder.height, AV_PIX_FMT_RGB24);
    this.#picture = allocatePicture(encoder.width, encoder.height, AV_PIX_FMT_YUV420P);
    this.#packet.alloc();
    this.#scaler.allocContext();
  }

  /** Rejects with `TRACKCAST_OUTPUT_UNWRITABLE` when there can be no such file. */
  static async create(options: VideoFileOptions): Promise<VideoFileWriter> {
    const { path, width, height } = options;
    await checkWritable(path);
    const encoder = openEncoder(path, width, height);
    const format = new FormatContext();
    try {
      check(path, format.allocOutputContext2(null, null, path));
      const stream = format.newStream();
      stream.timeBase = new Rational(1, ticksPerSecond);
      check(path, stream.codecpar.fromContext(encoder));
      check(path, await format.openOutput());
      check(path, await format.writeHeader());
      // The container may have chosen another clock.
      const { num, den } = stream.timeBase;
      return new VideoFileWriter(path, format, encoder, { num, den });
    } catch (error) {
      encoder.freeContext();
      await format.closeOutput();
      throw error;
    }
  }

  /**
   * Appends a picture. Timestamps that do not grow are moved to just after the one before.
   *
   * @param rgb interleaved, `height` rows of `width * 3` bytes
   * @throws TrackcastError `TRACKCAST_OUTPUT_UNWRITABLE`
   */
  async write(rgb: Uint8Array, timestampNs: bigint): Promise<void> {
    this.#firstNs ??= timestampNs;
    const ticks = ((timestampNs - this.#firstNs) * BigInt(ticksPerSecond) + 500_000_000n) / 1_000_000_000n;
    if (this.#lastTicks >= 0n && ticks > this.#lastTicks) this.#interval = ticks - this.#lastTicks;
    this.#lastTicks = ticks > this.#lastTicks ? ticks : this.#lastTicks + 1n;
    this.#source.makeWritable();
    const plane = this.#source.data?.[0];
    const stride = this.#source.linesize[0] ?? 0;
    const rowBytes = this.#source.width * 3;
    for (let row = 0; plane !== undefined && row < this.#source.height; row += 1) {
      plane.set(rgb.subarray(row * rowBytes, (row + 1) * rowBytes), row * stride);
    }
    // The encoder may still hold the picture's memory for prediction.
    this.#picture.makeWritable();
    check(this.#path, this.#scaler.scaleFrameSync(this.#picture, this.#source));
    this.#picture.pts = this.#lastTicks;
    check(this.#path, await this.#encoder.sendFrame(this.#picture));
    await this.#writePackets();
  }

  /** Writes what the encoder holds back and completes the file. Rejects as `write` does. */
  async finish(): Promise<void> {
    check(this.#path, await this.#encoder.sendFrame(null));
    await this.#writePackets();
    check(this.#path, await this.#format.writeTrailer());
  }

  /** Frees native memory; call it once, after `finish` or after an error. */
  async close(): Promise<void> {
    this.#scaler.freeContext();
    this.#source.free();
    this.#picture.free();
    this.#packet.free();
    this.#encoder.freeContext();
    await this.#format.closeOutput();
  }

  async #writePackets(): Promise<void> {
    for (;;) {
      const received = await this.#encoder.receivePacket(this.#packet);
      if (received === AVERROR_EAGAIN || received === AVERROR_EOF) return;
      check(this.#path, received);
      this.#packet.streamIndex = 0;
      // Without its duration, the last picture would not be part of the presentation.
      this.#packet.duration = this.#interval;
      this.#packet.rescaleTs({ num: 1, den: ticksPerSecond }, this.#streamTimeBase);
      check(this.#path, await this.#format.interleavedWriteFrame(this.#packet));
    }
  }
}

function openEncoder(path: string, width: number, height: number): CodecContext {
  const codec = Codec.findEncoderByName(FF_ENCODER_LIBX264);
  const encoder = new CodecContext();
  encoder.allocContext3(codec);
  encoder.width = width;
  encoder.height = height;
  encoder.pixelFormat = AV_PIX_FMT_YUV420P;
  // Players take larger pictures without a named matrix for BT.709, which the scaler does not use.
  encoder.colorSpace = AVCOL_SPC_SMPTE170M;
  encoder.colorRange = AVCOL_RANGE_MPEG;
  encoder.timeBase = new Rational(1, ticksPerSecond);
  encoder.framerate = new Rational(usualFrameRate, 1);
  encoder.gopSize = 50;
  encoder.maxBFrames = 0;
  encoder.setFlags(AV_CODEC_FLAG_GLOBAL_HEADER);
  encoder.setOption('preset', 'veryfast');
  encoder.setOption('crf', '20');
  const code = codec === null ? -1 : encoder.open2Sync(codec);
  if (code < 0) {
    encoder.freeContext();
    throw unwritable(path, `no H.264 encoder for ${width}x${height}`);
  }
  return encoder;
}

/** Rejects with `TRACKCAST_OUTPUT_UNWRITABLE` when there can be no file at `path`. */
export async function checkWritable(path: string): Promise<void> {
  try {
    await access(dirname(path), constants.W_OK);
  } catch (error) {
    throw unwritable(path, errorCode(error));
  }
}

function check(path: string, result: number): void {
  if (result < 0) throw unwritable(path, FFmpegError.strerror(result) ?? `error ${result}`);
}

function unwritable(path: string, reason: string): TrackcastError {
  return new TrackcastError('TRACKCAST_OUTPUT_UNWRITABLE', `Cannot write ${path}: ${reason}.`, { key: path });
}
