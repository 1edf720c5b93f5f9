import type { Worker } from 'node:worker_threads';
import { TrackcastError } from '../errors.ts';
import type { ObjectChange } from '../prompting/object-change.ts';
import type { Prompt } from '../prompting/prompt.ts';
import { spawnWorker } from '../spawn-worker.ts';
import type { LostLook } from './lost-look.ts';
import type { TrackFrame } from './track.ts';
import type {
  TrackingAnswer,
  TrackingCommand,
  TrackingReport,
  TrackingRequest,
  TrackingStreamOptions,
  TrackingWorkerData,
  UntrackedCounters,
} from './tracking-messages.ts';
import type { TrackerCounters, TrackerSnapshot } from './video-tracker.ts';

/** What the tracking side reports. A stream's last report is `onStreamEnded`. */
export interface TrackingHostEvents {
  /** The models are warm. */
  onReady(provider: string, refused: readonly string[]): void;
  /** Segmentation is impossible (`TRACKCAST_MODEL_INVALID`) or its thread died (`TRACKCAST_WORKER_DIED`). */
  onUnusable(error: TrackcastError): void;
  /** Several looks in a row have failed; whether the next one does is not known. */
  onFailing(error: TrackcastError): void;
  /** A look has succeeded after `onFailing`. */
  onRecovered(): void;
  /** A look came to nothing; its stream goes on with what it had. */
  onLookLost(look: LostLook): void;
  onFrame(
    streamId: string,
    trackFrame: TrackFrame,
    untracked: UntrackedCounters,
    counters: TrackerCounters,
  ): void;
  onFrameFailed(streamId: string, error: TrackcastError, untracked: UntrackedCounters): void;
  onStreamEnded(streamId: string, untracked: UntrackedCounters, counters: TrackerCounters | null): void;
}

interface PendingRequest {
  resolve(answer: TrackingAnswer): void;
  reject(error: Error): void;
}

/** The main thread's hand on the tracking worker. */
export class TrackingHost {
  readonly #worker: Worker;
  readonly #events: TrackingHostEvents;
  readonly #open = new Set<string>();
  readonly #pending = new Map<number, PendingRequest>();
  readonly #exited: Promise<void>;
  #requests = 0;
  #isStopping = false;
  #isDead = false;

