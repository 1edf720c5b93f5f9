import { setTimeout as delay } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import type { PixelGeometry } from '../buffer/frame.ts';
import { monotonicMs } from '../clock.ts';
import type { ChunkSource } from '../ingest/chunk.ts';
import type { Logger } from '../log.ts';
import type { PipelineMetrics } from '../publish/metrics.ts';
import type { StreamControl } from '../server/stream-control.ts';
import type { TrackingWorkerData } from '../tracker/tracking-messages.ts';
import { ChunkIntake, type SourceTerms } from './chunk-intake.ts';
import { CountedWarnings } from './counted-warnings.ts';
import type { PipelineOutputs } from './pipeline-outputs.ts';
import { SessionControl } from './session-control.ts';
import { StreamLives } from './stream-lives.ts';
import { StreamMemories } from './stream-memories.ts';
import type { StreamSession } from './stream-session.ts';
import { StreamWorkers } from './stream-workers.ts';

export type { PipelineOutputs } from './pipeline-outputs.ts';

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
  /** Start threads. For tests; by default the program's own workers. */
  readonly startDecodeWorker?: () => Worker;
  readonly startTrackingWorker?: () => Worker;
}

const housekeepingMs = 1000;
const lumaLongSide = 512;
/** How long decoding and tracking may go on, when the program stops, with what has been received. */
const catchUpMs = 3000;

/**
 * The way of the data: chunks from any source are decoded, tracked and handed to the outputs. Opens a stream with
 * its first chunk, closes it at its end or when nothing comes, and accounts for every frame.
 */
export class Pipeline {
  /** What people may ask of open streams. */
  readonly control: StreamControl;
  /** Resolves when the model is warm. Rejects with `TRACKCAST_MODEL_INVALID`, `TRACKCAST_WORKER_DIED`. */
  readonly ready: Promise<void>;
  readonly #options: PipelineOptions;
  readonly #warnings: CountedWarnings;
  readonly #memories: StreamMemories;
  readonly #lives: StreamLives;
  readonly #intake: ChunkIntake;
  readonly #sources = new Map<ChunkSource, SourceTerms>();
  readonly #housekeeping: NodeJS.Timeout;
  #pictureDemand: (streamId: string) => boolean = () => false;
  #stopped: Promise<void> | undefined;

  constructor(options: PipelineOptions) {
    const { geometry, bufferFrames, maxStreams, maxUnackedSeconds, metrics, log, outputs } = options;
    this.#options = options;
    const warnings = new CountedWarnings(log);
    const memories = new StreamMemories(maxUnackedSeconds * 1000, Math.max(4096, options.prefetch));
    const lives = new StreamLives({
      memories,
      geometry,
      lumaLongSide,
      bufferFrames,
      metrics,
      outputs: {
        onTrackFrame: (trackFrame, session) => outputs.onTrackFrame(trackFrame, session),
        onStreamStarted: (session) => {
          this.#setPreview(session.streamId);
          outputs.onStreamStarted(session);
        },
        onStreamEnded: (session) => outputs.onStreamEnded(session),
        onPicture: (streamId, preview) => outputs.onPicture(streamId, preview),
      },
      log,
      warnings,
      startWorkers: (events) => new StreamWorkers({ ...options, lumaLongSide, events }),
    });
    this.#warnings = warnings;
    this.#memories = memories;
    this.#lives = lives;
    this.ready = lives.workers.ready;
    this.#intake = new ChunkIntake({
      lives,
      memories,
      maxStreams,
      maxUnackedSeconds,
      metrics,
      log,
      warnings,
    });
    this.control = new SessionControl(lives, metrics);
    this.#housekeeping = setInterval(() => this.#keepHouse(), housekeepingMs);
    this.#housekeeping.unref();
  }

  /** Why nothing is segmented, or null. */
  get modelState(): string | null {
    return this.#lives.workers.modelState;
  }

  /** Execution providers that were preferred to the one that runs the model, each with the reason. */
  get refusedProviders(): readonly string[] {
    return this.#lives.workers.refusedProviders;
  }

  /** Begins to take a source's chunks. Rejects as the source's `start` does. */
  async attach(source: ChunkSource, terms: SourceTerms): Promise<void> {
    this.#sources.set(source, terms);
    await source.start((chunk) => this.#intake.take(chunk, source, terms));
  }

  /** Counts a message that a source refused before it became a chunk. */
  refused(reason: string): void {
    this.#options.metrics.chunkRejected(reason);
    this.#warnings.count('chunks refused', { reason });
  }

  /** Tells who wants pictures of a stream; asked again by `refreshDemand`. */
  watchPictureDemand(demand: (streamId: string) => boolean): void {
    this.#pictureDemand = demand;
  }

  /** Switches previews and polygons on and off as they are wanted now. */
  refreshDemand(wantsPolygons: boolean): void {
    for (const { streamId } of this.#lives.all()) this.#setPreview(streamId);
    this.#lives.workers.setPolygons(wantsPolygons);
  }

  /** Resolves when no stream is open. */
  idle(): Promise<void> {
    return this.#lives.idle();
  }

  /**
   * Stops in the order of the data: sources fall silent, what they gave is decoded and tracked, chunks that no
   * later keyframe has confirmed go back to the broker for a successor, threads run out.
   */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    clearInterval(this.#housekeeping);
    await Promise.all([...this.#sources.keys()].map((source) => source.stop()));
    this.#intake.close();
    await this.#caughtUp();
    for (const session of this.#lives.all()) this.#lives.cutShort(session);
    await this.idle();
    for (const { ledger } of this.#memories.all()) this.#lives.settled('requeue', ledger.release());
    await Promise.all([...this.#sources.keys()].map((source) => source.close()));
    await this.#lives.workers.stop();
    this.#warnings.flush();
  }

  /** Resolves when every chunk is decoded and every frame is with the tracker, or when that takes too long. */
  async #caughtUp(): Promise<void> {
    const deadline = monotonicMs() + catchUpMs;
    const isBusy = () => [...this.#lives.all()].some((session) => this.#hasWork(session));
    while (isBusy() && monotonicMs() < deadline) await delay(10);
  }

  #hasWork({ streamId, ring }: StreamSession): boolean {
    return this.#lives.workers.decoders.waitingChunks(streamId) > 0 || ring.unread() > 0;
  }

  #setPreview(streamId: string): void {
    const { maxFps, longSide } = this.#options.preview;
    const enabled = this.#pictureDemand(streamId);
    this.#lives.workers.decoders.setPreview(streamId, { enabled, maxFps, longSide });
  }

  #keepHouse(): void {
    const now = monotonicMs();
    for (const session of this.#lives.all()) {
      session.ringCounted();
      this.#lives.settled('ack', session.memory.ledger.expire(now));
      this.#closeIfSilent(session, now);
    }
    for (const [source, terms] of this.#sources) this.#intake.makeRoomAt(source, terms, now);
    this.#memories.prune(now);
    this.#warnings.flush();
  }

  #closeIfSilent(session: StreamSession, now: number): void {
    const silentSeconds = (now - session.lastChunkAtMs) / 1000;
    if (silentSeconds <= this.#options.streamTimeoutSeconds || this.#hasWork(session)) return;
    if (session.state !== 'starting' && session.state !== 'live') return;
    const fields = { streamId: session.streamId, silentSeconds: Math.round(silentSeconds) };
    this.#options.log.warn(fields, 'stream timed out');
    this.#lives.finish(session, 'acknowledge');
  }
}
