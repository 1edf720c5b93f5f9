import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FrameLease } from '../../src/buffer/frame.ts';
import { FrameRing, type RingPolicy } from '../../src/buffer/frame-ring.ts';
import { describeTestFrame, marker, testPixelBytes, writeTestFrame } from './ring-frames.ts';

function createRing(slots: number, policy: RingPolicy): FrameRing {
  return FrameRing.create({
    streamId: 'ring',
    slots,
    maxPixelBytes: testPixelBytes + 11,
    maxLumaBytes: 200,
    maxMotionVectors: 8,
    policy,
  });
}

function write(ring: FrameRing, index: number): boolean {
  const slot = ring.tryBeginWrite();
  if (slot === null) {
    return false;
  }
  writeTestFrame(slot, index);
  return true;
}

function expectConserved(ring: FrameRing): void {
  const { written, read, overwrittenUnread } = ring.counters();
  expect(written).toBe(read + overwrittenUnread + ring.unread());
}

function isIntact(frame: FrameLease): boolean {
  return (
    frame.pixels.every((byte, at) => byte === marker(frame.index, 0, at)) &&
    frame.luma.every((byte, at) => byte === marker(frame.index, 1, at)) &&
    frame.motionVectors.every((value) => value === (frame.index & 0x7fff))
  );
}

describe('FrameRing', () => {
  it('hands out everything that was written about a frame', () => {
    const ring = createRing(2, 'overwrite-oldest');
    write(ring, 7);
    using frame = ring.leaseNext();
    const { motionVectorCount, ...described } = describeTestFrame(7);
    expect(frame).toMatchObject(described);
    expect(frame?.motionVectors).toHaveLength(motionVectorCount * 6);
    expect(frame !== null && isIntact(frame)).toBe(true);
  });

  it('gives unread frames in the order of writing', () => {
    const ring = createRing(4, 'overwrite-oldest');
    for (let index = 0; index < 6; index += 1) {
      write(ring, index);
    }
    const order: number[] = [];
    for (;;) {
      using frame = ring.leaseNext();
      if (frame === null) {
        break;
      }
      order.push(frame.index);
    }
    expect(order).toEqual([2, 3, 4, 5]);
    expect(ring.counters()).toMatchObject({ written: 6, read: 4, overwrittenUnread: 2 });
  });

  it('never takes a slot that is held, and counts the refusal', () => {
    const ring = createRing(2, 'overwrite-oldest');
    write(ring, 0);
    write(ring, 1);
    const held = [ring.leaseNext(), ring.leaseNext()];
    expect(write(ring, 2)).toBe(false);
    expect(ring.counters().noSlot).toBe(1);
    held[0]?.[Symbol.dispose]();
    held[0]?.[Symbol.dispose]();
    expect(write(ring, 2)).toBe(true);
    expect(write(ring, 3)).toBe(true);
    expect(held[1] != null && isIntact(held[1])).toBe(true);
    expectConserved(ring);
  });

  it('finds a frame by index while it is there, without counting it as read', () => {
    const ring = createRing(3, 'overwrite-oldest');
    for (let index = 0; index < 5; index += 1) {
      write(ring, index);
    }
    expect(ring.lease(1)).toBeNull();
    using frame = ring.lease(3);
    expect(frame?.index).toBe(3);
    expect(ring.counters().read).toBe(0);
    expect(ring.unread()).toBe(3);
  });

  it('does not overwrite unread frames when it is to wait', async () => {
    const ring = createRing(2, 'wait');
    write(ring, 0);
    write(ring, 1);
    expect(ring.tryBeginWrite()).toBeNull();
    const waiting = ring.beginWrite();
    ring.leaseNext()?.[Symbol.dispose]();
    const slot = await waiting;
    expect(slot).not.toBeNull();
    if (slot !== null) {
      writeTestFrame(slot, 2);
    }
    expect(ring.counters()).toMatchObject({ written: 3, read: 1, overwrittenUnread: 0 });
  });

  it('frees a waiting writer when the reader gives up', async () => {
    const ring = createRing(2, 'wait');
    write(ring, 0);
    write(ring, 1);
    const waiting = ring.beginWrite();
    ring.close();
    expect(await waiting).toBeNull();
    expect(ring.tryBeginWrite()).toBeNull();
    expect(await ring.waitForFrame()).toBe('ended');
  });

  it('tells a waiting reader of a frame, and of the end only after the last frame', async () => {
    const ring = createRing(2, 'overwrite-oldest');
    const waiting = ring.waitForFrame();
    write(ring, 0);
    expect(await waiting).toBe('frame');
    ring.end();
    expect(await ring.waitForFrame()).toBe('frame');
    ring.leaseNext()?.[Symbol.dispose]();
    expect(await ring.waitForFrame()).toBe('ended');
  });

  it('gives an abandoned slot back and refuses to commit twice', () => {
    const ring = createRing(2, 'wait');
    const slot = ring.tryBeginWrite();
    slot?.abandon();
    expect(() => slot?.commit(describeTestFrame(0))).toThrow(/not being written/);
    expect(write(ring, 0) && write(ring, 1)).toBe(true);
    expect(ring.counters().written).toBe(2);
  });

  it.each([0, 1, 1.5])('refuses %d slots', (slots) => {
    expect(() => createRing(slots, 'wait')).toThrow(RangeError);
  });

  it('behaves like a list of frames under any sequence of calls', () => {
    const call = fc.oneof(
      { weight: 4, arbitrary: fc.constant({ kind: 'write' as const }) },
      { weight: 3, arbitrary: fc.constant({ kind: 'next' as const }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('lease' as const), back: fc.nat(6) }) },
      { weight: 3, arbitrary: fc.record({ kind: fc.constant('release' as const), which: fc.nat(10) }) },
    );
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 5 }),
        fc.constantFrom<RingPolicy>('overwrite-oldest', 'wait'),
        fc.array(call, { maxLength: 80 }),
        (slots, policy, calls) => {
          const ring = createRing(slots, policy);
          let model: { index: number; unread: boolean; leases: number }[] = [];
          const held: FrameLease[] = [];
          let written = 0;
          let overwritten = 0;
          for (const step of calls) {
            if (step.kind === 'write') {
              const victim =
                model.length < slots
                  ? undefined
                  : model.find(({ unread, leases }) => leases === 0 && (!unread || policy !== 'wait'));
              const possible = model.length < slots || victim !== undefined;
              expect(write(ring, written)).toBe(possible);
              if (possible) {
                overwritten += victim?.unread ? 1 : 0;
                model = [
                  ...model.filter((frame) => frame !== victim),
                  { index: written, unread: true, leases: 0 },
                ];
                written += 1;
              }
            } else if (step.kind === 'release') {
              const lease = held.splice(step.which, 1)[0];
              lease?.[Symbol.dispose]();
              const frame = model.find(({ index }) => index === lease?.index);
              if (frame !== undefined) {
                frame.leases -= 1;
              }
            } else {
              const expected =
                step.kind === 'next'
                  ? model.find(({ unread }) => unread)
                  : model.find(({ index }) => index === written - step.back);
              const lease = step.kind === 'next' ? ring.leaseNext() : ring.lease(written - step.back);
              expect(lease?.index).toBe(expected?.index);
              if (lease !== null && expected !== undefined) {
                held.push(lease);
                expected.leases += 1;
                expected.unread &&= step.kind !== 'next';
              }
            }
            expect(held.every(isIntact)).toBe(true);
            expectConserved(ring);
          }
          expect(ring.counters()).toMatchObject({ written, overwrittenUnread: overwritten });
        },
      ),
      { numRuns: 300 },
    );
  });
});

