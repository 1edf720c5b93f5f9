import amqp, { type ConfirmChannel } from 'amqplib';
import { monotonicMs } from '../clock.ts';
import { TrackcastError } from '../errors.ts';
import { type ChunkTopology, declareChunkTopology, defaultChunkTopology } from './amqp-topology.ts';
import type { Chunk } from './chunk.ts';
import { writeChunkHeaders } from './chunk-headers.ts';
import { type FilePace, FileSource } from './file-source.ts';
import type { FileChunking } from './file-source-chunking.ts';

export interface TestCameraOptions {
  readonly path: string;
  readonly amqpUrl: string;
  readonly streamId: string;
  /** Default: one access unit per chunk. */
  readonly chunking?: FileChunking;
  /** Default: real time. */
  readonly pace?: FilePace;
  readonly loop?: boolean;
  readonly sequenceStart?: number;
  /** Capture time of the first picture, nanoseconds. Default: the wall clock. */
  readonly startTimestampNs?: bigint;
  readonly topology?: Partial<ChunkTopology>;
  /** Chunks that the broker has not confirmed yet; default 64. */
  readonly maxUnconfirmed?: number;
}

/** What a test camera has published, all of it confirmed by the broker. */
export interface TestCameraResult {
  readonly chunks: number;
  readonly bytes: number;
  readonly seconds: number;
}

/**
 * Publishes a file as a camera would. Ends with the file, or when aborted; both say `endOfStream`. Declares the
 * exchanges and queues, so that chunks wait for a service that is started later.
 *
 * @throws TrackcastError `TRACKCAST_SOURCE_UNREADABLE`, `TRACKCAST_BROKER_UNAVAILABLE`, `TRACKCAST_BROKER_TOPOLOGY`
 */
export async function runTestCamera(
  options: TestCameraOptions,
  signal: AbortSignal = new AbortController().signal,
): Promise<TestCameraResult> {
  const topology = { ...defaultChunkTopology, ...options.topology };
  const startedAt = monotonicMs();
  const connection = await connect(options.amqpUrl);
  try {
    const lost = new Promise<never>((_, reject) => {
      connection.on('close', (error?: Error) => reject(brokerLost(error)));
    });
    lost.catch(() => {});
    connection.on('error', () => {});
    const channel = await connection.createConfirmChannel();
    channel.on('error', () => {});
    await declareChunkTopology(channel, topology);
    const publisher = new BoundedPublisher(channel, topology.exchange, options.maxUnconfirmed ?? 64);
    await Promise.race([publishFile(options, publisher, signal), lost, publisher.failed]);
    return { chunks: publisher.chunks, bytes: publisher.bytes, seconds: (monotonicMs() - startedAt) / 1_000 };
  } finally {
    await connection.close().catch(() => {});
  }
}

async function publishFile(
  options: TestCameraOptions,
  publisher: BoundedPublisher,
  signal: AbortSignal,
): Promise<void> {
  const { path, streamId, chunking, pace, loop, sequenceStart, startTimestampNs } = options;
  const source = new FileSource({
    path,
    streamId,
    ...(chunking === undefined ? {} : { chunking }),
    ...(pace === undefined ? {} : { pace }),
    ...(loop === undefined ? {} : { loop }),
    ...(sequenceStart === undefined ? {} : { sequenceStart }),
    ...(startTimestampNs === undefined ? {} : { startTimestampNs }),
  });
  const stop = () => void source.stop();
  signal.addEventListener('abort', stop);
  publisher.failed.catch(stop);
  let lastTimestampNs = startTimestampNs ?? 0n;
  try {
    await source.start((chunk) => {
      lastTimestampNs = chunk.timestampNs;
      return publisher.publish(chunk);
    });
    if (signal.aborted) {
      stop();
    }
    const end = await source.finished;
    if (end.kind === 'stopped' && signal.aborted) {
      await publisher.publish({
        streamId,
        sequence: source.nextSequence,
        timestampNs: lastTimestampNs + 1n,
        data: new Uint8Array(0),
        endOfStream: true,
      });
    }
    await publisher.allConfirmed();
    if (end.kind === 'failed') {
      throw end.error;
    }
  } finally {
    signal.removeEventListener('abort', stop);
    await source.close();
  }
}

/** Publishes with confirms and makes its caller wait when too many are outstanding. */
class BoundedPublisher {
  readonly #channel: ConfirmChannel;
  readonly #exchange: string;
  readonly #limit: number;
  #unconfirmed = 0;
  #wake: () => void = () => {};
  #fail: (error: TrackcastError) => void = () => {};
  chunks = 0;
  bytes = 0;
  /** Rejects when the broker has refused a chunk. */
  readonly failed: Promise<never>;

  constructor(channel: ConfirmChannel, exchange: string, limit: number) {
    this.#channel = channel;
    this.#exchange = exchange;
    this.#limit = limit;
    this.failed = new Promise((_, reject) => {
      this.#fail = reject;
    });
    this.failed.catch(() => {});
  }

  async publish(chunk: Omit<Chunk, 'settle'>): Promise<void> {
    const { data } = chunk;
    this.#unconfirmed += 1;
    try {
      this.#channel.publish(
        this.#exchange,
        chunk.streamId,
        Buffer.from(data.buffer, data.byteOffset, data.byteLength),
        { persistent: true, contentType: 'video/h264', headers: writeChunkHeaders(chunk) },
        (error) => this.#confirmed(data.byteLength, error),
      );
    } catch (error) {
      // The channel is closed.
      this.#confirmed(0, error);
    }
    await this.#waitFor(() => this.#unconfirmed < this.#limit);
  }

  async allConfirmed(): Promise<void> {
    await this.#waitFor(() => this.#unconfirmed === 0);
  }

  #confirmed(bytes: number, error: unknown): void {
    this.#unconfirmed -= 1;
    if (error === null || error === undefined) {
      this.chunks += 1;
      this.bytes += bytes;
    } else {
      this.#fail(brokerLost(error));
    }
    this.#wake();
  }

  async #waitFor(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

async function connect(url: string) {
  try {
    return await amqp.connect(url, { timeout: 10_000, noDelay: true });
  } catch (error) {
    throw brokerLost(error);
  }
}

function brokerLost(cause: unknown): TrackcastError {
  const reason = cause instanceof Error ? cause.message : 'the connection was closed';
  return new TrackcastError(
    'TRACKCAST_BROKER_UNAVAILABLE',
    `Cannot publish chunks: ${reason}.`,
    {},
    { cause },
  );
}