  /** @param startWorker for tests; the tracking worker by default */
  constructor(
    data: TrackingWorkerData,
    events: TrackingHostEvents,
    startWorker: () => Worker = () => spawnWorker('./tracking-worker', import.meta.url, { workerData: data }),
  ) {
    this.#events = events;
    this.#worker = startWorker();
    this.#worker.on('message', (report: TrackingReport) => this.#receive(report));
    this.#worker.on('error', (cause: Error) => this.#bury(cause.message));
    this.#exited = new Promise((resolve) => {
      this.#worker.on('exit', (code) => {
        if (!this.#isStopping) this.#bury(`the tracking worker ended with code ${code}`);
        resolve();
      });
    });
  }

  /** Tracks a stream from its ring on. Throws `TRACKCAST_WORKER_DIED` when the worker is gone. */
  openStream(options: TrackingStreamOptions): void {
    if (this.#isDead) {
      throw new TrackcastError('TRACKCAST_WORKER_DIED', 'the tracking worker is gone', {
        streamId: options.streamId,
      });
    }
    this.#open.add(options.streamId);
    this.#command({ kind: 'open', options });
  }

  /** Ends a stream after the frame in hand. `onStreamEnded` follows. */
  closeStream(streamId: string): void {
    this.#command({ kind: 'close', streamId });
  }

  /** Whether masks are also wanted as polygons. */
  setPolygons(wanted: boolean): void {
    this.#command({ kind: 'polygons', wanted });
  }

  /** Resolves with the object's id. Rejects as `TrackedStream.prompt`, or with `TRACKCAST_STREAM_UNKNOWN`. */
  async prompt(streamId: string, prompt: Prompt): Promise<number> {
    const { objectId } = await this.#ask(streamId, { kind: 'prompt', prompt });
    return objectId ?? 0;
  }

  /** Rejects with `TRACKCAST_OBJECT_UNKNOWN`, `TRACKCAST_STREAM_UNKNOWN`. */
  async change(streamId: string, objectId: number, change: ObjectChange): Promise<void> {
    await this.#ask(streamId, { kind: 'change', objectId, change });
  }

  /** Rejects with `TRACKCAST_OBJECT_UNKNOWN`, `TRACKCAST_STREAM_UNKNOWN`. */
  async remove(streamId: string, objectId: number): Promise<void> {
    await this.#ask(streamId, { kind: 'remove', objectId });
  }

  /** Rejects with `TRACKCAST_STREAM_UNKNOWN`. */
  async reset(streamId: string): Promise<void> {
    await this.#ask(streamId, { kind: 'reset' });
  }

  /** Rejects with `TRACKCAST_STREAM_UNKNOWN`. */
  async snapshot(streamId: string): Promise<TrackerSnapshot | null> {
    const { snapshot } = await this.#ask(streamId, { kind: 'snapshot' });
    return snapshot;
  }

  /** Ends all streams and the threads; resolves when they have run out. */
  async stop(): Promise<void> {
    if (!this.#isStopping && !this.#isDead) {
      this.#isStopping = true;
      this.#command({ kind: 'stop' });
    }
    await this.#exited;
  }

  #command(command: TrackingCommand): void {
    if (!this.#isDead) this.#worker.postMessage(command);
  }

  async #ask(streamId: string, request: TrackingRequest): Promise<Extract<TrackingAnswer, { kind: 'done' }>> {
    if (this.#isDead || !this.#open.has(streamId)) {
      throw new TrackcastError('TRACKCAST_STREAM_UNKNOWN', `no stream ${streamId} is open`, { streamId });
    }
    const requestId = this.#requests++;
    const answer = await new Promise<TrackingAnswer>((resolve, reject) => {
      this.#pending.set(requestId, { resolve, reject });
      this.#command({ kind: 'request', streamId, requestId, request });
    });
    if (answer.kind === 'refused') throw new TrackcastError(answer.code, answer.message, { streamId });
    return answer;
  }

  #receive(report: TrackingReport): void {
    switch (report.kind) {
      case 'ready':
        this.#events.onReady(report.provider, report.refused);
        break;
      case 'unusable':
        this.#events.onUnusable(new TrackcastError(report.code, report.message));
        break;
      case 'failing':
        this.#events.onFailing(new TrackcastError(report.code, report.message));
        break;
      case 'recovered':
        this.#events.onRecovered();
        break;
      case 'look_lost':
        this.#events.onLookLost(report.look);
        break;
      case 'frame':
        this.#events.onFrame(report.streamId, report.trackFrame, report.untracked, report.counters);
        break;
      case 'frame_failed': {
        const { streamId, frameIndex, message } = report;
        const error = new TrackcastError('TRACKCAST_INFERENCE_FAILED', message, { streamId, frameIndex });
        this.#events.onFrameFailed(streamId, error, report.untracked);
        break;
      }
      case 'answer':
        this.#pending.get(report.requestId)?.resolve(report.answer);
        this.#pending.delete(report.requestId);
        break;
      case 'ended':
        this.#open.delete(report.streamId);
        this.#events.onStreamEnded(report.streamId, report.untracked, report.counters);
    }
  }

  /** Says once that the worker is gone: to the owner, to every stream and to everybody who waits. */
  #bury(message: string): void {
    if (this.#isDead) return;
    this.#isDead = true;
    const error = new TrackcastError('TRACKCAST_WORKER_DIED', message);
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
    this.#events.onUnusable(error);
    for (const streamId of this.#open) {
      this.#events.onStreamEnded(streamId, { stale: 0, streamClosed: 0, failed: 0 }, null);
    }
    this.#open.clear();
  }
}
