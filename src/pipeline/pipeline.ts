import type { PixelGeometry } from '../buffer/frame.ts';
import { FrameRing } from '../buffer/frame-ring.ts';
import { monotonicMs } from '../clock.ts';
import type { TrackcastError } from '../errors.ts';
import type { Chunk, ChunkSource } from '../ingest/chunk.ts';
import { DecodePool, type DecodeProgress, type Preview } from '../ingest/decode-pool.ts';
import type { DecoderCounters } from '../ingest/h264-counters.ts';
import type { Logger } from '../log.ts';
import type { Prompt } from '../prompting/prompt.ts';
import type { PipelineMetrics } from '../publish/metrics.ts';
import type { StreamControl, StreamStatus } from '../server/stream-control.ts';
import type { TrackFrame } from '../tracker/track.ts';
import { TrackingHost } from '../tracker/tracking-host.ts';
import type { TrackingWorkerData, UntrackedCounters } from '../tracker/tracking-messages.ts';
import type { TrackerCounters } from '../tracker/video-tracker.ts';
import { StreamMemories } from './stream-memories.ts';
import { StreamSession } from './stream-session.ts';

export interface PipelineOptions {
  readonly tracking: TrackingWorkerData;
  readonly geometry: PixelGeometry;
  readonly bufferFrames: number;
  readonly decodeWorkers: number;
  readonly maxStreams: number;
  readonly streamTimeoutSeconds: number;
  readonly maxUnackedSeconds: number;
  /** Chunks that sources may have in hand per stream; the acknowledgement ledgers remember as many. */
  readonly prefetch: number;
  readonly preview: { readonly maxFps: number; readonly longSide: number };
  readonly metrics: PipelineMetrics;
  readonly log: Logger;
  readonly outputs: PipelineOutputs;
}

/** Where results go. Called on the main thread, in order per stream. */
export interface PipelineOutputs {
  onTrackFrame(trackFrame: TrackFrame, session: StreamSession): void;
  onStreamStarted(session: StreamSession): void;
  /** The stream's numbers are final; it is about to be forgotten. */
  onStreamEnded(session: StreamSession): void;
  onPicture(streamId: string, preview: Preview): void;
}

/** Chunks that wait for the decoder before a source is held back. */
const maxWaitingChunks = { lossless: 4, live: 256 };
const housekeepingMs = 1000;
const maxMotionVectors = 32_768;
/** Long side of the luma plane that motion is estimated on, pixels. */
const lumaLongSide = 512;

/**
 * The way of the data: chunks from any source are decoded, tracked and handed to the outputs. Opens a stream with
 * its first chunk, closes it at its end or when nothing comes, and accounts for every frame.
 */
export class Pipeline implements StreamControl {
  readonly #options: PipelineOptions;
  readonly #pool: DecodePool;
  readonly #host: TrackingHost;
  readonly #sessions = new Map<string, StreamSession>();
  readonly #memories: StreamMemories;
  readonly #sources: ChunkSource[] = [];
  readonly #housekeeping: NodeJS.Timeout;
  #modelState: string | null = 'the model is warming up';
  #idleWaiters: (() => void)[] = [];
  #refusedChunks = 0;
  #pictureDemand: (streamId: string) => boolean = () => false;
  /** Resolves when the model is warm. Rejects with `TRACKCAST_MODEL_INVALID`, `TRACKCAST_WORKER_DIED`. */
  readonly ready: Promise<void>;

