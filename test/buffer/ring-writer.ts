import { workerData } from 'node:worker_threads';
import { FrameRing, type FrameRingHandle } from '../../src/buffer/frame-ring.ts';
import { writeTestFrame } from './ring-frames.ts';

const { handle, frames } = workerData as { handle: FrameRingHandle; frames: number };

async function writeAll(ring: FrameRing): Promise<void> {
  const last = frames - 1;
  for (let index = 0; index < frames; index += 1) {
    let slot = await ring.beginWrite();
    while (slot === null && index === last) {
      slot = await ring.beginWrite();
    }
    if (slot !== null) {
      writeTestFrame(slot, index);
    }
  }
  ring.end();
}

// Waiting for shared memory alone keeps no thread alive; in the program the message port does.
const alive = setInterval(() => undefined, 1000);
void writeAll(FrameRing.attach(handle)).finally(() => clearInterval(alive));
