import type { FrameRing } from '../buffer/frame-ring.ts';
import type { AcknowledgementLedger } from '../ingest/acknowledgement-ledger.ts';
import type { DecoderCounters } from '../ingest/h264-counters.ts';
import type { PipelineMetrics } from '../publish/metrics.ts';
import type { TrackFrame } from '../tracker/track.ts';
import type { UntrackedCounters } from '../tracker/tracking-messages.ts';

/** What is kept of a stream after it has closed, so that its next life continues it. */
export interface StreamMemory {
  readonly ledger: AcknowledgementLedger;
  epoch: number;
  nextFrameIndex: number;
  nextTrackId: number;
  /** Name and capture time of the newest frame whose tracks went out. */
  lastPublished: { chunkSequence: number; unitInChunk: number; timestampNs: bigint } | null;
  closedAtMs: number;
}

/**
 * ```
 *   starting ──first frame──► live ──last chunk, timeout, fault──► ending ──decoder and tracker done──► ended
 *      └──────────────────────────last chunk, timeout, fault──────────▲
 * ```
 */
export type SessionState = 'starting' | 'live' | 'ending' | 'ended';

/** How a session came to its end. */
export type SessionEnd =
  | { readonly kind: 'ended' }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string };

const nothingUntracked: UntrackedCounters = { stale: 0, streamClosed: 0, failed: 0 };

/** One life of one stream: its ring, and what its decoder and its tracker have reported so far. */
export class StreamSession {
  readonly streamId: string;
  readonly memory: StreamMemory;
  readonly ring: FrameRing;
  readonly isLossless: boolean;
  readonly #metrics: PipelineMetrics;
  state: SessionState = 'starting';
  lastChunkAtMs: number;
  size: { readonly width: number; readonly height: number } | null = null;
  newestFrame: { readonly index: number; readonly timestampNs: bigint } | null = null;
  end: SessionEnd = { kind: 'ended' };
  /** A worker died, so that its last counts never came. */
  lostCounts: 'decode' | 'track' | null = null;
  /** The program stops before the stream does: a successor takes over from the last keyframe. */
  isCutShort = false;
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

  constructor(
    streamId: string,
    memory: StreamMemory,
    ring: FrameRing,
    isLossless: boolean,
    metrics: PipelineMetrics,
    nowMs: number,
  ) {
    this.streamId = streamId;
    this.memory = memory;
    this.ring = ring;
    this.isLossless = isLossless;
    this.#metrics = metrics;
    this.lastChunkAtMs = nowMs;
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
  }

  markEnded(): void {
    this.state = 'ended';
    this.roomAppeared();
    this.#resolveEnded();
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
   * Whether the tracks of this frame have gone out before: it was decoded again after a redelivery. Otherwise it
   * is noted as published.
   */
  isRepeated({ frame }: TrackFrame): boolean {
    const last = this.memory.lastPublished;
    if (last !== null && frame.timestampNs <= last.timestampNs) {
      const isLater =
        frame.chunkSequence > last.chunkSequence ||
        (frame.chunkSequence === last.chunkSequence && frame.unitInChunk > last.unitInChunk);
      if (!isLater) return true;
    }
    const { chunkSequence, unitInChunk, timestampNs } = frame;
    this.memory.lastPublished = { chunkSequence, unitInChunk, timestampNs };
    return false;
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

  /** After a worker's death: gives every frame without an outcome one, so that the ledger adds up again. */
  reconcile(): void {
    if (this.lostCounts === null) return;
    const ledger = this.#metrics.ledger(this.streamId);
    if (ledger === undefined) return;
    const dropped = Object.values(ledger.dropped).reduce((sum, count) => sum + count, 0);
    const open = ledger.received - ledger.tracked - dropped - ledger.failed;
    if (open > 0) this.#metrics.framesFailed(this.streamId, this.lostCounts, open);
    else this.#metrics.framesReceived(this.streamId, -open);
  }
}
