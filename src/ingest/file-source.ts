import { setTimeout as delay } from 'node:timers/promises';
import { monotonicMs } from '../clock.ts';
import { TrackcastError } from '../errors.ts';
import { type Chunk, type ChunkHandler, type ChunkSource, isStreamId } from './chunk.ts';
import { createChunker, type FileChunking, type TimedBytes } from './file-source-chunking.ts';
import { type FileAccessUnit, FileDemuxer } from './file-source-demuxer.ts';

/**
 * When chunks are handed over: by the file's own clock, `speed` times as fast (default 1), or each as soon as the
 * handler is through with the one before.
 */
export type FilePace =
  | { readonly kind: 'realtime'; readonly speed?: number }
  | { readonly kind: 'asFastAsPossible' };

export interface FileSourceOptions {
  /** MP4, Matroska or any other container FFmpeg knows; or a raw Annex B byte stream (`.h264`, `.264`, `.avc`). */
  readonly path: string;
  readonly streamId: string;
  /** Default: real time. */
  readonly pace?: FilePace;
  /** Begins again at the end, with growing sequences and timestamps, until stopped. Default false. */
  readonly loop?: boolean;
  /** Default: one access unit per chunk. */
  readonly chunking?: FileChunking;
  /** For files without timestamps; default 25. */
  readonly framesPerSecond?: number;
  /** Capture time of the first picture, nanoseconds. Default: the wall clock when the source is started. */
  readonly startTimestampNs?: bigint;
  /** Sequence of the first chunk; default 0. */
  readonly sequenceStart?: number;
  /** Monotonic milliseconds, and a wait on the same clock that ends early, without error, when aborted. */
  readonly clock?: FileSourceClock;
}

export interface FileSourceClock {
  nowMs(): number;
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

/** How a source came to its end. */
export type FileSourceEnd =
  | { readonly kind: 'ended' }
  | { readonly kind: 'stopped' }
  /** The rest of the file cannot be read; the stream ended before. */
  | { readonly kind: 'failed'; readonly error: TrackcastError };

const systemClock: FileSourceClock = {
  nowMs: monotonicMs,
  sleep: (ms, signal) => delay(ms, undefined, { signal }).catch(() => {}),
};

/**
 * One file as one stream. Every chunk carries when its first picture is shown, so with pictures that are coded out
 * of order timestamps are not sorted. The last chunk is empty and says `endOfStream`. Settlements have no effect:
 * a file keeps what it has.
 */
export class FileSource implements ChunkSource {
  readonly name = 'file';
  /** Resolves when no more chunks come. Never rejects. */
  readonly finished: Promise<FileSourceEnd>;
  readonly #options: FileSourceOptions;
  readonly #clock: FileSourceClock;
  readonly #stopping = new AbortController();
  readonly #stopped: Promise<void>;
  #finish: (end: FileSourceEnd) => void = () => {};
  #running: Promise<void> | undefined;
  #sequence: number;

