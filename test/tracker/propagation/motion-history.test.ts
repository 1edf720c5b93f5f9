import { describe, expect, it } from 'vitest';
import { MotionHistory } from '../../../src/tracker/propagation/motion-history.ts';

/** Records motions that lead to the given pictures; the first value of each field tells which. */
function recorded(history: MotionHistory, frames: readonly number[]): void {
  for (const frame of frames) {
    history.borrow(64, 32).dx[0] = frame;
    history.record(frame);
  }
}

const led = (history: MotionHistory, since: number) => history.since(since)?.map((field) => field.dx[0]);

/** The motion of all legs since a picture, where it is the same everywhere. */
function sumOf(history: MotionHistory, since: number): { dx: number; dy: number } {
  const total = { dx: 0, dy: 0 };
  for (const { dx, dy } of history.since(since) ?? []) {
    total.dx += dx[9] ?? Number.NaN;
    total.dy += dy[9] ?? Number.NaN;
  }
  return total;
}

describe('MotionHistory', () => {
  it('knows nothing before its first picture', () => {
    const history = new MotionHistory(4);
    expect(history.since(0)).toBeNull();
    history.borrow(64, 32);
    history.begin(5);
    expect(history.since(4)).toBeNull();
    expect(history.since(5)).toEqual([]);
  });

  it('gives the motion since a picture, oldest first', () => {
    const history = new MotionHistory(8);
    history.borrow(64, 32);
    history.begin(10);
    recorded(history, [11, 12, 15, 16]);
    expect(led(history, 10)).toEqual([11, 12, 15, 16]);
    expect(led(history, 12)).toEqual([15, 16]);
    expect(led(history, 13)).toEqual([15, 16]);
    expect(led(history, 16)).toEqual([]);
    expect(history.frameAfter(10, 2)).toBe(12);
    expect(history.frameAfter(12, 1)).toBe(15);
    expect(history.frameAfter(12, 0)).toBe(12);
  });

  it('keeps order and says what it has forgotten once it is full', () => {
    const history = new MotionHistory(4);
    history.borrow(64, 32);
    history.begin(0);
    recorded(history, [1, 2, 3, 4, 5, 6]);
    expect(led(history, 2)).toEqual([3, 4, 5, 6]);
    expect(history.since(1)).toBeNull();
    expect(history.since(0)).toBeNull();
    // A borrowed field is overwritten: what led to picture 3 cannot be told any more.
    history.borrow(64, 32);
    expect(history.since(2)).toBeNull();
    expect(led(history, 3)).toEqual([4, 5, 6]);
  });

  it('forgets everything before a break', () => {
    const history = new MotionHistory(4);
    history.borrow(64, 32);
    history.begin(0);
    recorded(history, [1, 2]);
    history.begin(3);
    expect(history.since(2)).toBeNull();
    recorded(history, [4]);
    expect(led(history, 3)).toEqual([4]);
  });

  it('forgets everything when pictures change their size', () => {
    const history = new MotionHistory(4);
    history.borrow(64, 32);
    history.begin(0);
    recorded(history, [1, 2]);
    const field = history.borrow(128, 64);
    expect(field).toMatchObject({ lumaWidth: 128, lumaHeight: 64 });
    expect(history.since(1)).toBeNull();
    history.begin(3);
    expect(history.since(3)).toEqual([]);
  });

  it('allocates nothing once it is full', () => {
    const history = new MotionHistory(3);
    const fields = new Set();
    for (let frame = 1; frame < 20; frame++) {
      fields.add(history.borrow(64, 32));
      history.record(frame);
    }
    expect(fields.size).toBe(3);
  });

  it('keeps the way back to a held picture however far back it is, in bounded memory', () => {
    const history = new MotionHistory(16);
    history.borrow(64, 32);
    history.begin(0);
    const fields = new Set();
    for (let frame = 1; frame <= 5000; frame++) {
      const held = frame > 1000 ? [40, 1000] : [40];
      const field = history.borrow(64, 32, held);
      fields.add(field);
      field.dx.fill(-1);
      field.dy.fill(frame % 2);
      field.weight.fill(0.5);
      history.record(frame);
    }
    expect(fields.size).toBe(16);
    for (const held of [40, 1000]) {
      const total = sumOf(history, held);
      expect(total.dx).toBeCloseTo(held - 5000, 1);
      expect(total.dy).toBeCloseTo((5000 - held) / 2, 1);
    }
    expect(history.since(0)).toBeNull();
    // Landings end on pictures that legs lead to.
    expect(history.frameAfter(40, history.since(40)?.length ?? 0)).toBe(5000);
  });

  it('is the more precise the newer the motion is', () => {
    const history = new MotionHistory(16);
    history.borrow(64, 32);
    history.begin(0);
    for (let frame = 1; frame <= 400; frame++) {
      history.borrow(64, 32, [0]);
      history.record(frame);
    }
    const legs = history.since(0)?.length ?? 0;
    const ends = Array.from({ length: legs }, (_, at) => history.frameAfter(0, at + 1));
    const spans = ends.map((end, at) => end - (ends[at - 1] ?? 0));
    expect(spans.at(-1)).toBe(1);
    expect(spans.at(-2)).toBe(1);
    for (const [at, span] of spans.entries()) {
      const age = 400 - (ends[at] ?? 0);
      expect(span).toBeLessThanOrEqual(1 + age);
    }
    expect(history.since(0)?.map(({ isComposed }) => isComposed)).toEqual(spans.map((span) => span > 1));
  });

  it('forgets what is older than every held picture before it loses precision', () => {
    const history = new MotionHistory(8);
    history.borrow(64, 32);
    history.begin(0);
    for (let frame = 1; frame <= 20; frame++) {
      history.borrow(64, 32, [15]);
      history.record(frame);
    }
    expect(history.since(15)).toHaveLength(5);
    expect(history.since(15)?.some(({ isComposed }) => isComposed)).toBe(false);
    expect(history.since(11)).toBeNull();
  });

  it('holds on to nothing from before a break', () => {
    const history = new MotionHistory(8);
    history.borrow(64, 32);
    history.begin(0);
    for (let frame = 1; frame <= 5; frame++) {
      history.borrow(64, 32, [2]);
      history.record(frame);
    }
    history.begin(6);
    expect(history.since(2)).toBeNull();
    for (let frame = 7; frame <= 40; frame++) {
      history.borrow(64, 32, [2]);
      history.record(frame);
    }
    expect(history.since(2)).toBeNull();
    expect(history.since(40)).toEqual([]);
  });
});
