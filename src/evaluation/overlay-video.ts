import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { monotonicMs } from '../clock.ts';
import type { Chunk } from '../ingest/chunk.ts';
import { FileSource } from '../ingest/file-source.ts';
import { type DecodedPicture, PictureDecoder } from '../ingest/picture-decoder.ts';
import type { TrackMessage } from '../publish/track-message.ts';
import { firstChunks } from './first-chunks.ts';
import { OverlayWriter } from './overlay-writer.ts';

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
  const writer = new OverlayWriter(options.output);
  const drawing = new OverlayDrawing(writer, messages);
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
    await writer.finish();
    return drawing.result;
  } finally {
    await source.close();
    await writer.close();
    messages.close();
  }
}

/** Gives each picture the tracks of its message. */
class OverlayDrawing {
  readonly #writer: OverlayWriter;
  readonly #messages: MessageReader;
  #tracked = 0;

  constructor(writer: OverlayWriter, messages: MessageReader) {
    this.#writer = writer;
    this.#messages = messages;
  }

  get result(): OverlayVideoResult {
    return { frames: this.#writer.frames, tracked: this.#tracked };
  }

  async add(picture: DecodedPicture): Promise<void> {
    const message = await this.#messages.next();
    const isItsOwn = message !== null && BigInt(message.frame.timestampNs) === picture.timestampNs;
    if (isItsOwn) {
      this.#messages.consume();
      this.#tracked += 1;
    }
    await this.#writer.add(picture, isItsOwn ? message.tracks : [], picture.timestampNs);
  }
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
