import type { Worker } from 'node:worker_threads';
import type { PixelGeometry } from '../buffer/frame.ts';
import type { FrameRingHandle } from '../buffer/frame-ring.ts';
import { monotonicMs } from '../clock.ts';
import type { TrackcastError } from '../errors.ts';
import { DecodePool, type DecodeProgress, type Preview } from '../ingest/decode-pool.ts';
import type { DecoderCounters } from '../ingest/h264-counters.ts';
import type { Logger } from '../log.ts';
import type { PipelineMetrics } from '../publish/metrics.ts';
import { spawnWorker } from '../spawn-worker.ts';
import type { LostLook } from '../tracker/lost-look.ts';
import type { TrackFrame } from '../tracker/track.ts';
import { TrackingHost } from '../tracker/tracking-host.ts';
import type { TrackingWorkerData, UntrackedCounters } from '../tracker/tracking-messages.ts';
import type { TrackerCounters } from '../tracker/video-tracker.ts';

/** What the threads report of a stream. Of each side, the last report is its `…Ended`. */
export interface StreamWorkerEvents {
  /** A chunk went through the decoder. */
  onDecoded(streamId: string, progress: DecodeProgress): void;
  /** Without counters the decoder was lost. */
  onDecodingEnded(streamId: string, counters: DecoderCounters | null, error: TrackcastError | null): void;
  onPicture(streamId: string, preview: Preview): void;
  onTracked(
    streamId: string,
    trackFrame: TrackFrame,
    untracked: UntrackedCounters,
    counters: TrackerCounters,
  ): void;
  onTrackFailed(streamId: string, error: TrackcastError, untracked: UntrackedCounters): void;
  onLookLost(look: LostLook): void;
  /** Without counters the tracker was lost. */
  onTrackingEnded(streamId: string, untracked: UntrackedCounters, counters: TrackerCounters | null): void;
}

export interface StreamWorkersOptions {
  readonly tracking: TrackingWorkerData;
  readonly geometry: PixelGeometry;
  /** Long side of the luma plane that motion is estimated on, pixels. */
  readonly lumaLongSide: number;
  readonly decodeWorkers: number;
  readonly events: StreamWorkerEvents;
  readonly metrics: Pick<PipelineMetrics, 'modelReady'>;
  readonly log: Logger;
  /** Start threads. For tests; by default the program's own workers. */
  readonly startDecodeWorker?: () => Worker;
  readonly startTrackingWorker?: () => Worker;
}

export interface WorkedStream {
  readonly streamId: string;
  readonly ring: FrameRingHandle;
  readonly lossless: boolean;
  readonly firstFrameIndex: number;
  readonly firstTrackId: number;
}

/** A tracking worker that dies sooner than this after its start is not started again at once. */
const minTrackingLifeMs = 5_000;

/** The threads that decode and track, and the way back when one of them dies. */
export class StreamWorkers {
  readonly #options: StreamWorkersOptions;
  readonly decoders: DecodePool;
  /** Resolves when the model is warm for the first time. Rejects with why it never will be. */
  readonly ready: Promise<void>;
  #settleReady: (error: TrackcastError | null) => void = () => undefined;
  #host: TrackingHost;
  #hostStartedAtMs = 0;
  #isTrackingAlive = false;
  #isStopping = false;
  #restart: NodeJS.Timeout | undefined;
  #trackingWaiters: (() => void)[] = [];
  #wantsPolygons = false;
  #modelState: string | null = null;
  #provider: string | null = null;
  #refusedProviders: readonly string[] = [];

  constructor(options: StreamWorkersOptions) {
    const { events, log } = options;
    this.#options = options;
    this.ready = new Promise((resolve, reject) => {
      this.#settleReady = (error) => (error === null ? resolve() : reject(error));
    });
    // Live service goes on without a model; only those who wait for it want to hear.
    this.ready.catch(() => undefined);
    this.decoders = new DecodePool({
      workers: options.decodeWorkers,
      ...(options.startDecodeWorker === undefined ? {} : { startWorker: options.startDecodeWorker }),
      events: {
        onProgress: (streamId, progress) => events.onDecoded(streamId, progress),
        onStreamInfo: (streamId, event) => log.debug({ streamId, event: event.kind }, 'stream information'),
        onPreview: (streamId, preview) => events.onPicture(streamId, preview),
        onStreamEnded: (streamId, counters) => events.onDecodingEnded(streamId, counters, null),
        onStreamFailed: (streamId, error) => events.onDecodingEnded(streamId, null, error),
        onWorkerDied: (err) => log.error({ err }, 'a decode worker died'),
      },
    });
    this.#host = this.#startTracking();
  }

