import type { RawData, WebSocket } from 'ws';
import { type Chunk, type ChunkHandler, type ChunkSource, isStreamId, maxChunkBytes } from './chunk.ts';
import { DeliveryLanes } from './delivery-lanes.ts';

/** Close codes that a publisher can be sent; 4000 and above are ours (RFC 6455, 7.4.2). */
export const publisherCloseCodes = {
  /** The program stops. */
  goingAway: 1001,
  /** A text message: video is binary. */
  unsupportedData: 1003,
  /** The stream id in the URL is none. */
  policyViolation: 1008,
  /** A message larger than a chunk may be. */
  messageTooBig: 1009,
  /** Not started yet, or no longer. */
  tryAgainLater: 1013,
  /** Another publisher sends this stream now. */
  streamTaken: 4409,
} as const;

/** Why a connection was refused or ended by us. Used as a metric label. */
export type PublisherRefusal = keyof typeof publisherCloseCodes;

export interface WebSocketSourceOptions {
  /** Default 16 MiB. Give the server's `maxPayload` the same value, so that it refuses before it allocates. */
  readonly maxMessageBytes?: number;
  /** A publisher with more than this in hand, not yet taken by the handler, is not read from. Default 4 MiB. */
  readonly highWaterBytes?: number;
  /** How long a stream outlives its connection, so that a publisher can come back; default 5 000. */
  readonly gracePeriodMs?: number;
  /** Publishers that answer no ping within this time are given up, and their stream id is free; default 15 000. */
  readonly pingIntervalMs?: number;
  /** Wall clock, nanoseconds. */
  readonly nowNs?: () => bigint;
  readonly onConnected?: (streamId: string) => void;
  /** The connection is gone; the stream ends after the grace period. */
  readonly onDisconnected?: (streamId: string) => void;
  readonly onRefused?: (refusal: PublisherRefusal, streamId: string | undefined) => void;
}

/** Totals since the source was made. */
export interface WebSocketSourceCounters {
  readonly chunks: number;
  readonly bytes: number;
  readonly refused: Readonly<Record<PublisherRefusal, number>>;
}

/**
 * Life of a stream: `live` with a connection, `waiting` for its publisher to come back, ended.
 *
 * ```
 * ──► live ◄──► waiting ──► (end of stream)
 * ```
 */
type Publication =
  | { readonly kind: 'live'; readonly socket: WebSocket }
  | { readonly kind: 'waiting'; readonly timer: NodeJS.Timeout };

interface Stream {
  readonly id: string;
  publication: Publication;
  nextSequence: number;
  lastTimestampNs: bigint;
  bytesInHand: number;
}

/**
 * Chunks from WebSocket publishers, one stream per connection: every binary message is a chunk, split anywhere.
 * Sequences continue when a publisher comes back within the grace period. Upgrade and authentication are the
 * server's; settlements have no effect, because nothing can be asked of a publisher again.
 */
