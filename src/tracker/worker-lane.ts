import type { Worker } from 'node:worker_threads';
import { monotonicMs } from '../clock.ts';
import { type ErrorCode, TrackcastError } from '../errors.ts';
import { spawnWorker } from '../spawn-worker.ts';
import { LaneTurns } from './scheduling/lane-turns.ts';
import type { SegmentationLane, SegmentationOutcome, SegmentationRequest } from './segmentation.ts';
import type {
  SegmentationCommand,
  SegmentationReport,
  SegmentationWorkerData,
} from './segmentation-messages.ts';

/** What a lane reports besides the outcomes. */
export interface WorkerLaneEvents {
  /** The models are warm; segmentation begins. */
  onReady(provider: string, refused: readonly string[]): void;
  /** Several requests in a row have failed, whichever streams they came from; those that follow are tried all the same. */
  onFailing(error: TrackcastError): void;
  /** A request has succeeded after `onFailing`. */
  onRecovered(): void;
  /** Nothing will be segmented any more; masks go on by motion alone. */
  onUnusable(error: TrackcastError): void;
}

/** Failures in a row from which on the device is not trusted: fewer may be due to what was asked. */
const maxFailuresInRow = 5;

type LaneState = 'warming' | 'idle' | 'busy' | 'unusable' | 'stopped';

/**
 * Segmentations in an inference worker, one at a time. Streams take turns: people first, then whoever has waited longest
 * since its last segmentation; see `LaneTurns`.
 */
export class WorkerLane implements SegmentationLane {
  readonly #worker: Worker;
  readonly #events: WorkerLaneEvents;
  readonly #outcomes = new Map<string, SegmentationOutcome>();
  readonly #turns = new LaneTurns();
  readonly #exited: Promise<void>;
  #state: LaneState = 'warming';
  #busyWith: SegmentationRequest | null = null;
  /** The stream of the request under way was closed. */
  #isDiscarded = false;
  #failuresInRow = 0;
  #pixels = new Uint8Array(new SharedArrayBuffer(0));
  #waiters: (() => void)[] = [];

  /** @param startWorker for tests; the inference worker by default */
  constructor(
    models: SegmentationWorkerData,
    events: WorkerLaneEvents,
    startWorker: () => Worker = () =>
      spawnWorker('./segmentation-worker', import.meta.url, { workerData: models }),
  ) {
    this.#events = events;
    this.#worker = startWorker();
    this.#worker.on('message', (report: SegmentationReport) => this.#receive(report));
    this.#worker.on('error', (cause: Error) => this.#fail('TRACKCAST_WORKER_DIED', cause.message));
    this.#exited = new Promise((resolve) => {
      this.#worker.on('exit', (code) => {
        if (this.#state !== 'stopped') {
          this.#fail('TRACKCAST_WORKER_DIED', `the inference worker ended with code ${code}`);
        }
        resolve();
      });
    });
  }

  canStart(streamId: string, isUrgent = false): boolean {
    const now = monotonicMs();
    this.#turns.ask(streamId, isUrgent, now);
    if (this.#state !== 'idle' || this.#outcomes.has(streamId)) return false;
    return this.#turns.isTurnOf(streamId, now);
  }

  /** Throws an `Error` while another request is under way: its pixels must not be overwritten. */
  async start(request: SegmentationRequest): Promise<void> {
    if (this.#state !== 'idle') throw new Error(`a lane that is ${this.#state} takes no request`);
    const pixels = request.pixels === null ? null : this.#copied(request.pixels);
    this.#state = 'busy';
    this.#busyWith = request;
    this.#turns.began(request.streamId, pixels !== null, monotonicMs());
    this.#command({ kind: 'segment', request: { ...request, pixels } });
  }

  take(streamId: string): SegmentationOutcome | null {
    const outcome = this.#outcomes.get(streamId) ?? null;
    this.#outcomes.delete(streamId);
    return outcome;
  }

  finished(streamId: string): Promise<void> {
    if (this.#busyWith?.streamId !== streamId) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  closeStream(streamId: string): void {
    this.#outcomes.delete(streamId);
    this.#turns.forget(streamId);
    if (this.#busyWith?.streamId === streamId) this.#isDiscarded = true;
    if (this.#state !== 'stopped') this.#command({ kind: 'close_stream', streamId });
  }

  /** Ends the worker once it has finished what it is at. */
  async dispose(): Promise<void> {
    if (this.#state !== 'stopped') {
      this.#state = 'stopped';
      this.#command({ kind: 'stop' });
    }
    await this.#exited;
  }

  /** The ring's slot must not be held for as long as an inference takes. */
  #copied(source: Uint8Array): Uint8Array {
    if (this.#pixels.length < source.length) {
      this.#pixels = new Uint8Array(new SharedArrayBuffer(source.length));
    }
    const pixels = this.#pixels.subarray(0, source.length);
    pixels.set(source);
    return pixels;
  }

  #command(command: SegmentationCommand): void {
    this.#worker.postMessage(command);
  }

  #receive(report: SegmentationReport): void {
    switch (report.kind) {
      case 'ready':
        if (this.#state === 'warming') this.#state = 'idle';
        this.#events.onReady(report.provider, report.refused);
        break;
      case 'unusable':
        this.#fail(report.code, report.message);
        break;
      case 'result':
        if (this.#failuresInRow >= maxFailuresInRow) this.#events.onRecovered();
        this.#failuresInRow = 0;
        this.#finish({ kind: 'result', result: report.result });
        break;
      case 'failed': {
        const { streamId, frameIndex, code, message } = report;
        const error = new TrackcastError(code, message, { streamId, frameIndex });
        if (++this.#failuresInRow === maxFailuresInRow) this.#events.onFailing(error);
        this.#finish({ kind: 'failure', failure: { streamId, frameIndex, error } });
      }
    }
  }

  #finish(outcome: SegmentationOutcome): void {
    const { streamId } = outcome.kind === 'result' ? outcome.result : outcome.failure;
    // A stream that was closed meanwhile wants no outcome, not even if it has been opened again.
    if (this.#turns.has(streamId) && !this.#isDiscarded) this.#outcomes.set(streamId, outcome);
    this.#isDiscarded = false;
    this.#busyWith = null;
    if (this.#state === 'busy') this.#state = 'idle';
    this.#turns.ended(monotonicMs());
    this.#wake();
  }

  #fail(code: ErrorCode, message: string): void {
    if (this.#state === 'unusable' || this.#state === 'stopped') return;
    this.#state = 'unusable';
    const error = new TrackcastError(code, message);
    const request = this.#busyWith;
    this.#busyWith = null;
    if (request !== null && !this.#isDiscarded && this.#turns.has(request.streamId)) {
      const { streamId, frameIndex } = request;
      this.#outcomes.set(streamId, { kind: 'failure', failure: { streamId, frameIndex, error } });
    }
    this.#wake();
    this.#events.onUnusable(error);
  }

  #wake(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const resolve of waiters) resolve();
  }
}
