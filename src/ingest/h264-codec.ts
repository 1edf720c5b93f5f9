import {
  AV_CODEC_FLAG2_EXPORT_MVS,
  AV_CODEC_ID_H264,
  AV_FRAME_FLAG_CORRUPT,
  AVERROR_EAGAIN,
  AVERROR_EOF,
} from 'node-av/constants';
import { Codec, CodecContext, Frame, Packet } from 'node-av/lib';
import { TrackcastError } from '../errors.ts';

/** One step of taking pictures out of the decoder. */
export type Received =
  | {
      readonly kind: 'picture';
      readonly number: number;
      readonly picture: Frame;
      readonly hasErrors: boolean;
    }
  | { readonly kind: 'refused' }
  | { readonly kind: 'none' };

/** Largest picture, pixels: 8K. Larger ones are refused before memory is taken for them. */
const maxPicturePixels = 7680 * 4320;

/**
 * FFmpeg's H.264 decoder on one thread, so that each picture comes out at once. Packets are numbered, and a
 * picture carries the number of its packet. Faults are return values.
 */
export class H264Codec implements Disposable {
  readonly #context = new CodecContext();
  readonly #packet = new Packet();
  readonly #picture = new Frame();

  /** Throws `TRACKCAST_DECODER_FAILED` when the library has no such decoder. */
  constructor(streamId: string) {
    const codec = Codec.findDecoder(AV_CODEC_ID_H264);
    this.#context.allocContext3(codec);
    this.#context.threadCount = 1;
    this.#context.setFlags2(AV_CODEC_FLAG2_EXPORT_MVS);
    this.#context.setOption('max_pixels', String(maxPicturePixels));
    const code = this.#context.open2Sync(codec);
    if (code < 0) {
      throw new TrackcastError('TRACKCAST_DECODER_FAILED', `no H.264 decoder can be opened (${code})`, {
        streamId,
      });
    }
    this.#packet.alloc();
    this.#picture.alloc();
  }

  /** Pictures that may be held back for reordering. */
  get reorderDepth(): number {
    return this.#context.hasBFrames;
  }

  /** Hands in one access unit. Returns false when it was refused. `receive` until `none` before the next. */
  send(data: Buffer, number: number): boolean {
    this.#packet.data = data;
    this.#packet.pts = BigInt(number);
    const code = this.#context.sendPacketSync(this.#packet);
    this.#packet.unref();
    return code >= 0;
  }

  /** Asks for everything held back: `receive` until `none`, then call `restart`. */
  drain(): void {
    this.#context.sendPacketSync(null);
  }

  /** Forgets all pictures; parameter sets stay. */
  restart(): void {
    this.#context.flushBuffers();
  }

  /** The next picture; valid until the next call. */
  receive(): Received {
    this.#picture.unref();
    const code = this.#context.receiveFrameSync(this.#picture);
    if (code === AVERROR_EAGAIN || code === AVERROR_EOF) {
      return { kind: 'none' };
    }
    if (code < 0) {
      return { kind: 'refused' };
    }
    const hasErrors =
      this.#picture.decodeErrorFlags !== 0 || (this.#picture.flags & AV_FRAME_FLAG_CORRUPT) !== 0;
    return { kind: 'picture', number: Number(this.#picture.pts), picture: this.#picture, hasErrors };
  }

  [Symbol.dispose](): void {
    this.#packet.free();
    this.#picture.free();
    this.#context.freeContext();
  }
}
