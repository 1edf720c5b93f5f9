import { access, constants, stat } from 'node:fs/promises';
import {
  AV_CODEC_ID_H264,
  AV_NOPTS_VALUE,
  AVERROR_EAGAIN,
  AVERROR_EOF,
  AVMEDIA_TYPE_VIDEO,
} from 'node-av/constants';
import {
  BitStreamFilter,
  BitStreamFilterContext,
  FFmpegError,
  FormatContext,
  InputFormat,
  Packet,
} from 'node-av/lib';
import { TrackcastError } from '../errors.ts';
import { errorCode } from '../system-error.ts';

/** One access unit of a file. */
export interface FileAccessUnit {
  /** Annex B bytes, owned by the receiver. */
  readonly data: Uint8Array;
  /** When it is shown and when it is decoded, nanoseconds of the file's clock; raw byte streams have none. */
  readonly presentationNs: bigint | undefined;
  readonly decodingNs: bigint | undefined;
  /** Nanoseconds; 0 when the file does not say. */
  readonly durationNs: bigint;
}

/**
 * Reads the access units of the best H.264 track of a file, in decoding order, as an Annex B byte stream with
 * parameter sets in band. All work is done off the calling thread, one call at a time.
 */
export class FileDemuxer {
  readonly #path: string;
  readonly #format: FormatContext;
  readonly #filter: BitStreamFilterContext;
  readonly #streamIndex: number;
  readonly #timeBase: { readonly num: number; readonly den: number };
  readonly #input = newPacket();
  readonly #output = newPacket();
  #phase: 'reading' | 'flushing' | 'ended' | 'closed' = 'reading';

  private constructor(
    path: string,
    format: FormatContext,
    filter: BitStreamFilterContext,
    streamIndex: number,
    timeBase: { readonly num: number; readonly den: number },
  ) {
    this.#path = path;
    this.#format = format;
    this.#filter = filter;
    this.#streamIndex = streamIndex;
    this.#timeBase = timeBase;
  }

  /** @throws TrackcastError `TRACKCAST_SOURCE_UNREADABLE` when there is no such file or no H.264 in it */
  static async open(path: string): Promise<FileDemuxer> {
    await checkFile(path);
    const format = new FormatContext();
    // Raw byte streams have no header to be recognised by.
    const forced = /\.(h264|264|avc)$/i.test(path) ? InputFormat.findInputFormat('h264') : null;
    check(path, await format.openInput(path, forced));
    try {
      check(path, await format.findStreamInfo());
      const streamIndex = format.findBestStream(AVMEDIA_TYPE_VIDEO, -1, -1);
      const stream = format.streams[streamIndex];
      if (streamIndex < 0 || stream === undefined || stream.codecpar.codecId !== AV_CODEC_ID_H264) {
        throw unreadable(path, 'it holds no H.264 video track');
      }
      const { num, den } = stream.timeBase;
      const filter = new BitStreamFilterContext();
      try {
        const annexB = BitStreamFilter.getByName('h264_mp4toannexb');
        if (annexB === null) {
          throw unreadable(path, 'the bitstream filter h264_mp4toannexb is missing');
        }
        check(path, filter.alloc(annexB));
        const parameters = filter.inputCodecParameters;
        if (parameters === null) {
          throw unreadable(path, 'the bitstream filter takes no parameters');
        }
        check(path, stream.codecpar.copy(parameters));
        filter.inputTimeBase = stream.timeBase;
        check(path, filter.init());
        return new FileDemuxer(path, format, filter, streamIndex, { num, den });
      } catch (error) {
        filter.free();
        throw error;
      }
    } catch (error) {
      await format.closeInput();
      throw error;
    }
  }

  /**
   * The next access unit, or undefined after the last. Not to be called again before it has answered.
   *
   * @throws TrackcastError `TRACKCAST_SOURCE_UNREADABLE` when the file cannot be read on
   */
  async next(): Promise<FileAccessUnit | undefined> {
    while (this.#phase === 'reading' || this.#phase === 'flushing') {
      const received = await this.#filter.receivePacket(this.#output);
      if (received >= 0) {
        const unit = this.#takeOutput();
        if (unit !== undefined) {
          return unit;
        }
      } else if (received === AVERROR_EAGAIN && this.#phase === 'reading') {
        await this.#feed();
      } else if (received === AVERROR_EOF || received === AVERROR_EAGAIN) {
        this.#phase = 'ended';
      } else {
        check(this.#path, received);
      }
    }
    return undefined;
  }

  /** Releases the file. Not to be called while `next` is at work. */
  async close(): Promise<void> {
    if (this.#phase === 'closed') {
      return;
    }
    this.#phase = 'closed';
    this.#input.free();
    this.#output.free();
    this.#filter.free();
    await this.#format.closeInput();
  }

  async #feed(): Promise<void> {
    const read = await this.#format.readFrame(this.#input);
    if (read === AVERROR_EOF) {
      this.#phase = 'flushing';
      await this.#filter.sendPacket(null);
      return;
    }
    check(this.#path, read);
    try {
      if (this.#input.streamIndex === this.#streamIndex && this.#input.size > 0) {
        check(this.#path, await this.#filter.sendPacket(this.#input));
      }
    } finally {
      this.#input.unref();
    }
  }

  #takeOutput(): FileAccessUnit | undefined {
    const packet = this.#output;
    try {
      // `packet.data` is recycled: it must be copied.
      const data = packet.data === null ? undefined : Uint8Array.from(packet.data);
      return data === undefined
        ? undefined
        : {
            data,
            presentationNs: this.#nanoseconds(packet.pts),
            decodingNs: this.#nanoseconds(packet.dts),
            durationNs: this.#nanoseconds(packet.duration) ?? 0n,
          };
    } finally {
      packet.unref();
    }
  }

  #nanoseconds(ticks: bigint): bigint | undefined {
    return ticks === AV_NOPTS_VALUE
      ? undefined
      : (ticks * BigInt(this.#timeBase.num) * 1_000_000_000n) / BigInt(this.#timeBase.den);
  }
}

function newPacket(): Packet {
  const packet = new Packet();
  packet.alloc();
  return packet;
}

async function checkFile(path: string): Promise<void> {
  let isFile: boolean;
  try {
    await access(path, constants.R_OK);
    isFile = (await stat(path)).isFile();
  } catch (error) {
    throw unreadable(path, errorCode(error));
  }
  if (!isFile) {
    throw unreadable(path, 'it is not a file');
  }
}

function check(path: string, result: number): void {
  if (result < 0) {
    throw unreadable(path, FFmpegError.strerror(result) ?? `error ${result}`);
  }
}

function unreadable(path: string, reason: string): TrackcastError {
  return new TrackcastError('TRACKCAST_SOURCE_UNREADABLE', `Cannot read ${path}: ${reason}.`, { key: path });
}
