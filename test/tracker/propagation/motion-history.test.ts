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
});
