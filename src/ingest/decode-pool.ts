import type { Worker } from 'node:worker_threads';
import { FrameRing } from '../buffer/frame-ring.ts';
import { monotonicMs } from '../clock.ts';
import { TrackcastError } from '../errors.ts';
import { spawnWorker } from '../spawn-worker.ts';
import type {
  DecodeCommand,
  DecodedStreamOptions,
  DecodeProgress,
  DecodeReport,
  Preview,
  StreamInfo,
} from './decode-messages.ts';
import type { DecoderCounters } from './h264-counters.ts';
import type { PreviewOptions } from './preview-encoder.ts';

export type { DecodedStreamOptions, DecodeProgress, Preview, StreamInfo } from './decode-messages.ts';

/** What the pool reports. A stream's last report is `onStreamEnded` or `onStreamFailed`, exactly one of them. */
export interface DecodePoolEvents {
  /** Once per chunk that was decoded, in order. */
  onProgress(streamId: string, progress: DecodeProgress): void;
  onStreamInfo(streamId: string, event: StreamInfo): void;
  onPreview(streamId: string, preview: Preview): void;
  /** After the last chunk or `closeStream`. */
  onStreamEnded(streamId: string, counters: DecoderCounters): void;
  /** The stream cannot go on: `TRACKCAST_DECODER_FAILED` or `TRACKCAST_WORKER_DIED`. Its ring has ended. */
  onStreamFailed(streamId: string, error: TrackcastError): void;
  /** A worker is gone; its streams have failed. Another one takes its place when the next stream opens. */
  onWorkerDied(error: TrackcastError): void;
}

export interface DecodePoolOptions {
  /** Worker threads, at least 1. */
  readonly workers: number;
  readonly events: DecodePoolEvents;
  /** Starts a worker thread. For tests; default is the decode worker. */
  readonly startWorker?: () => Worker;
}

/** A chunk to decode; a `Chunk` of any source fits. */
export interface PooledChunk {
  readonly streamId: string;
  readonly sequence: number;
  readonly timestampNs: bigint;
  readonly data: Uint8Array;
  readonly endOfStream: boolean;
}

interface PooledStream {
  readonly member: Member;
  readonly options: DecodedStreamOptions;
  /** The last chunk or the close command is on its way. */
  ending: boolean;
  waiting: number;
}

interface Member {
  readonly worker: Worker;
  readonly streams: Set<string>;
  alive: boolean;
}

/**
 * Decodes streams in worker threads. A stream is placed on the worker with the fewest streams and stays there;
 * its chunks are decoded in the order of the calls.
 */
export class DecodePool {
  readonly #options: DecodePoolOptions;
  readonly #members = new Set<Member>();
  readonly #streams = new Map<string, PooledStream>();
  readonly #exits = new Set<Promise<void>>();
  #stopping = false;

  /** Throws `RangeError` for less than one worker. */
  constructor(options: DecodePoolOptions) {
    if (!(Number.isInteger(options.workers) && options.workers >= 1)) {
      throw new RangeError(`a pool of ${options.workers} workers cannot decode`);
    }
    this.#options = options;
    this.#fill();
  }

  /** Streams that are open. */
  get streams(): number {
    return this.#streams.size;
  }

  /** Chunks handed in that have not been reported by `onProgress`; 0 for unknown streams. */
  waitingChunks(streamId: string): number {
    return this.#streams.get(streamId)?.waiting ?? 0;
  }

  /** Opens a stream. Throws `TRACKCAST_STREAM_LIMIT` when it is open already or the pool is stopping. */
  openStream(options: DecodedStreamOptions): void {
    const { streamId } = options;
    if (this.#stopping || this.#streams.has(streamId)) {
      const reason = this.#stopping ? 'the decoders are stopping' : 'the stream is being decoded already';
      throw new TrackcastError('TRACKCAST_STREAM_LIMIT', reason, { streamId });
    }
    this.#fill();
    const member = this.#leastLoaded();
    member.streams.add(streamId);
    this.#streams.set(streamId, { member, options, ending: false, waiting: 0 });
    this.#command(member, { kind: 'open', options });
  }

