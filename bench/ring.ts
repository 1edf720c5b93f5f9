import { setTimeout as delay } from 'node:timers/promises';
import type { FrameDescription } from '../src/buffer/frame-ring.ts';
import { FrameRing } from '../src/buffer/frame-ring.ts';
import { monotonicMs } from '../src/clock.ts';
import { spawnWorker } from '../src/spawn-worker.ts';
import { type Figure, median, percentile } from './figure.ts';

const frames = 400;

/** How long a committed frame takes to be leased in another thread that waits for it, and what writing costs. */
export async function benchRing(): Promise<Figure[]> {
  const ring = FrameRing.create({
    streamId: 'bench',
    slots: 30,
    maxPixelBytes: 1024 * 576 * 3,
    maxLumaBytes: 512 * 288,
    maxMotionVectors: 4096,
    policy: 'wait',
  });
  const worker = spawnWorker('./ring-reader-worker', import.meta.url, { workerData: ring.handle });
  const latencies = new Promise<number[]>((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', () => reject(new Error('the reading thread ended without an answer')));
  });
  const costs: number[] = [];
  for (let index = 0; index < frames; index += 1) {
    // The reader sleeps again before the next frame comes, as it does between two pictures of a camera.
    await delay(2);
    const begun = monotonicMs();
    const write = await ring.beginWrite();
    write?.commit(description(index));
    costs.push((monotonicMs() - begun) * 1000);
  }
  ring.end();
  const microseconds = (await latencies).map((milliseconds) => milliseconds * 1000);
  return [
    { name: 'ring hand-over, p50', value: median(microseconds), unit: 'µs', better: 'less' },
    { name: 'ring hand-over, p99', value: percentile(microseconds, 99), unit: 'µs', better: 'less' },
    { name: 'ring write and commit, p50', value: median(costs), unit: 'µs', better: 'less' },
  ];
}

function description(index: number): FrameDescription {
  const now = monotonicMs();
  return {
    streamId: 'bench',
    index,
    timestampNs: BigInt(index),
    isKeyframe: false,
    isDamaged: false,
    width: 1280,
    height: 720,
    chunkSequence: index,
    unitInChunk: 0,
    receivedAtMs: now,
    decodedAtMs: now,
    pixelSize: { width: 1024, height: 576, contentWidth: 1024, contentHeight: 576 },
    lumaWidth: 512,
    lumaHeight: 288,
    motionVectorCount: 0,
  };
}
