import type { PixelGeometry } from '../buffer/frame.ts';
import { FrameRing } from '../buffer/frame-ring.ts';
import { monotonicMs } from '../clock.ts';
import { errorCodes, type TrackcastError } from '../errors.ts';
import type { ChunkSource } from '../ingest/chunk.ts';
import type { DecodeProgress, Preview } from '../ingest/decode-pool.ts';
import type { DecoderCounters } from '../ingest/h264-counters.ts';
import type { Logger } from '../log.ts';
import type { PipelineMetrics } from '../publish/metrics.ts';
import type { LostLook } from '../tracker/lost-look.ts';
import type { TrackFrame } from '../tracker/track.ts';
import type { UntrackedCounters } from '../tracker/tracking-messages.ts';
import type { TrackerCounters } from '../tracker/video-tracker.ts';
import type { CountedWarnings } from './counted-warnings.ts';
import type { PipelineOutputs } from './pipeline-outputs.ts';
import type { StreamMemories } from './stream-memories.ts';
import { type ChunksAtEnd, StreamSession } from './stream-session.ts';
import type { StreamWorkerEvents, StreamWorkers } from './stream-workers.ts';

export interface StreamLivesOptions {
  readonly memories: StreamMemories;
  readonly geometry: PixelGeometry;
  readonly lumaLongSide: number;
  readonly bufferFrames: number;
  readonly metrics: PipelineMetrics;
  readonly outputs: PipelineOutputs;
  readonly log: Logger;
  readonly warnings: CountedWarnings;
  /** Makes the threads, which report to the given handlers from then on. */
  readonly startWorkers: (events: StreamWorkerEvents) => StreamWorkers;
}

const overtakenRemedy =
  'Nothing where scenes change. Otherwise shorten looks: fewer objects, a smaller model or SAM2_IMAGE_SIZE, a GPU.';
const maxMotionVectors = 32_768;
/** A broker delivers again what is given back within this time, milliseconds. */
const redeliveryMs = 5_000;

/** Opens sessions, takes over what the threads report of them, and closes them when both sides are done. */
export class StreamLives implements StreamWorkerEvents {
  readonly #options: StreamLivesOptions;
  readonly #sessions = new Map<string, StreamSession>();
  readonly workers: StreamWorkers;
  #idleWaiters: (() => void)[] = [];

  constructor(options: StreamLivesOptions) {
    this.#options = options;
    this.workers = options.startWorkers(this);
  }

  /** Open streams, those that are ending included. */
  get size(): number {
    return this.#sessions.size;
  }

  get(streamId: string): StreamSession | undefined {
    return this.#sessions.get(streamId);
  }

  all(): IterableIterator<StreamSession> {
    return this.#sessions.values();
  }

