import { monotonicMs } from '../clock.ts';
import type { Chunk, ChunkSource } from '../ingest/chunk.ts';
import { continuityOf } from '../ingest/decode-continuity.ts';
import type { Logger } from '../log.ts';
import type { PipelineMetrics } from '../publish/metrics.ts';
import type { CountedWarnings } from './counted-warnings.ts';
import type { StreamLives } from './stream-lives.ts';
import type { StreamMemories, StreamMemory } from './stream-memories.ts';
import type { StreamSession } from './stream-session.ts';

/** How a source's chunks are taken. */
export interface SourceTerms {
  /** Tracks every frame and makes the source wait; otherwise frames that pile up are skipped. */
  readonly lossless: boolean;
  /** The source delivers no further chunk while it has this many unsettled ones; by default it has no such limit. */
  readonly maxUnsettled?: number;
}

export interface ChunkIntakeOptions {
  readonly lives: StreamLives;
  readonly memories: StreamMemories;
  readonly maxStreams: number;
  readonly maxUnackedSeconds: number;
  readonly metrics: PipelineMetrics;
  readonly log: Logger;
  readonly warnings: CountedWarnings;
}

/** Chunks that wait for the decoder before a source is held back. */
const maxWaitingChunks = { lossless: 4, live: 256 };
/** Of the unsettled chunks that a source allows, this share may wait for a keyframe. */
const maxUnsettledShare = 0.8;

/**
 * Takes chunks in: opens a stream with its first one, hands each to the decoder once, holds sources back, and
 * refuses what cannot be served. Chunks of one stream come one at a time, in order.
 */
export class ChunkIntake {
  readonly #options: ChunkIntakeOptions;
  #isClosed = false;
  #admitted = 0;

  constructor(options: ChunkIntakeOptions) {
    this.#options = options;
  }

  /** From now on chunks go back to where they came from. */
  close(): void {
    this.#isClosed = true;
  }

  /** Never rejects: should taking a chunk fail unexpectedly, it is refused, and its stream goes on. */
  async take(chunk: Chunk, source: ChunkSource, terms: SourceTerms): Promise<void> {
    try {
      await this.#take(chunk, source, terms);
    } catch (err) {
      this.#options.log.error({ err, streamId: chunk.streamId }, 'a chunk could not be taken');
      this.#refuse(chunk, 'internal');
    }
  }

  /**
   * A source that has reached its limit delivers nothing, so that the keyframe which would acknowledge its chunks
   * never comes. Rather than stall, the oldest go first, and a successor may have to wait for a keyframe.
   */
  makeRoomAt(source: ChunkSource, { maxUnsettled }: SourceTerms, now: number): void {
    if (maxUnsettled === undefined) return;
    const { lives, maxUnackedSeconds, warnings } = this.#options;
    const ledgers = [...lives.all()]
      .filter((session) => session.source === source)
      .map(({ memory }) => memory.ledger);
    const held = () => ledgers.reduce((sum, ledger) => sum + ledger.held, 0);
    const maxUnackedMs = maxUnackedSeconds * 1000;
    for (let ageMs = maxUnackedMs / 2; ageMs > 50 && held() > maxUnsettled * maxUnsettledShare; ageMs /= 2) {
      for (const ledger of ledgers) lives.settled('ack', ledger.expire(now + maxUnackedMs - ageMs));
      warnings.count('chunks are acknowledged before their keyframe: raise INGEST_PREFETCH', {
        source: source.name,
      });
    }
  }

  async #take(chunk: Chunk, source: ChunkSource, terms: SourceTerms): Promise<void> {
    const { streamId } = chunk;
    const { lives, memories, maxStreams, metrics } = this.#options;
    await this.#betweenLives(streamId);
    const now = monotonicMs();
    let session = lives.get(streamId);
    if (session !== undefined && session.source !== source) return this.#refuse(chunk, 'stream_taken');
    if (session === undefined && lives.size >= maxStreams) return this.#refuse(chunk, 'stream_limit');
    const memory = memories.of(streamId, now);
    if (this.#isClosed || isAheadOfRedelivery(chunk, memory, now)) {
      chunk.settle('requeue');
      lives.settled('requeue', 1);
      return;
    }
    if (!this.#admit(chunk, session, memory, now)) return;
    // Counting all streams for every chunk would cost more than it is worth.
    const { maxUnsettled = Number.POSITIVE_INFINITY } = terms;
    if (this.#admitted++ % Math.ceil(maxUnsettled / 20) === 0) this.makeRoomAt(source, terms, now);
    if (session?.newestChunk && continuityOf(session.newestChunk, chunk) === 'again') {
      // A camera that has begun anew, clock and all. The decoder, which cannot know, would take its pictures for
      // old ones; the ledger has looked further back.
      lives.finish(session, 'keep');
      await this.#betweenLives(streamId);
      if (lives.get(streamId) !== undefined) throw new Error('another publisher has taken the stream');
      session = undefined;
      memory.published.clear();
    }
    if (session === undefined) {
      if (this.#isClosed) return;
      if (chunk.endOfStream && chunk.data.length === 0) {
        lives.settled('ack', memory.ledger.endOfStream());
        return;
      }
      session = lives.open(streamId, source, terms.lossless);
    }
    metrics.chunkReceived(streamId, chunk.data.length);
    session.chunkArrived(chunk, now);
    if (!lives.workers.decoders.decode(chunk, now)) {
      throw new Error('a session takes chunks that its decoder does not');
    }
    if (chunk.endOfStream) session.beginEnding();
    await this.#waitForRoom(session);
  }

  /** Waits until the stream's former life is accounted for, and a worker is there for the next. */
  async #betweenLives(streamId: string): Promise<void> {
    const { lives } = this.#options;
    for (;;) {
      const session = lives.get(streamId);
      if (session?.state === 'ending') await session.ended;
      else if (session === undefined && !lives.workers.isTrackingAlive && !this.#isClosed) {
        await lives.workers.trackingAlive();
      } else return;
    }
  }

  /** Whether the decoder is to have the chunk. Otherwise it is settled. */
  #admit(chunk: Chunk, session: StreamSession | undefined, memory: StreamMemory, now: number): boolean {
    const { ledger } = memory;
    const before = ledger.counters;
    const admission = ledger.admit(chunk, now);
    const after = ledger.counters;
    this.#options.lives.settled('ack', after.acknowledged - before.acknowledged);
    // A recording that is sent again may bring the same numbers and times: its frames are new ones.
    if (session === undefined && after.restarts > before.restarts) memory.published.clear();
    return admission === 'decode';
  }

  async #waitForRoom(session: StreamSession): Promise<void> {
    const { decoders } = this.#options.lives.workers;
    const limit = session.isLossless ? maxWaitingChunks.lossless : maxWaitingChunks.live;
    while (decoders.waitingChunks(session.streamId) >= limit) await session.waitForRoom();
  }

  #refuse(chunk: Chunk, reason: 'stream_limit' | 'stream_taken' | 'internal'): void {
    const { lives, metrics, warnings } = this.#options;
    chunk.settle('reject');
    lives.settled('reject', 1);
    metrics.chunkRejected(reason);
    warnings.count('chunks refused', { reason });
  }
}

/**
 * When a session failed, its chunks were given back, and those that came behind them must follow: they go back as
 * well until the first comes again, so that the order is kept.
 */
function isAheadOfRedelivery(chunk: Chunk, memory: StreamMemory, nowMs: number): boolean {
  if (chunk.redelivered === true) memory.redeliveryUntilMs = 0;
  return chunk.redelivered === false && nowMs < memory.redeliveryUntilMs;
}
