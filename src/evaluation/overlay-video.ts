import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { monotonicMs } from '../clock.ts';
import type { Chunk } from '../ingest/chunk.ts';
import { FileSource } from '../ingest/file-source.ts';
import { type DecodedPicture, PictureDecoder } from '../ingest/picture-decoder.ts';
import type { TrackMessage } from '../publish/track-message.ts';
import { firstChunks } from './first-chunks.ts';
import { drawOverlay, type RgbPicture } from './overlay.ts';
import { VideoFileWriter } from './video-file-writer.ts';

export interface OverlayVideoOptions {
  /** The video that was tracked. */
  readonly input: string;
  /** Its track messages, one JSON object a line, in order; other lines with a `type` are skipped. */
  readonly messages: string;
  readonly output: string;
  /** Capture time of the first picture when the video was tracked: pictures are found by their timestamps. */
  readonly startTimestampNs: bigint;
  /** Access units of the input that are used. */
  readonly maxFrames: number;
  /** Ends the output with the last picture that has a message. */
  readonly endsWithMessages: boolean;
  /** Ends the output early, as a complete file. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (frames: number) => void;
}

export interface OverlayVideoResult {
  /** Pictures written. */
  readonly frames: number;
  /** Of them, pictures with a message; the others were not tracked and are shown as they are. */
  readonly tracked: number;
}

/**
 * Decodes a video once more, draws the tracks of each picture on it and encodes the result.
 *
 * @throws TrackcastError `TRACKCAST_SOURCE_UNREADABLE`, `TRACKCAST_OUTPUT_UNWRITABLE`
 */
export async function writeOverlayVideo(options: OverlayVideoOptions): Promise<OverlayVideoResult> {
  const { input, startTimestampNs, maxFrames, endsWithMessages, signal } = options;
  const file = new FileSource({
    path: input,
    streamId: 'overlay',
    pace: { kind: 'asFastAsPossible' },
    startTimestampNs,
  });
  const source = firstChunks(file, maxFrames);
  const messages = new MessageReader(options.messages);
  const drawing = new OverlayDrawing(options.output, messages);
  using decoder = new PictureDecoder('overlay', 'bilinear');
  let failure: unknown;
  let isOver = false;
  const handle = async (chunk: Chunk): Promise<void> => {
    for (const picture of isOver ? [] : await decoder.decode({ ...chunk, receivedAtMs: monotonicMs() })) {
      if (signal?.aborted === true || (endsWithMessages && (await messages.next()) === null)) isOver = true;
      if (!isOver) await drawing.add(picture);
    }
    options.onProgress?.(drawing.result.frames);
  };
  let handling: Promise<void> = Promise.resolve();
  try {
    await source.start((chunk) => {
      handling = handle(chunk).catch((error) => {
        failure ??= error;
        isOver = true;
      });
      void handling.then(() => (isOver ? file.stop() : undefined));
      return handling;
    });
    const end = await file.finished;
    await handling;
    if (failure !== undefined) throw failure;
    if (end.kind === 'failed') throw end.error;
    await drawing.finish();
    return drawing.result;
  } finally {
    await source.close();
    await drawing.close();
    messages.close();
  }
}

/** Draws pictures and appends them to the output, which is opened with the size of the first. */
class OverlayDrawing {
  readonly #path: string;
  readonly #messages: MessageReader;
  readonly #result = { frames: 0, tracked: 0 };
  #writer: VideoFileWriter | null = null;
  #size = { width: 0, height: 0 };

  constructor(path: string, messages: MessageReader) {
    this.#path = path;
    this.#messages = messages;
  }

  get result(): OverlayVideoResult {
    return { ...this.#result };
  }

  async add(picture: DecodedPicture): Promise<void> {
    const message = await this.#messages.next();
    if (message !== null && BigInt(message.frame.timestampNs) === picture.timestampNs) {
      this.#messages.consume();
      this.#result.tracked += 1;
      drawOverlay(picture, message.tracks);
    }
    if (this.#writer === null) {
      this.#size = { width: Math.max(2, picture.width & ~1), height: Math.max(2, picture.height & ~1) };
      this.#writer = await VideoFileWriter.create({ path: this.#path, ...this.#size });
    }
    await this.#writer.write(resized(picture, this.#size), picture.timestampNs);
    this.#result.frames += 1;
  }

  async finish(): Promise<void> {
    await this.#writer?.finish();
  }

  async close(): Promise<void> {
    await this.#writer?.close();
    this.#writer = null;
  }
}

/** A stream may change its size, a file cannot: the nearest pixel is taken. */
function resized(picture: RgbPicture, size: { readonly width: number; readonly height: number }): Uint8Array {
  const { width, height } = size;
  if (picture.width === width && picture.height === height) return picture.data;
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y += 1) {
    const row = Math.floor((y * picture.height) / height) * picture.width;
    for (let x = 0; x < width; x += 1) {
      const from = (row + Math.floor((x * picture.width) / width)) * 3;
      const to = (y * width + x) * 3;
      for (let channel = 0; channel < 3; channel += 1) data[to + channel] = picture.data[from + channel] ?? 0;
    }
  }
  return data;
}

type OverlayMessage = Pick<TrackMessage, 'frame' | 'tracks'>;

/** Reads track messages one after the other, with one to look at ahead. */
class MessageReader {
  readonly #lines: AsyncIterator<string>;
  readonly #close: () => void;
  #ahead: OverlayMessage | null | undefined;

  constructor(path: string) {
    const file = createReadStream(path);
    const reader = createInterface({ input: file, crlfDelay: Number.POSITIVE_INFINITY });
    this.#lines = reader[Symbol.asyncIterator]();
    this.#close = () => {
      reader.close();
      file.destroy();
    };
  }

  /** The next message, the same until it is consumed; null after the last. */
  async next(): Promise<OverlayMessage | null> {
    while (this.#ahead === undefined) {
      const line = await this.#lines.next();
      if (line.done === true) {
        this.#ahead = null;
      } else {
        const parsed = JSON.parse(line.value) as OverlayMessage | { readonly type: string };
        if (!('type' in parsed)) this.#ahead = parsed;
      }
    }
    return this.#ahead;
  }

  consume(): void {
    if (this.#ahead !== null) this.#ahead = undefined;
  }

  close(): void {
    this.#close();
  }
}