  /** @throws TrackcastError `TRACKCAST_CONFIG_INVALID` for a stream id or sizes that cannot be */
  constructor(options: FileSourceOptions) {
    if (!isStreamId(options.streamId)) {
      throw new TrackcastError('TRACKCAST_CONFIG_INVALID', 'A stream id has 1 to 128 of A-Z a-z 0-9 . _ -', {
        key: 'streamId',
      });
    }
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#sequence = options.sequenceStart ?? 0;
    this.finished = new Promise((resolve) => {
      this.#finish = resolve;
    });
    this.#stopped = new Promise((resolve) => {
      this.#stopping.signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }

  /** Sequence of the next chunk. */
  get nextSequence(): number {
    return this.#sequence;
  }

  /** @throws TrackcastError `TRACKCAST_SOURCE_UNREADABLE` with the path and the reason */
  async start(handler: ChunkHandler): Promise<void> {
    const demuxer = await FileDemuxer.open(this.#options.path);
    this.#running = this.#run(demuxer, handler);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    this.#finish({ kind: 'stopped' });
  }

  async close(): Promise<void> {
    await this.stop();
  }

  async #run(first: FileDemuxer, handler: ChunkHandler): Promise<void> {
    const player = new Player(this.#options, this.#clock, this.#stopping.signal, (bytes) =>
      this.#hand(handler, bytes, false),
    );
    let demuxer = first;
    let end: FileSourceEnd;
    try {
      await player.play(demuxer);
      while (this.#options.loop === true && !this.#stopping.signal.aborted && player.hasPlayed) {
        await demuxer.close();
        demuxer = await FileDemuxer.open(this.#options.path);
        await player.play(demuxer);
      }
      end = { kind: 'ended' };
    } catch (error) {
      end = { kind: 'failed', error: asSourceError(error, this.#options.path) };
    } finally {
      await demuxer.close();
    }
    try {
      await player.flush();
      await this.#hand(handler, { data: new Uint8Array(0), timestampNs: player.endNs }, true);
    } catch (error) {
      end = { kind: 'failed', error: asSourceError(error, this.#options.path) };
    }
    this.#finish(this.#stopping.signal.aborted ? { kind: 'stopped' } : end);
  }

  async #hand(handler: ChunkHandler, bytes: TimedBytes, endOfStream: boolean): Promise<void> {
    if (this.#stopping.signal.aborted) {
      return;
    }
    const chunk: Chunk = {
      streamId: this.#options.streamId,
      sequence: this.#sequence,
      timestampNs: bytes.timestampNs,
      data: bytes.data,
      endOfStream,
      settle: keepAll,
    };
    this.#sequence += 1;
    const pending = handler(chunk);
    if (pending !== undefined) {
      await Promise.race([pending, this.#stopped]);
    }
  }
}

function keepAll(): void {}

/** Puts the passes through a file one after the other on one clock. */
class Player {
  readonly #options: FileSourceOptions;
  readonly #clock: FileSourceClock;
  readonly #signal: AbortSignal;
  readonly #hand: (bytes: TimedBytes) => Promise<void>;
  readonly #chunker;
  readonly #frameNs: bigint;
  readonly #startNs: bigint;
  readonly #startMs: number;
  /** Nanoseconds of stream time before the present pass, and up to the end of all that was read. */
  #passNs = 0n;
  #reachedNs = 0n;
  hasPlayed = false;

  constructor(
    options: FileSourceOptions,
    clock: FileSourceClock,
    signal: AbortSignal,
    hand: (bytes: TimedBytes) => Promise<void>,
  ) {
    this.#options = options;
    this.#clock = clock;
    this.#signal = signal;
    this.#hand = hand;
    this.#chunker = createChunker(options.chunking ?? { kind: 'access-unit' });
    this.#frameNs = BigInt(Math.round(1e9 / (options.framesPerSecond ?? 25)));
    this.#startNs = options.startTimestampNs ?? BigInt(Date.now()) * 1_000_000n;
    this.#startMs = clock.nowMs();
  }

  /** Where the next picture would be, capture clock. */
  get endNs(): bigint {
    return this.#startNs + this.#reachedNs;
  }

  async play(demuxer: FileDemuxer): Promise<void> {
    this.#passNs = this.#reachedNs;
    let origin: { presentationNs: bigint; decodingNs: bigint } | undefined;
    for (let index = 0n; !this.#signal.aborted; index += 1n) {
      const unit = await demuxer.next();
      if (unit === undefined) {
        return;
      }
      this.hasPlayed = true;
      const times = this.#timesOf(unit, index);
      origin ??= times;
      const decodingNs = this.#passNs + times.decodingNs - origin.decodingNs;
      const presentationNs = this.#passNs + times.presentationNs - origin.presentationNs;
      const unitEndNs = presentationNs + (unit.durationNs > 0n ? unit.durationNs : this.#frameNs);
      this.#reachedNs = unitEndNs > this.#reachedNs ? unitEndNs : this.#reachedNs;
      await this.#waitUntil(decodingNs);
      for (const bytes of this.#chunker.push({
        data: unit.data,
        timestampNs: this.#startNs + presentationNs,
      })) {
        await this.#hand(bytes);
      }
    }
  }

  async flush(): Promise<void> {
    for (const bytes of this.#chunker.flush()) {
      await this.#hand(bytes);
    }
  }

  #timesOf(unit: FileAccessUnit, index: bigint): { presentationNs: bigint; decodingNs: bigint } {
    const presentationNs = unit.presentationNs ?? unit.decodingNs ?? index * this.#frameNs;
    return { presentationNs, decodingNs: unit.decodingNs ?? presentationNs };
  }

  async #waitUntil(streamNs: bigint): Promise<void> {
    const pace = this.#options.pace ?? { kind: 'realtime' };
    if (pace.kind === 'asFastAsPossible' || this.#signal.aborted) {
      return;
    }
    const dueMs = this.#startMs + Number(streamNs) / 1e6 / (pace.speed ?? 1);
    const waitMs = dueMs - this.#clock.nowMs();
    if (waitMs > 0) {
      await this.#clock.sleep(waitMs, this.#signal);
    }
  }
}

function asSourceError(error: unknown, path: string): TrackcastError {
  return error instanceof TrackcastError
    ? error
    : new TrackcastError(
        'TRACKCAST_SOURCE_UNREADABLE',
        `Cannot read ${path} on.`,
        { key: path },
        { cause: error },
      );
}
