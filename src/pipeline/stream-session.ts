import type { FrameRing } from '../buffer/frame-ring.ts';
import type { Chunk, ChunkSource } from '../ingest/chunk.ts';
import type { ChunkPosition } from '../ingest/decode-continuity.ts';
import type { DecoderCounters } from '../ingest/h264-counters.ts';
import type { PipelineMetrics } from '../publish/metrics.ts';
import { framesInFlight } from '../publish/stream-totals.ts';
import type { TrackFrame } from '../tracker/track.ts';
import type { UntrackedCounters } from '../tracker/tracking-messages.ts';
import type { StreamMemory } from './stream-memories.ts';

/**
 * ```
 *   starting ──first frame──► live ──last chunk, timeout, fault──► ending ──decoder and tracker done──► ended
 *      └──────────────────────────last chunk, timeout, fault──────────▲
 * ```
 */
export type SessionState = 'starting' | 'live' | 'ending' | 'ended';

const nextStates: Readonly<Record<SessionState, readonly SessionState[]>> = {
  starting: ['live', 'ending'],
  live: ['ending'],
  ending: ['ended'],
  ended: [],
};

/** How a session came to its end. */
export type SessionEnd =
  | { readonly kind: 'ended' }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string };

/**
 * What becomes of chunks that no later keyframe has confirmed when the session is over:
 * - `acknowledge`: the stream has ended, nobody needs them
 * - `requeue`: its decoder or its tracker was lost; they come again
 * - `keep`: held on, for a session that follows, or to be given back when the program stops
 */
export type ChunksAtEnd = 'acknowledge' | 'requeue' | 'keep';

export interface StreamSessionOptions {
  readonly streamId: string;
  readonly memory: StreamMemory;
  readonly ring: FrameRing;
  readonly source: ChunkSource;
  readonly isLossless: boolean;
  readonly metrics: PipelineMetrics;
  readonly nowMs: number;
}

const nothingUntracked: UntrackedCounters = { stale: 0, streamClosed: 0, failed: 0 };

/** One life of one stream: its ring, and what its decoder and its tracker have reported so far. */
export class StreamSession {
  readonly streamId: string;
  readonly memory: StreamMemory;
  readonly ring: FrameRing;
  /** Only its chunks belong to this session: two publishers would tear each other's pictures apart. */
  readonly source: ChunkSource;
  readonly isLossless: boolean;
  readonly #metrics: PipelineMetrics;
  readonly #firstFrameIndex: number;
  #state: SessionState = 'starting';
  lastChunkAtMs: number;
  newestChunk: ChunkPosition | null = null;
  size: { readonly width: number; readonly height: number } | null = null;
  newestFrame: { readonly index: number; readonly timestampNs: bigint } | null = null;
  end: SessionEnd = { kind: 'ended' };
  chunksAtEnd: ChunksAtEnd = 'acknowledge';
  /** A worker died, so that its last counts never came. */
  lostCounts: 'decode' | 'track' | null = null;
  isDecoded = false;
  isTracked = false;
  segmentations = 0;
  /** Resolves when the session is over. */
  readonly ended: Promise<void>;
  #resolveEnded: () => void = () => undefined;
  #decoder: DecoderCounters | null = null;
  #untracked = nothingUntracked;
  #overwritten = 0;
  #roomWaiters: (() => void)[] = [];

  constructor(options: StreamSessionOptions) {
    this.streamId = options.streamId;
    this.memory = options.memory;
    this.ring = options.ring;
    this.source = options.source;
    this.isLossless = options.isLossless;
    this.#metrics = options.metrics;
    this.#firstFrameIndex = options.memory.nextFrameIndex;
    this.lastChunkAtMs = options.nowMs;
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
  }

  get state(): SessionState {
    return this.#state;
  }

