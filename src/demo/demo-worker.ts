import { parentPort, workerData } from 'node:worker_threads';
import { monotonicMs } from '../clock.ts';
import { H264Encoder } from '../ingest/h264-encoder.ts';
import { DemoScene } from './demo-scene.ts';
import type { DemoRequest, DemoResponse, DemoWorkerData } from './demo-worker-messages.ts';
import { createPicture } from './picture.ts';

/** Pictures later than this are given up instead of being sent in a burst, milliseconds. */
const maxLatenessMs = 500;

/**
 * Draws and encodes the scene, off the main thread. It draws a picture only when it is due and the receiver has
 * asked for it, so that a slow receiver gets fewer pictures and not older ones.
 */
async function run(port: NonNullable<typeof parentPort>, options: DemoWorkerData): Promise<void> {
  const { width, height, fps, gopSize, frames, realTime } = options;
  const scene = new DemoScene({ width, height });
  const picture = createPicture(width, height);
  using encoder = new H264Encoder({ width, height, fps, gopSize, crf: 21, preset: 'veryfast' });
  const requests = new Requests(port);
  const send = (message: DemoResponse, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer);
  send({ kind: 'ready' });

  let startedAtMs = Number.NaN;
  let skippedMs = 0;
  for (let frameIndex = 0; frameIndex < frames; frameIndex += 1) {
    if ((await requests.next()) === 'stop') break;
    if (frameIndex === 0) startedAtMs = monotonicMs();
    const dueMs = (frameIndex * 1000) / fps;
    if (realTime) {
      const lateMs = monotonicMs() - (startedAtMs + skippedMs + dueMs);
      if (lateMs > maxLatenessMs) skippedMs += lateMs;
      else if (lateMs < 0 && (await requests.stoppedWithin(-lateMs))) break;
    }
    const [data] = encoder.encodePlanes(scene.render(frameIndex, picture).data);
    if (data === undefined) continue;
    const isLast = frameIndex === frames - 1;
    send({ kind: 'accessUnit', frameIndex, capturedAtMs: skippedMs + dueMs, data, isLast }, [
      data.buffer as ArrayBuffer,
    ]);
  }
}

/** What the receiver has asked for and has not got yet. */
class Requests {
  #pictures = 0;
  #stopped = false;
  #wake: () => void = () => {};

  constructor(port: NonNullable<typeof parentPort>) {
    port.on('message', (request: DemoRequest) => {
      if (request.kind === 'stop') this.#stopped = true;
      else this.#pictures += 1;
      this.#wake();
    });
  }

  async next(): Promise<'picture' | 'stop'> {
    while (!this.#stopped && this.#pictures === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    this.#pictures -= 1;
    return this.#stopped ? 'stop' : 'picture';
  }

  async stoppedWithin(milliseconds: number): Promise<boolean> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.#wake = () => {
        if (!this.#stopped) return;
        clearTimeout(timer);
        resolve();
      };
      this.#wake();
    });
    return this.#stopped;
  }
}

if (parentPort !== null) {
  const port = parentPort;
  await run(port, workerData as DemoWorkerData);
  // An open port would keep the thread alive.
  port.close();
}
