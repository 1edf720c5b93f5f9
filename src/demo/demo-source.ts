import type { Worker } from 'node:worker_threads';
import { TrackcastError } from '../errors.ts';
import { type ChunkHandler, type ChunkSource, isStreamId } from '../ingest/chunk.ts';
import { spawnWorker } from '../spawn-worker.ts';
import type { DemoRequest, DemoResponse, DemoWorkerData } from './demo-worker-messages.ts';

export interface DemoSourceOptions extends Partial<DemoWorkerData> {
  /** Default `demo`. */
  readonly streamId?: string;
  /** Called when the worker thread has died; the source delivers no more then. */
  readonly onFailure?: (error: TrackcastError) => void;
}

type State = 'idle' | 'delivering' | 'ended';

/**
 * The generated scene as a camera: H.264, one access unit per chunk, in real time and without end unless told
 * otherwise. A handler that is slow makes it skip time, as a live camera would, instead of falling behind.
 */
export class DemoSource implements ChunkSource {
  readonly name = 'demo';
  readonly #streamId: string;
  readonly #workerData: DemoWorkerData;
  readonly #onFailure: (error: TrackcastError) => void;
  #state: State = 'idle';
  #worker: Worker | null = null;
  #exited: Promise<void> = Promise.resolve();
  /** The handler's work on the chunk in hand. */
  #handling: Promise<void> = Promise.resolve();

  /** Throws `TRACKCAST_CHUNK_INVALID` for a stream id that cannot be one. */
  constructor(options: DemoSourceOptions = {}) {
    this.#streamId = options.streamId ?? 'demo';
    if (!isStreamId(this.#streamId)) {
      throw new TrackcastError('TRACKCAST_CHUNK_INVALID', `"${this.#streamId}" cannot be a stream id`);
    }
    this.#onFailure = options.onFailure ?? (() => {});
    this.#workerData = {
      width: options.width ?? 1280,
      height: options.height ?? 720,
      fps: options.fps ?? 25,
      gopSize: options.gopSize ?? 50,
      frames: options.frames ?? Number.POSITIVE_INFINITY,
      realTime: options.realTime ?? true,
    };
  }

  /** Resolves when the scene is ready to be drawn. Rejects with `TRACKCAST_WORKER_DIED`. */
  async start(handler: ChunkHandler): Promise<void> {
    if (this.#state !== 'idle') throw new Error('a demo source starts once');
    this.#state = 'delivering';
    const worker = spawnWorker('./demo-worker', import.meta.url, { workerData: this.#workerData });
    this.#worker = worker;
    const startNs = BigInt(Date.now()) * 1_000_000n;
    await new Promise<void>((resolve, reject) => {
      this.#exited = new Promise((exited) => {
        worker.once('exit', () => {
          this.#state = 'ended';
          // After `ready` this has no effect.
          reject(
            new TrackcastError(
              'TRACKCAST_WORKER_DIED',
              'the worker of the demo scene ended before it was ready',
            ),
          );
          exited();
        });
      });
      worker.once('error', (cause) => {
        const message = 'the worker of the demo scene has died';
        const error = new TrackcastError(
          'TRACKCAST_WORKER_DIED',
          message,
          { streamId: this.#streamId },
          { cause },
        );
        reject(error);
        this.#onFailure(error);
      });
      worker.on('message', (response: DemoResponse) => {
        if (response.kind === 'ready') {
          this.#ask({ kind: 'picture' });
          resolve();
        } else if (this.#state === 'delivering') {
          this.#handling = this.#deliver(handler, response, startNs);
        }
      });
    });
  }

  async #deliver(
    handler: ChunkHandler,
    unit: Extract<DemoResponse, { kind: 'accessUnit' }>,
    startNs: bigint,
  ): Promise<void> {
    await this.#handling;
    if (this.#state !== 'delivering') return;
    // Drawing and encoding the next picture overlaps with the handling of this one.
    this.#ask({ kind: 'picture' });
    await handler({
      streamId: this.#streamId,
      sequence: unit.frameIndex,
      timestampNs: startNs + BigInt(Math.round(unit.capturedAtMs * 1e6)),
      data: unit.data,
      endOfStream: unit.isLast,
      // There is nowhere to give it back to.
      settle: () => {},
    });
  }

  #ask(request: DemoRequest): void {
    this.#worker?.postMessage(request);
  }

  async stop(): Promise<void> {
    this.#state = 'ended';
    this.#ask({ kind: 'stop' });
    await this.#exited;
  }

  async close(): Promise<void> {
    await this.stop();
  }
}