  /** Throws for a step that the life of a session does not have. */
  moveTo(state: SessionState): void {
    if (!nextStates[this.#state].includes(state)) {
      throw new Error(`the session of ${this.streamId} cannot go from ${this.#state} to ${state}`);
    }
    this.#state = state;
    if (state === 'ended') this.#resolveEnded();
  }

  /** Takes no more chunks; does nothing when that is so already. */
  beginEnding(): void {
    if (this.#state === 'starting' || this.#state === 'live') this.moveTo('ending');
    this.roomAppeared();
  }

  /** Notes a chunk that goes to the decoder. */
  chunkArrived(chunk: Chunk, nowMs: number): void {
    const { sequence, timestampNs } = chunk;
    this.newestChunk = { sequence, timestampNs };
    this.lastChunkAtMs = nowMs;
  }

  /** Takes over what the decoder has counted since it opened. */
  decoderCounted(counters: DecoderCounters): void {
    const before = this.#decoder;
    const { streamId } = this;
    this.#metrics.framesReceived(streamId, counters.accessUnits - (before?.accessUnits ?? 0));
    this.#metrics.framesFailed(streamId, 'decode', counters.failed - (before?.failed ?? 0));
    for (const reason of ['no_slot', 'awaiting_keyframe'] as const) {
      this.#metrics.framesDropped(
        streamId,
        reason,
        counters.dropped[reason] - (before?.dropped[reason] ?? 0),
      );
    }
    this.#decoder = counters;
    this.#continueIndicesAt(this.#firstFrameIndex + counters.frames);
    this.ringCounted();
  }

  /** Takes over what the ring has counted. */
  ringCounted(): void {
    const { overwrittenUnread } = this.ring.counters();
    this.#metrics.framesDropped(this.streamId, 'overwritten', overwrittenUnread - this.#overwritten);
    this.#overwritten = overwrittenUnread;
    this.#metrics.ringFilled(this.streamId, this.ring.unread());
  }

  /** Takes over what the tracking side has counted of frames that it did not track. */
  untrackedCounted(untracked: UntrackedCounters): void {
    const before = this.#untracked;
    this.#metrics.framesDropped(this.streamId, 'stale', untracked.stale - before.stale);
    this.#metrics.framesDropped(this.streamId, 'stream_closed', untracked.streamClosed - before.streamClosed);
    this.#metrics.framesFailed(this.streamId, 'track', untracked.failed - before.failed);
    this.#untracked = untracked;
  }

  /**
   * Takes over what a tracked frame tells of its stream. Returns false when its tracks have gone out before: it
   * was decoded again after a redelivery.
   */
  frameTracked({ frame, tracks, events }: TrackFrame): boolean {
    if (this.#state === 'starting') this.moveTo('live');
    this.size = { width: frame.width, height: frame.height };
    this.newestFrame = { index: frame.index, timestampNs: frame.timestampNs };
    this.#continueIndicesAt(frame.index + 1);
    for (const { id } of tracks) this.trackIdGiven(id);
    for (const { trackId } of events) this.trackIdGiven(trackId);
    return this.memory.published.add(frame);
  }

  /** The stream's next life gives ids beyond this one. */
  trackIdGiven(id: number): void {
    this.memory.nextTrackId = Math.max(this.memory.nextTrackId, id + 1);
  }

  /** Resolves when `roomAppeared` is called. */
  waitForRoom(): Promise<void> {
    return new Promise((resolve) => this.#roomWaiters.push(resolve));
  }

  /** Lets the source go on. */
  roomAppeared(): void {
    const waiters = this.#roomWaiters;
    this.#roomWaiters = [];
    for (const resolve of waiters) resolve();
  }

  /**
   * Gives every frame that has no outcome one, so that the ledger adds up. To be called when decoder and tracker
   * are done.
   */
  settleFrames(): void {
    this.ringCounted();
    // Pictures held back for their order when the decoder was closed, and one that it finished just after the
    // tracker had looked for the last time.
    const left = (this.#decoder?.pending ?? 0) + this.ring.unread();
    this.#metrics.framesDropped(this.streamId, 'stream_closed', left);
    this.#metrics.ringFilled(this.streamId, 0);
    const ledger = this.#metrics.ledger(this.streamId);
    if (this.lostCounts === null || ledger === undefined) return;
    const open = framesInFlight(ledger);
    if (open > 0) this.#metrics.framesFailed(this.streamId, this.lostCounts, open);
    else this.#metrics.framesReceived(this.streamId, -open);
  }

  #continueIndicesAt(index: number): void {
    this.memory.nextFrameIndex = Math.max(this.memory.nextFrameIndex, index);
  }
}