export class WebSocketSource implements ChunkSource {
  readonly name = 'websocket';
  readonly #options: WebSocketSourceOptions;
  readonly #maxMessageBytes: number;
  readonly #highWaterBytes: number;
  readonly #streams = new Map<string, Stream>();
  #lanes: DeliveryLanes | undefined;
  #stopped = false;
  #chunks = 0;
  #bytes = 0;
  readonly #refused = Object.fromEntries(
    Object.keys(publisherCloseCodes).map((refusal) => [refusal, 0]),
  ) as Record<PublisherRefusal, number>;

  constructor(options: WebSocketSourceOptions = {}) {
    this.#options = options;
    this.#maxMessageBytes = options.maxMessageBytes ?? maxChunkBytes;
    this.#highWaterBytes = options.highWaterBytes ?? 4 * 1024 * 1024;
  }

  get counters(): WebSocketSourceCounters {
    return { chunks: this.#chunks, bytes: this.#bytes, refused: { ...this.#refused } };
  }

  async start(handler: ChunkHandler): Promise<void> {
    this.#lanes = new DeliveryLanes(handler, (chunk) => this.#handled(chunk));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#lanes?.stop();
    for (const { publication } of this.#streams.values()) {
      if (publication.kind === 'live') {
        publication.socket.resume();
        publication.socket.close(publisherCloseCodes.goingAway);
      } else {
        clearTimeout(publication.timer);
      }
    }
    this.#streams.clear();
  }

  async close(): Promise<void> {
    await this.stop();
  }

  /** Whether a publisher would be refused now because of another one. */
  isTaken(streamId: string): boolean {
    return this.#streams.get(streamId)?.publication.kind === 'live';
  }

  /** Takes over a connection whose upgrade and credentials have been accepted. Never throws. */
  handleConnection(socket: WebSocket, streamId: string): void {
    // Without a listener an `error` would end the process; `close` follows it.
    socket.on('error', () => {});
    if (!isStreamId(streamId)) {
      this.#refuse(socket, 'policyViolation', undefined);
      return;
    }
    if (this.#lanes === undefined || this.#stopped) {
      this.#refuse(socket, 'tryAgainLater', streamId);
      return;
    }
    const known = this.#streams.get(streamId);
    if (known?.publication.kind === 'live') {
      this.#refuse(socket, 'streamTaken', streamId);
      return;
    }
    if (known !== undefined) {
      clearTimeout(known.publication.timer);
    }
    const publication: Publication = { kind: 'live', socket };
    const stream = known ?? {
      id: streamId,
      publication,
      nextSequence: 0,
      lastTimestampNs: -1n,
      bytesInHand: 0,
    };
    stream.publication = publication;
    this.#streams.set(streamId, stream);
    const isCurrent = () => stream.publication === publication && !this.#stopped;

    socket.on('message', (data, isBinary) => {
      if (isCurrent()) {
        this.#receive(stream, socket, data, isBinary);
      }
    });
    const stopWatching = this.#watch(socket, stream);
    socket.once('close', () => {
      stopWatching();
      if (isCurrent()) {
        this.#waitForReturn(stream);
      }
    });
    this.#options.onConnected?.(streamId);
  }

  #receive(stream: Stream, socket: WebSocket, data: RawData, isBinary: boolean): void {
    if (!isBinary) {
      this.#refuse(socket, 'unsupportedData', stream.id);
      this.#waitForReturn(stream);
      return;
    }
    const bytes = asBytes(data);
    if (bytes.length > this.#maxMessageBytes) {
      this.#refuse(socket, 'messageTooBig', stream.id);
      this.#waitForReturn(stream);
      return;
    }
    if (bytes.length === 0) {
      return;
    }
    this.#chunks += 1;
    this.#bytes += bytes.length;
    stream.bytesInHand += bytes.length;
    if (stream.bytesInHand > this.#highWaterBytes) {
      socket.pause();
    }
    this.#push(stream, bytes, false);
  }

  #push(stream: Stream, data: Uint8Array, endOfStream: boolean): void {
    const now = this.#options.nowNs?.() ?? BigInt(Date.now()) * 1_000_000n;
    // The wall clock may be set back; the time of a stream is not.
    const timestampNs = now > stream.lastTimestampNs ? now : stream.lastTimestampNs + 1n;
    stream.lastTimestampNs = timestampNs;
    const sequence = stream.nextSequence;
    stream.nextSequence += 1;
    this.#lanes?.push({ streamId: stream.id, sequence, timestampNs, data, endOfStream, settle: keepNothing });
  }

  #handled(chunk: Chunk): void {
    const stream = this.#streams.get(chunk.streamId);
    if (stream === undefined) {
      return;
    }
    stream.bytesInHand = Math.max(0, stream.bytesInHand - chunk.data.length);
    const { publication } = stream;
    if (
      publication.kind === 'live' &&
      publication.socket.isPaused &&
      stream.bytesInHand <= this.#highWaterBytes / 2
    ) {
      publication.socket.resume();
    }
  }

  #waitForReturn(stream: Stream): void {
    const timer = setTimeout(() => {
      this.#streams.delete(stream.id);
      this.#push(stream, new Uint8Array(0), true);
    }, this.#options.gracePeriodMs ?? 5_000);
    stream.publication = { kind: 'waiting', timer };
    this.#options.onDisconnected?.(stream.id);
  }

  /** Gives a publisher up that has vanished without closing: its stream id must not stay taken. */
  #watch(socket: WebSocket, stream: Stream): () => void {
    let isAlive = true;
    const alive = () => {
      isAlive = true;
    };
    socket.on('pong', alive);
    socket.on('message', alive);
    const timer = setInterval(() => {
      // A socket that we do not read from cannot show us its pong.
      if (socket.isPaused || stream.bytesInHand > this.#highWaterBytes) {
        alive();
        return;
      }
      if (!isAlive) {
        socket.terminate();
        return;
      }
      isAlive = false;
      socket.ping();
    }, this.#options.pingIntervalMs ?? 15_000);
    return () => clearInterval(timer);
  }

  #refuse(socket: WebSocket, refusal: PublisherRefusal, streamId: string | undefined): void {
    this.#refused[refusal] += 1;
    // A paused socket would never see the other side's answer.
    socket.resume();
    socket.close(publisherCloseCodes[refusal], refusal);
    this.#options.onRefused?.(refusal, streamId);
  }
}

function keepNothing(): void {}

function asBytes(data: RawData): Uint8Array {
  if (Array.isArray(data)) {
    return Buffer.concat(data);
  }
  return data instanceof ArrayBuffer ? new Uint8Array(data) : data;
}
