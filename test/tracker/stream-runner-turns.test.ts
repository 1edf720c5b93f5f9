import { expect, it } from 'vitest';
import type { FrameLease } from '../../src/buffer/frame.ts';
import type { FrameRing } from '../../src/buffer/frame-ring.ts';
import { StreamRunner } from '../../src/tracker/stream-runner.ts';
import type { TrackedStream } from '../../src/tracker/video-tracker.ts';

it('lets requests be heard between frames however many wait', async () => {
  const frames = 50;
  let taken = 0;
  const ring = {
    waitForFrame: async () => (taken < frames ? 'frame' : 'ended'),
    unread: () => 1,
    leaseNext: () => (taken++ < frames ? ({ index: taken, [Symbol.dispose]() {} } as FrameLease) : null),
  } as unknown as FrameRing;
  const stream = { processFrame: async () => ({}), close: async () => {} } as unknown as TrackedStream;
  let heardAfter = Number.POSITIVE_INFINITY;
  setImmediate(() => {
    heardAfter = taken;
  });
  await new StreamRunner(ring, stream, true, { onFrame() {}, onFrameFailed() {} }).run();
  expect(heardAfter).toBeLessThan(5);
});