  /**
   * Hands in the next chunk; its data is copied. The chunk's arrival time is now, unless told. Returns false,
   * and does nothing, when the stream is not open or has had its last chunk.
   */
  decode(chunk: PooledChunk, receivedAtMs = monotonicMs()): boolean {
    const stream = this.#streams.get(chunk.streamId);
    if (stream === undefined || stream.ending) {
      return false;
    }
    const { streamId, sequence, timestampNs, endOfStream } = chunk;
    stream.ending = endOfStream;
    stream.waiting += 1;
    // Bodies of network libraries are often views of pooled memory, which cannot be handed over.
    const data = new Uint8Array(chunk.data);
    const moved = { sequence, timestampNs, data, endOfStream, receivedAtMs };
    this.#command(stream.member, { kind: 'chunk', streamId, chunk: moved }, [data.buffer]);
    return true;
  }

  /** Switches JPEG previews of a stream; does nothing for unknown streams. */
  setPreview(streamId: string, options: PreviewOptions): void {
    const stream = this.#streams.get(streamId);
    if (stream !== undefined) {
      this.#command(stream.member, { kind: 'preview', streamId, options });
    }
  }

  /** Ends a stream without decoding what waits. `onStreamEnded` follows. */
  closeStream(streamId: string): void {
    const stream = this.#streams.get(streamId);
    if (stream !== undefined) {
      stream.ending = true;
      this.#command(stream.member, { kind: 'close', streamId });
    }
  }

  /** Ends all streams (`onStreamEnded` each) and resolves when every thread has run out. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const member of this.#members) {
      this.#command(member, { kind: 'stop' });
    }
    await Promise.all(this.#exits);
  }

  #command(member: Member, command: DecodeCommand, transfer: ArrayBuffer[] = []): void {
    member.worker.postMessage(command, transfer);
  }

  #fill(): void {
    while (this.#members.size < this.#options.workers) {
      this.#start();
    }
  }

  #start(): void {
    const worker = (this.#options.startWorker ?? (() => spawnWorker('./decode-worker', import.meta.url)))();
    const member: Member = { worker, streams: new Set(), alive: true };
    this.#members.add(member);
    worker.on('message', (report: DecodeReport) => this.#receive(member, report));
    worker.on('error', (error) => this.#bury(member, error));
    const exit = new Promise<void>((resolve) => {
      worker.once('exit', (code) => {
        this.#bury(member, new Error(`the thread exited with code ${code}`));
        this.#exits.delete(exit);
        resolve();
      });
    });
    this.#exits.add(exit);
  }

  #leastLoaded(): Member {
    let best: Member | null = null;
    for (const member of this.#members) {
      if (best === null || member.streams.size < best.streams.size) {
        best = member;
      }
    }
    if (best === null) {
      throw new TrackcastError('TRACKCAST_WORKER_DIED', 'no decode worker is running');
    }
    return best;
  }

  #receive(member: Member, report: DecodeReport): void {
    const { streamId } = report;
    const stream = this.#streams.get(streamId);
    // A report from a worker that was given up says nothing about a stream that opened anew elsewhere.
    if (stream?.member !== member) {
      return;
    }
    const { events } = this.#options;
    switch (report.kind) {
      case 'progress':
        stream.waiting -= 1;
        events.onProgress(streamId, report.progress);
        break;
      case 'info':
        events.onStreamInfo(streamId, report.event);
        break;
      case 'preview':
        events.onPreview(streamId, report.preview);
        break;
      case 'ended':
        this.#forget(streamId, member);
        events.onStreamEnded(streamId, report.counters);
        break;
      case 'failed':
        this.#forget(streamId, member);
        events.onStreamFailed(streamId, new TrackcastError(report.code, report.message, { streamId }));
        break;
    }
  }

  #forget(streamId: string, member: Member): void {
    this.#streams.delete(streamId);
    member.streams.delete(streamId);
  }

  /** A worker is gone, by will or not: what it still held has failed. */
  #bury(member: Member, cause: Error): void {
    if (!member.alive) {
      return;
    }
    member.alive = false;
    this.#members.delete(member);
    const orphans = [...member.streams];
    for (const streamId of orphans) {
      const stream = this.#streams.get(streamId);
      this.#forget(streamId, member);
      if (stream !== undefined) {
        FrameRing.attach(stream.options.ring).end();
      }
      const message = `the decode worker of the stream died: ${cause.message}`;
      const error = new TrackcastError('TRACKCAST_WORKER_DIED', message, { streamId }, { cause });
      this.#options.events.onStreamFailed(streamId, error);
    }
    if (!this.#stopping) {
      const message = `a decode worker died: ${cause.message}`;
      this.#options.events.onWorkerDied(new TrackcastError('TRACKCAST_WORKER_DIED', message, {}, { cause }));
    }
  }
}
