import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  AV_CODEC_FLAG_GLOBAL_HEADER,
  AV_LOG_ERROR,
  AV_PIX_FMT_YUV420P,
  AVERROR_EAGAIN,
  AVERROR_EOF,
  FF_ENCODER_LIBX264,
  FF_ENCODER_MPEG4,
} from 'node-av/constants';
import { Codec, CodecContext, FFmpegError, FormatContext, Frame, Log, Packet, Rational } from 'node-av/lib';

export interface ClipOptions {
  readonly frames: number;
  readonly gop?: number;
  readonly bFrames?: number;
}

const width = 96;
const height = 64;
const framesPerSecond = 25;

/** A moving gradient, encoded: the access units of an Annex B byte stream. */
export function encodeClip(options: ClipOptions): Uint8Array[] {
  using encoder = openEncoder('libx264', options, false);
  const units: Uint8Array[] = [];
  encode(encoder, options.frames, (packet) => {
    units.push(Uint8Array.from(packet.data ?? []));
  });
  return units;
}

/** Writes the same clip into a container, chosen by the path's ending. */
export async function muxClip(path: string, options: ClipOptions & { codec?: 'libx264' | 'mpeg4' }) {
  using encoder = openEncoder(options.codec ?? 'libx264', options, true);
  const format = new FormatContext();
  FFmpegError.throwIfError(
    format.allocOutputContext2(null, path.endsWith('.mkv') ? 'matroska' : 'mp4', path),
  );
  const stream = format.newStream();
  FFmpegError.throwIfError(stream.codecpar.fromContext(encoder));
  stream.timeBase = encoder.timeBase;
  FFmpegError.throwIfError(format.openOutputSync());
  FFmpegError.throwIfError(format.writeHeaderSync());
  encode(encoder, options.frames, (packet) => {
    packet.streamIndex = stream.index;
    packet.duration = 1n;
    packet.rescaleTs(encoder.timeBase, stream.timeBase);
    FFmpegError.throwIfError(format.interleavedWriteFrameSync(packet));
  });
  FFmpegError.throwIfError(format.writeTrailerSync());
  format.closeOutputSync();
  format.freeContext();
}

export class TemporaryFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'trackcast-ingest-'));

  write(name: string, data: Uint8Array): string {
    const path = join(this.path, name);
    writeFileSync(path, data);
    return path;
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

function openEncoder(name: 'libx264' | 'mpeg4', options: ClipOptions, globalHeader: boolean): CodecContext {
  const codec = Codec.findEncoderByName(name === 'libx264' ? FF_ENCODER_LIBX264 : FF_ENCODER_MPEG4);
  if (codec === null) {
    throw new Error(`no encoder ${name}`);
  }
  Log.setLevel(AV_LOG_ERROR);
  const context = new CodecContext();
  context.allocContext3(codec);
  context.width = width;
  context.height = height;
  context.pixelFormat = AV_PIX_FMT_YUV420P;
  context.timeBase = new Rational(1, framesPerSecond);
  context.framerate = new Rational(framesPerSecond, 1);
  context.gopSize = options.gop ?? 10;
  context.maxBFrames = options.bFrames ?? 0;
  context.threadCount = 1;
  if (globalHeader) {
    context.setFlags(AV_CODEC_FLAG_GLOBAL_HEADER);
  }
  if (name === 'libx264') {
    context.setOption('preset', 'veryfast');
  }
  FFmpegError.throwIfError(context.open2Sync(codec));
  return context;
}

function encode(context: CodecContext, frames: number, take: (packet: Packet) => void): void {
  using frame = new Frame();
  frame.alloc();
  using packet = new Packet();
  packet.alloc();
  const drain = () => {
    for (;;) {
      const result = context.receivePacketSync(packet);
      if (result === AVERROR_EAGAIN || result === AVERROR_EOF) {
        return;
      }
      FFmpegError.throwIfError(result);
      take(packet);
      packet.unref();
    }
  };
  for (let index = 0; index < frames; index += 1) {
    frame.format = AV_PIX_FMT_YUV420P;
    frame.width = width;
    frame.height = height;
    FFmpegError.throwIfError(frame.fromBuffer(picture(index)));
    frame.pts = BigInt(index);
    FFmpegError.throwIfError(context.sendFrameSync(frame));
    frame.unref();
    drain();
  }
  FFmpegError.throwIfError(context.sendFrameSync(null));
  drain();
}

function picture(index: number): Buffer {
  const pixels = Buffer.alloc((width * height * 3) / 2, 128);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      pixels[y * width + x] = (x * 2 + y * 3 + index * 5) & 0xff;
    }
  }
  return pixels;
}
