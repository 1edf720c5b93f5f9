import { parentPort, workerData } from 'node:worker_threads';
import { FrameRing, type FrameRingHandle } from '../src/buffer/frame-ring.ts';
import { monotonicMs } from '../src/clock.ts';

/** Leases every frame as soon as it can and reports how old each was, milliseconds. */
async function read(handle: FrameRingHandle): Promise<number[]> {
  const ring = FrameRing.attach(handle);
  const ages: number[] = [];
  while ((await ring.waitForFrame()) === 'frame') {
    using frame = ring.leaseNext();
    if (frame !== null) ages.push(monotonicMs() - frame.decodedAtMs);
  }
  return ages;
}

// A thread that only waits for shared memory would run out: the open port keeps it alive.
parentPort?.ref();
parentPort?.postMessage(await read(workerData as FrameRingHandle));
parentPort?.close();