  /** Resolves when no stream is open. */
  idle(): Promise<void> {
    if (this.#sessions.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idleWaiters.push(resolve));
  }

  /** Begins a stream's next life. Throws `TRACKCAST_WORKER_DIED` when no worker can take it. */
  open(streamId: string, source: ChunkSource, isLossless: boolean): StreamSession {
    const { memories, metrics, log, outputs } = this.#options;
    const now = monotonicMs();
    const memory = memories.of(streamId, now);
    const ring = FrameRing.create({
      streamId,
      slots: this.#options.bufferFrames,
      maxPixelBytes: maxPixelBytes(this.#options.geometry),
      maxLumaBytes: this.#options.lumaLongSide ** 2,
      maxMotionVectors,
      policy: isLossless ? 'wait' : 'overwrite-oldest',
    });
    const { nextFrameIndex: firstFrameIndex, nextTrackId: firstTrackId } = memory;
    this.workers.open({ streamId, ring: ring.handle, lossless: isLossless, firstFrameIndex, firstTrackId });
    // Without a shared store, the clock makes epochs grow from process to process too.
    memory.epoch = Math.max(memory.epoch + 1, Math.floor(Date.now() / 1000));
    memory.closedAtMs = Number.POSITIVE_INFINITY;
    const session = new StreamSession({ streamId, memory, ring, source, isLossless, metrics, nowMs: now });
    this.#sessions.set(streamId, session);
    metrics.streamOpened(streamId);
    log.info({ streamId, epoch: memory.epoch, source: source.name }, 'stream opened');
    outputs.onStreamStarted(session);
    return session;
  }

  /** Ends a session as its last chunk would: what was received is decoded and tracked. */
  finish(session: StreamSession, chunksAtEnd: ChunksAtEnd): void {
    if (session.state !== 'starting' && session.state !== 'live') return;
    session.chunksAtEnd = chunksAtEnd;
    session.beginEnding();
    const { sequence, timestampNs } = session.newestChunk ?? { sequence: -1, timestampNs: -1n };
    this.workers.decoders.decode({
      streamId: session.streamId,
      sequence: sequence + 1,
      timestampNs: timestampNs + 1n,
      data: new Uint8Array(0),
      endOfStream: true,
    });
  }

  /** Ends a session at once: a picture that is not complete stays undecoded, for a successor to decode it whole. */
  cutShort(session: StreamSession): void {
    if (session.state !== 'starting' && session.state !== 'live') return;
    session.chunksAtEnd = 'keep';
    session.beginEnding();
    this.workers.decoders.closeStream(session.streamId);
  }

  settled(kind: 'ack' | 'requeue' | 'reject', chunks: number): void {
    if (chunks > 0) this.#options.metrics.chunksSettled(kind, chunks);
  }

  onDecoded(streamId: string, progress: DecodeProgress): void {
    const session = this.#sessions.get(streamId);
    if (session === undefined) return;
    const { ledger } = session.memory;
    session.decoderCounted(progress.counters);
    ledger.decoded(progress.sequence);
    if (progress.restartSequence !== null) this.settled('ack', ledger.restartAt(progress.restartSequence));
    session.roomAppeared();
  }

  onPicture(streamId: string, preview: Preview): void {
    this.#options.outputs.onPicture(streamId, preview);
  }

  onTracked(
    streamId: string,
    trackFrame: TrackFrame,
    untracked: UntrackedCounters,
    counters: TrackerCounters,
  ): void {
    const session = this.#sessions.get(streamId);
    if (session === undefined) return;
    const { metrics, outputs } = this.#options;
    session.untrackedCounted(untracked);
    session.ringCounted();
    this.#trackerCounted(session, counters);
    if (session.frameTracked(trackFrame)) {
      metrics.frameTracked(trackFrame);
      outputs.onTrackFrame(trackFrame, session);
    } else {
      metrics.framesDropped(streamId, 'already_published');
    }
  }

  onTrackFailed(streamId: string, error: TrackcastError, untracked: UntrackedCounters): void {
    this.#sessions.get(streamId)?.untrackedCounted(untracked);
    this.#options.warnings.count('a frame could not be tracked', { streamId }, { err: error });
  }

  onLookLost(look: LostLook): void {
    const { warnings } = this.#options;
    const { streamId, frameIndex } = look;
    if (look.kind === 'outdated') {
      const details = { frameIndex, remedy: overtakenRemedy };
      warnings.count('a look was overtaken by another scene or picture size', { streamId }, details);
      return;
    }
    if (look.kind === 'undetected') {
      const details = { frameIndex, reason: look.message, remedy: errorCodes.TRACKCAST_INFERENCE_FAILED };
      warnings.count('the detector failed on a frame', { streamId }, details);
      return;
    }
    const { code, message } = look;
    const details = { frameIndex, reason: message, remedy: errorCodes[code] };
    warnings.count('a look of the model failed', { streamId, code }, details);
  }

  onDecodingEnded(streamId: string, counters: DecoderCounters | null, error: TrackcastError | null): void {
    const session = this.#sessions.get(streamId);
    if (session === undefined) return;
    session.isDecoded = true;
    session.beginEnding();
    if (counters !== null) session.decoderCounted(counters);
    if (error !== null) {
      this.#fail(session, 'decode', error.code, error.message);
      // The tracker would wait for frames that never come if the ring had not been ended by its writer.
      session.ring.end();
    }
    this.#closeIfDone(session);
  }

  onTrackingEnded(streamId: string, untracked: UntrackedCounters, counters: TrackerCounters | null): void {
    const session = this.#sessions.get(streamId);
    if (session === undefined) return;
    session.isTracked = true;
    if (counters === null) {
      this.#fail(session, 'track', 'TRACKCAST_WORKER_DIED', 'the tracking worker died');
      session.ring.close();
    } else {
      session.untrackedCounted(untracked);
      this.#trackerCounted(session, counters);
    }
    session.beginEnding();
    if (!session.isDecoded) this.workers.decoders.closeStream(streamId);
    this.#closeIfDone(session);
  }

  #fail(session: StreamSession, stage: 'decode' | 'track', code: string, message: string): void {
    session.end = { kind: 'failed', code, message };
    session.lostCounts = stage;
    session.chunksAtEnd = 'requeue';
    this.#options.log.error({ streamId: session.streamId, code, reason: message }, 'a stream failed');
  }

  #trackerCounted(session: StreamSession, counters: TrackerCounters): void {
    const { metrics } = this.#options;
    metrics.trackerCounted(session.streamId, counters);
    if (counters.segmentations > session.segmentations && counters.lastSegmentation !== null) {
      metrics.segmentationRan(counters.lastSegmentation.total / 1000);
    }
    session.segmentations = counters.segmentations;
  }

  #closeIfDone(session: StreamSession): void {
    if (!session.isDecoded || !session.isTracked) return;
    const { metrics, log, outputs } = this.#options;
    const { streamId, memory } = session;
    session.settleFrames();
    this.#sessions.delete(streamId);
    memory.closedAtMs = monotonicMs();
    this.#settleChunks(session);
    outputs.onStreamEnded(session);
    log.info({ streamId, end: session.end.kind, frames: metrics.ledger(streamId) }, 'stream closed');
    metrics.streamClosed(streamId);
    session.moveTo('ended');
    if (this.#sessions.size > 0) return;
    const waiters = this.#idleWaiters;
    this.#idleWaiters = [];
    for (const resolve of waiters) resolve();
  }

  #settleChunks({ chunksAtEnd, memory }: StreamSession): void {
    if (chunksAtEnd === 'acknowledge') this.settled('ack', memory.ledger.endOfStream());
    if (chunksAtEnd === 'requeue') {
      const count = memory.ledger.release();
      this.settled('requeue', count);
      if (count > 0) memory.redeliveryUntilMs = monotonicMs() + redeliveryMs;
    }
  }
}

/** Largest model picture of a geometry, bytes. */
function maxPixelBytes(geometry: PixelGeometry): number {
  if (geometry.kind === 'stretch') return geometry.width * geometry.height * 3;
  const side = Math.ceil(geometry.longSide / geometry.multipleOf) * geometry.multipleOf;
  return side * side * 3;
}