  constructor(options: PipelineOptions) {
    this.#options = options;
    this.#memories = new StreamMemories(options.maxUnackedSeconds * 1000, Math.max(4096, options.prefetch));
    this.#pool = new DecodePool({
      workers: options.decodeWorkers,
      events: {
        onProgress: (streamId, progress) => this.#decoded(streamId, progress),
        onStreamInfo: (streamId, event) =>
          options.log.debug({ streamId, event: event.kind }, 'stream information'),
        onPreview: (streamId, preview) => options.outputs.onPicture(streamId, preview),
        onStreamEnded: (streamId, counters) => this.#decodingEnded(streamId, counters, null),
        onStreamFailed: (streamId, error) => this.#decodingEnded(streamId, null, error),
        onWorkerDied: (err) => options.log.error({ err }, 'a decode worker died'),
      },
    });
    let settleReady: (error: TrackcastError | null) => void = () => undefined;
    this.ready = new Promise((resolve, reject) => {
      settleReady = (error) => (error === null ? resolve() : reject(error));
    });
    // Live service goes on without a model; only those who wait for it want to hear.
    this.ready.catch(() => undefined);
    this.#host = new TrackingHost(options.tracking, {
      onReady: (provider, refused) => {
        this.#modelState = null;
        settleReady(null);
        options.log.info({ provider, refused }, 'the model is ready');
      },
      onUnusable: (err) => {
        this.#modelState = err.message;
        settleReady(err);
        options.log.error({ err }, 'segmentation is not possible; masks are carried by motion only');
      },
      onFrame: (streamId, trackFrame, untracked, counters) =>
        this.#tracked(streamId, trackFrame, untracked, counters),
      onFrameFailed: (streamId, err, untracked) => {
        this.#sessions.get(streamId)?.untrackedCounted(untracked);
        options.log.warn({ err }, 'a frame could not be tracked');
      },
      onStreamEnded: (streamId, untracked, counters) => this.#trackingEnded(streamId, untracked, counters),
    });
    this.#housekeeping = setInterval(() => this.#keepHouse(), housekeepingMs);
    this.#housekeeping.unref();
  }

  /** Why nothing is segmented yet, or null. */
  get modelState(): string | null {
    return this.#modelState;
  }

  /** Begins to take a source's chunks. Rejects as the source's `start` does. */
  async attach(source: ChunkSource, mode: { readonly lossless: boolean }): Promise<void> {
    this.#sources.push(source);
    await source.start((chunk) => this.#receive(chunk, mode.lossless));
  }

  /** Tells who wants pictures of a stream; asked again by `refreshDemand`. */
  watchPictureDemand(demand: (streamId: string) => boolean): void {
    this.#pictureDemand = demand;
  }

  /** Switches previews and polygons on and off as they are wanted now. */
  refreshDemand(wantsPolygons: boolean): void {
    for (const streamId of this.#sessions.keys()) this.#setPreview(streamId);
    this.#host.setPolygons(wantsPolygons);
  }

  /** Resolves when no stream is open. */
  idle(): Promise<void> {
    if (this.#sessions.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idleWaiters.push(resolve));
  }

  list(): readonly StreamStatus[] {
    const statuses: StreamStatus[] = [];
    for (const session of this.#sessions.values()) {
      const activity = this.#options.metrics.activity(session.streamId);
      if (activity === undefined || session.state === 'ended') continue;
      const { streamId, state, size, memory } = session;
      statuses.push({ id: streamId, epoch: memory.epoch, state, size, ...activity });
    }
    return statuses;
  }

  async prompt(streamId: string, prompt: Prompt): Promise<{ readonly objectId: number }> {
    return { objectId: await this.#host.prompt(streamId, prompt) };
  }

  remove(streamId: string, objectId: number): Promise<void> {
    return this.#host.remove(streamId, objectId);
  }

  rename(streamId: string, objectId: number, label: string | null): Promise<void> {
    return this.#host.rename(streamId, objectId, label);
  }

  reset(streamId: string): Promise<void> {
    return this.#host.reset(streamId);
  }

  /**
   * Stops in the order of the data: sources fall silent, decoded frames are tracked, chunks that no later
   * keyframe has confirmed go back to the broker for a successor, threads run out.
   */
  async stop(): Promise<void> {
    clearInterval(this.#housekeeping);
    await Promise.all(this.#sources.map((source) => source.stop()));
    for (const session of this.#sessions.values()) {
      if (session.state === 'ending') continue;
      session.isCutShort = true;
      this.#closeSession(session);
    }
    await this.idle();
    for (const memory of this.#memories.all()) this.#settled('requeue', memory.ledger.release());
    await Promise.all(this.#sources.map((source) => source.close()));
    await this.#pool.stop();
    await this.#host.stop();
  }

  async #receive(chunk: Chunk, lossless: boolean): Promise<void> {
    const { streamId } = chunk;
    const { metrics, maxStreams } = this.#options;
    let session = this.#sessions.get(streamId);
    while (session?.state === 'ending') {
      // The stream's next life begins when this one is accounted for.
      await session.ended;
      session = this.#sessions.get(streamId);
    }
    const now = monotonicMs();
    if (session === undefined && this.#sessions.size >= maxStreams) {
      chunk.settle('reject');
      metrics.chunkRejected('stream_limit');
      this.#settled('reject', 1);
      this.#refusedChunks++;
      return;
    }
    const { ledger } = session?.memory ?? this.#memories.of(streamId, now);
    const before = ledger.counters.acknowledged;
    const admission = ledger.admit(chunk, now);
    this.#settled('ack', ledger.counters.acknowledged - before);
    if (admission !== 'decode') return;
    if (session === undefined) {
      if (chunk.endOfStream && chunk.data.length === 0) {
        this.#settled('ack', ledger.endOfStream());
        return;
      }
      session = this.#open(streamId, lossless);
    }
    metrics.chunkReceived(streamId, chunk.data.length);
    session.lastChunkAtMs = now;
    this.#pool.decode(chunk, now);
    if (chunk.endOfStream) session.state = 'ending';
    const limit = lossless ? maxWaitingChunks.lossless : maxWaitingChunks.live;
    while (this.#pool.waitingChunks(streamId) >= limit) await session.waitForRoom();
  }

  #open(streamId: string, isLossless: boolean): StreamSession {
    const { metrics, log, outputs } = this.#options;
    const memory = this.#memories.of(streamId, monotonicMs());
    // Without a shared store, the clock makes epochs grow from process to process too.
    memory.epoch = Math.max(memory.epoch + 1, Math.floor(Date.now() / 1000));
    memory.closedAtMs = Number.POSITIVE_INFINITY;
    const ring = FrameRing.create({
      streamId,
      slots: this.#options.bufferFrames,
      maxPixelBytes: maxPixelBytes(this.#options.geometry),
      maxLumaBytes: lumaLongSide * lumaLongSide,
      maxMotionVectors,
      policy: isLossless ? 'wait' : 'overwrite-oldest',
    });
    const session = new StreamSession(streamId, memory, ring, isLossless, metrics, monotonicMs());
    this.#sessions.set(streamId, session);
    metrics.streamOpened(streamId);
    const { handle } = ring;
    this.#pool.openStream({
      streamId,
      ring: handle,
      geometry: this.#options.geometry,
      firstFrameIndex: memory.nextFrameIndex,
      lossless: isLossless,
      lumaLongSide,
    });
    this.#host.openStream({ streamId, ring: handle, lossless: isLossless, firstTrackId: memory.nextTrackId });
    this.#setPreview(streamId);
    log.info({ streamId, epoch: memory.epoch }, 'stream opened');
    outputs.onStreamStarted(session);
    return session;
  }

  #setPreview(streamId: string): void {
    const { maxFps, longSide } = this.#options.preview;
    this.#pool.setPreview(streamId, { enabled: this.#pictureDemand(streamId), maxFps, longSide });
  }

  #decoded(streamId: string, progress: DecodeProgress): void {
    const session = this.#sessions.get(streamId);
    if (session === undefined) return;
    session.decoderCounted(progress.counters);
    session.memory.ledger.decoded(progress.sequence);
    if (progress.restartSequence !== null) {
      this.#settled('ack', session.memory.ledger.restartAt(progress.restartSequence));
    }
    session.roomAppeared();
  }

  #tracked(
    streamId: string,
    trackFrame: TrackFrame,
    untracked: UntrackedCounters,
    counters: TrackerCounters,
  ): void {
    const session = this.#sessions.get(streamId);
    if (session === undefined) return;
    const { metrics, outputs } = this.#options;
    const { frame } = trackFrame;
    session.untrackedCounted(untracked);
    session.ringCounted();
    this.#countTracker(session, counters);
    if (session.state === 'starting') session.state = 'live';
    session.size = { width: frame.width, height: frame.height };
    session.newestFrame = { index: frame.index, timestampNs: frame.timestampNs };
    session.memory.nextFrameIndex = frame.index + 1;
    for (const { id } of trackFrame.tracks) {
      session.memory.nextTrackId = Math.max(session.memory.nextTrackId, id + 1);
    }
    if (session.isRepeated(trackFrame)) {
      metrics.framesDropped(streamId, 'already_published');
      return;
    }
    metrics.frameTracked(trackFrame);
    outputs.onTrackFrame(trackFrame, session);
  }

  #countTracker(session: StreamSession, counters: TrackerCounters): void {
    const { metrics } = this.#options;
    metrics.trackerCounted(session.streamId, counters);
    if (counters.segmentations > session.segmentations && counters.lastSegmentation !== null) {
      metrics.segmentationRan(counters.lastSegmentation.total / 1000);
    }
    session.segmentations = counters.segmentations;
  }

  #decodingEnded(streamId: string, counters: DecoderCounters | null, error: TrackcastError | null): void {
    const session = this.#sessions.get(streamId);
    if (session === undefined) return;
    session.isDecoded = true;
    session.state = 'ending';
    if (counters !== null) session.decoderCounted(counters);
    if (error !== null) {
      session.end = { kind: 'failed', code: error.code, message: error.message };
      session.lostCounts = 'decode';
      this.#options.log.error({ err: error, streamId }, 'a stream failed');
      // The tracker would wait for frames that never come if the ring had not been ended by its writer.
      session.ring.end();
    }
    session.roomAppeared();
    this.#finishIfDone(session);
  }

  #trackingEnded(streamId: string, untracked: UntrackedCounters, counters: TrackerCounters | null): void {
    const session = this.#sessions.get(streamId);
    if (session === undefined) return;
    session.isTracked = true;
    if (counters === null) {
      session.end = { kind: 'failed', code: 'TRACKCAST_WORKER_DIED', message: 'the tracking worker died' };
      session.lostCounts = 'track';
      session.ring.close();
    } else {
      session.untrackedCounted(untracked);
      this.#countTracker(session, counters);
    }
    if (!session.isDecoded) this.#pool.closeStream(streamId);
    this.#finishIfDone(session);
  }

  #finishIfDone(session: StreamSession): void {
    if (!session.isDecoded || !session.isTracked || session.state === 'ended') return;
    const { metrics, log, outputs } = this.#options;
    const { streamId, memory } = session;
    session.state = 'ended';
    session.ringCounted();
    session.reconcile();
    this.#sessions.delete(streamId);
    memory.closedAtMs = monotonicMs();
    if (session.end.kind === 'failed') this.#settled('requeue', memory.ledger.release());
    else if (!session.isCutShort) this.#settled('ack', memory.ledger.endOfStream());
    outputs.onStreamEnded(session);
    log.info({ streamId, end: session.end.kind, frames: metrics.ledger(streamId) }, 'stream closed');
    metrics.streamClosed(streamId);
    session.markEnded();
    if (this.#sessions.size === 0) {
      const waiters = this.#idleWaiters;
      this.#idleWaiters = [];
      for (const resolve of waiters) resolve();
    }
  }

  /** Ends a stream that has not ended by itself. */
  #closeSession(session: StreamSession): void {
    session.state = 'ending';
    this.#pool.closeStream(session.streamId);
  }

  #settled(kind: 'ack' | 'requeue' | 'reject', count: number): void {
    if (count > 0) this.#options.metrics.chunksSettled(kind, count);
  }

  #keepHouse(): void {
    const now = monotonicMs();
    const { log } = this.#options;
    for (const session of this.#sessions.values()) {
      session.ringCounted();
      this.#settled('ack', session.memory.ledger.expire(now));
      const silentSeconds = (now - session.lastChunkAtMs) / 1000;
      if (silentSeconds > this.#options.streamTimeoutSeconds && session.state !== 'ending') {
        log.warn(
          { streamId: session.streamId, silentSeconds: Math.round(silentSeconds) },
          'stream timed out',
        );
        this.#closeSession(session);
      }
    }
    this.#memories.prune(now);
    if (this.#refusedChunks > 0) {
      log.warn(
        { chunks: this.#refusedChunks, limit: this.#options.maxStreams },
        'chunks refused: too many streams',
      );
      this.#refusedChunks = 0;
    }
  }
}

/** Largest model picture of a geometry, bytes. */
function maxPixelBytes(geometry: PixelGeometry): number {
  if (geometry.kind === 'stretch') return geometry.width * geometry.height * 3;
  const side = Math.ceil(geometry.longSide / geometry.multipleOf) * geometry.multipleOf;
  return side * side * 3;
}
