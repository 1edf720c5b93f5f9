import type { Frame } from 'node-av/lib';
import type { FrameInfo } from '../buffer/frame.ts';
import { FrameRing } from '../buffer/frame-ring.ts';
import { TrackcastError } from '../errors.ts';
import type { DecodedStreamOptions, DecodeReport } from './decode-messages.ts';
import { type DecoderChunk, H264Decoder } from './h264-decoder.ts';
import { PreviewEncoder, type PreviewOptions } from './preview-encoder.ts';

/** Sends a report; the listed buffers are handed over. */
export type SendReport = (report: DecodeReport, transfer?: ArrayBuffer[]) => void;

/**
 * One stream inside a decode worker: its chunks go through the decoder strictly one after another, while other
 * streams of the worker go on.
 *
 * ```
 *   open ──chunk──► open
 *    ├──last chunk, flushed──► ended
 *    ├──close────────────────► ended
 *    └──decoder threw────────► failed
 * ```
 * In the last two states native memory is free and later chunks are ignored.
 */
export class DecodeStream {
  readonly #streamId: string;
  readonly #ring: FrameRing;
  readonly #decoder: H264Decoder;
  readonly #previews = new PreviewEncoder();
  readonly #send: SendReport;
  readonly #onDone: () => void;
  #state: 'open' | 'closing' | 'done' = 'open';
  #work: Promise<void> = Promise.resolve();

  /** Throws `TRACKCAST_DECODER_FAILED`. `onDone` is called once, when the stream has ended or failed. */
  constructor(options: DecodedStreamOptions, send: SendReport, onDone: () => void) {
    const { streamId } = options;
    this.#streamId = streamId;
    this.#send = send;
    this.#onDone = onDone;
    this.#ring = FrameRing.attach(options.ring);
    this.#decoder = new H264Decoder({
      streamId,
      geometry: options.geometry,
      // Exactness for any split is worth more to a recording than one picture's delay.
      eagerAccessUnits: options.lossless ? 'never' : 'auto',
      ...(options.firstFrameIndex === undefined ? {} : { firstFrameIndex: options.firstFrameIndex }),
      ...(options.lumaLongSide === undefined ? {} : { lumaLongSide: options.lumaLongSide }),
      sink: {
        beginWrite: () => (options.lossless ? this.#ring.beginWrite() : this.#ring.tryBeginWrite()),
        onEvent: (event) => send({ kind: 'info', streamId, event }),
        onPicture: (picture, info) => this.#preview(picture, info),
      },
    });
  }

  /** Takes the next chunk; it is decoded after all before it. */
  push(chunk: DecoderChunk): void {
    this.#enqueue(async () => {
      if (this.#state !== 'open') {
        return;
      }
      const outcome = await this.#decoder.push(chunk);
      const counters = this.#decoder.counters();
      this.#send({ kind: 'progress', streamId: this.#streamId, progress: { ...outcome, counters } });
      if (chunk.endOfStream) {
        this.#end();
      }
    });
  }

  configurePreview(options: PreviewOptions): void {
    if (this.#state === 'open') {
      this.#previews.configure(options);
    }
  }

  /** Ends the stream without decoding what waits; also frees a decoder that waits for a slot. */
  close(): Promise<void> {
    if (this.#state === 'open') {
      this.#state = 'closing';
      this.#ring.close();
      this.#enqueue(async () => this.#end());
    }
    return this.#work;
  }

  #preview(picture: Frame, info: FrameInfo): void {
    const streamId = this.#streamId;
    try {
      const jpeg = this.#previews.encode(picture, info);
      if (jpeg !== null) {
        const { width, height, bytes } = jpeg;
        const preview = { frameIndex: info.index, timestampNs: info.timestampNs, width, height, jpeg: bytes };
        this.#send({ kind: 'preview', streamId, preview }, [bytes.buffer]);
      }
    } catch {
      // A picture that cannot be shown is still tracked.
      this.#previews.configure({ enabled: false, maxFps: 0 });
      this.#send({ kind: 'info', streamId, event: { kind: 'preview_failed' } });
    }
  }

  #enqueue(step: () => Promise<void>): void {
    this.#work = this.#work.then(step).catch((error: unknown) => this.#fail(error));
  }

  #end(): void {
    if (this.#state !== 'done') {
      const counters = this.#decoder.counters();
      this.#release();
      this.#send({ kind: 'ended', streamId: this.#streamId, counters });
    }
  }

  #fail(error: unknown): void {
    if (this.#state !== 'done') {
      this.#release();
      this.#send(failureReport(this.#streamId, error));
    }
  }

  #release(): void {
    this.#state = 'done';
    this.#ring.end();
    this.#previews[Symbol.dispose]();
    this.#decoder[Symbol.dispose]();
    this.#onDone();
  }
}

/** The report of a stream that cannot go on. */
export function failureReport(streamId: string, error: unknown): DecodeReport {
  const code = error instanceof TrackcastError ? error.code : 'TRACKCAST_DECODER_FAILED';
  return { kind: 'failed', streamId, code, message: error instanceof Error ? error.message : String(error) };
}