  /** The tracking side as it is now; another one after its worker died. */
  get tracking(): TrackingHost {
    return this.#host;
  }

  /** Why nothing is segmented, or null. */
  get modelState(): string | null {
    return this.#modelState;
  }

  /** Execution providers that were preferred to the one that runs the model, each with the reason. */
  get refusedProviders(): readonly string[] {
    return this.#refusedProviders;
  }

  get isTrackingAlive(): boolean {
    return this.#isTrackingAlive;
  }

  /** Resolves when streams can be tracked, or when everything stops. */
  trackingAlive(): Promise<void> {
    if (this.#isTrackingAlive || this.#isStopping) return Promise.resolve();
    return new Promise((resolve) => this.#trackingWaiters.push(resolve));
  }

  /** Opens a stream on both sides. */
  open(stream: WorkedStream): void {
    const { streamId, ring, lossless, firstFrameIndex, firstTrackId } = stream;
    const { geometry, lumaLongSide } = this.#options;
    this.#host.openStream({ streamId, ring, lossless, firstTrackId });
    this.decoders.openStream({ streamId, ring, geometry, firstFrameIndex, lossless, lumaLongSide });
  }

  /** Whether masks are also wanted as polygons. */
  setPolygons(wanted: boolean): void {
    this.#wantsPolygons = wanted;
    this.#host.setPolygons(wanted);
  }

  /** Resolves when every thread has run out. Streams must have ended. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    clearTimeout(this.#restart);
    this.#wakeWaiters();
    await this.decoders.stop();
    await this.#host.stop();
  }

  #startTracking(): TrackingHost {
    const { tracking, events, metrics, log } = this.#options;
    this.#isTrackingAlive = true;
    this.#modelState = 'the model is warming up';
    this.#hostStartedAtMs = monotonicMs();
    const host = new TrackingHost(
      tracking,
      {
        onReady: (provider, refused) => {
          this.#modelState = null;
          this.#provider = provider;
          this.#refusedProviders = refused;
          this.#settleReady(null);
          metrics.modelReady(provider);
          log.info({ provider, refused }, 'the model is ready');
        },
        onUnusable: (err) => {
          this.#modelState = err.message;
          this.#settleReady(err);
          metrics.modelReady(null);
          log.error({ err }, 'objects are not segmented any more');
        },
        onFailing: (err) => {
          this.#modelState = `the model fails again and again: ${err.message}`;
          metrics.modelReady(null);
          log.error({ err }, 'the model fails again and again; it is tried on');
        },
        onRecovered: () => {
          this.#modelState = null;
          metrics.modelReady(this.#provider);
          log.info({ provider: this.#provider }, 'the model works again');
        },
        onLookLost: (look) => events.onLookLost(look),
        onFrame: (streamId, trackFrame, untracked, counters) =>
          events.onTracked(streamId, trackFrame, untracked, counters),
        onFrameFailed: (streamId, error, untracked) => events.onTrackFailed(streamId, error, untracked),
        onStreamEnded: (streamId, untracked, counters) =>
          events.onTrackingEnded(streamId, untracked, counters),
      },
      () => this.#startTrackingWorker(),
    );
    if (this.#wantsPolygons) host.setPolygons(true);
    return host;
  }

  #startTrackingWorker(): Worker {
    const worker =
      this.#options.startTrackingWorker?.() ??
      spawnWorker('../tracker/tracking-worker', import.meta.url, { workerData: this.#options.tracking });
    // These listeners come before the host's own, so that no stream opens on a worker that is gone.
    worker.once('error', () => this.#trackingDied());
    worker.once('exit', () => this.#trackingDied());
    return worker;
  }

  #trackingDied(): void {
    if (this.#isStopping || !this.#isTrackingAlive) return;
    this.#isTrackingAlive = false;
    const waitMs = Math.max(0, minTrackingLifeMs - (monotonicMs() - this.#hostStartedAtMs));
    this.#restart = setTimeout(() => {
      this.#options.log.info('the tracking worker starts again');
      this.#host = this.#startTracking();
      this.#wakeWaiters();
    }, waitMs);
  }

  #wakeWaiters(): void {
    const waiters = this.#trackingWaiters;
    this.#trackingWaiters = [];
    for (const resolve of waiters) resolve();
  }
}