/** Starts a thread that writes `frames` frames as fast as the ring lets it, then ends the ring. */
function startWriter(ring: FrameRing, frames: number): Worker {
  const path = fileURLToPath(new URL('./ring-writer.ts', import.meta.url));
  return spawnTestWorker(path, { handle: ring.handle, frames });
}

function spawnTestWorker(path: string, workerData: unknown): Worker {
  const script = `require('tsx/cjs'); require(${JSON.stringify(path)});`;
  return new Worker(script, { eval: true, workerData });
}

describe('FrameRing between two threads', () => {
  it('never shows a torn frame while the writer overwrites at full speed', async () => {
    const frames = 40_000;
    const ring = createRing(4, 'overwrite-oldest');
    const writer = startWriter(ring, frames);
    const exited = new Promise((resolve) => writer.once('exit', resolve));
    let last = -1;
    let torn = 0;
    let disordered = 0;
    let read = 0;
    let foundByIndex = 0;
    while ((await ring.waitForFrame()) === 'frame') {
      for (let lease = ring.leaseNext(); lease !== null; lease = ring.leaseNext()) {
        using frame = lease;
        torn += isIntact(frame) ? 0 : 1;
        disordered += frame.index > last ? 0 : 1;
        last = frame.index;
        read += 1;
        using neighbour = ring.lease(frame.index + 1);
        foundByIndex += neighbour === null ? 0 : 1;
        torn += neighbour === null || (neighbour.index === frame.index + 1 && isIntact(neighbour)) ? 0 : 1;
      }
    }
    await exited;
    const counters = ring.counters();
    expect({ torn, disordered }).toEqual({ torn: 0, disordered: 0 });
    expect(counters.read).toBe(read);
    expect(counters.written).toBe(read + counters.overwrittenUnread);
    expect(counters.written + counters.noSlot).toBe(frames);
    // The test says nothing unless both sides met.
    expect(counters.overwrittenUnread).toBeGreaterThan(0);
    expect(read).toBeGreaterThan(100);
    expect(foundByIndex).toBeGreaterThan(10);
    expect(last).toBe(frames - 1);
  });

  it('loses nothing when the writer waits', async () => {
    const frames = 5_000;
    const ring = createRing(3, 'wait');
    startWriter(ring, frames);
    let next = 0;
    let torn = 0;
    while ((await ring.waitForFrame()) === 'frame') {
      for (let lease = ring.leaseNext(); lease !== null; lease = ring.leaseNext()) {
        using frame = lease;
        torn += frame.index === next && isIntact(frame) ? 0 : 1;
        next += 1;
      }
    }
    expect({ next, torn }).toEqual({ next: frames, torn: 0 });
    expect(ring.counters()).toEqual({ written: frames, read: frames, overwrittenUnread: 0, noSlot: 0 });
  });
});
