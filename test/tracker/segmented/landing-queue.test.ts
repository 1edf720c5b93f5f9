import { describe, expect, it } from 'vitest';
import { MotionHistory } from '../../../src/tracker/propagation/motion-history.ts';
import { type Arrival, LandingQueue } from '../../../src/tracker/segmented/landing-queue.ts';
import { stillField, stillLogits } from '../still-mask.ts';

const grid = stillField();

/** A history in which everything goes right by `dx` luma pixels per frame. */
function historyOf(frames: number, dx = 1, capacity = 128): MotionHistory {
  const history = new MotionHistory(capacity);
  history.borrow(grid.lumaWidth, grid.lumaHeight);
  history.begin(0);
  for (let frame = 1; frame <= frames; frame++) record(history, frame, dx);
  return history;
}

function record(history: MotionHistory, frame: number, dx = 1): void {
  const field = history.borrow(grid.lumaWidth, grid.lumaHeight);
  field.dx.fill(-dx);
  field.weight.fill(1);
  history.record(frame);
}

function add(queue: LandingQueue, objectId: number, frameIndex: number, score = 0.9): void {
  const logits = stillLogits(4, 3, 8, 6);
  queue.add({ objectId, logits, score, frameIndex, appearance: null, isNew: false }, grid);
}

function land(queue: LandingQueue, limited = false): Arrival[] {
  const landed: Arrival[] = [];
  queue.land(limited, (arrival) => landed.push(arrival));
  return landed;
}

/** Leftmost column of a landed mask. */
function leftOf({ mask }: Arrival): number {
  const out = new Float32Array(32 * 24);
  mask.render(out);
  const columns = [...out.keys()].filter((at) => (out[at] as number) > 0).map((at) => at % 32);
  return Math.min(...columns);
}

describe('LandingQueue', () => {
  it('carries a late mask through all motion since its frame', () => {
    const queue = new LandingQueue(historyOf(8));
    add(queue, 1, 0, 0.7);
    const [landed] = land(queue);
    expect(landed).toMatchObject({ objectId: 1, score: 0.7, isNew: false });
    expect(landed?.mask.steps).toBe(8);
    // Eight luma pixels are four columns of the mask grid.
    expect(landed === undefined ? -1 : leftOf(landed)).toBe(8);
    expect(land(queue)).toEqual([]);
  });

  it('lands a mask about the present as it is', () => {
    const queue = new LandingQueue(historyOf(8));
    add(queue, 1, 8);
    expect(land(queue)[0]?.mask.steps).toBe(0);
  });

  it('drops masks from before a break in the motion', () => {
    const history = historyOf(8);
    const queue = new LandingQueue(history);
    add(queue, 1, 5);
    history.begin(9);
    add(queue, 2, 9);
    expect(land(queue).map(({ objectId }) => objectId)).toEqual([2]);
  });

  it('keeps only the newest mask of an object, and none that is not wanted any more', () => {
    const queue = new LandingQueue(historyOf(4));
    add(queue, 1, 0, 0.5);
    add(queue, 1, 2, 0.6);
    add(queue, 2, 0);
    queue.drop(2);
    expect(land(queue).map(({ objectId, score }) => ({ objectId, score }))).toEqual([
      { objectId: 1, score: 0.6 },
    ]);
    add(queue, 3, 0);
    queue.clear();
    expect(land(queue)).toEqual([]);
  });

  it('spreads a lot of carrying over frames, and everything lands up to date in the end', () => {
    const history = historyOf(100, 0.1);
    const queue = new LandingQueue(history);
    for (let objectId = 1; objectId <= 60; objectId++) add(queue, objectId, 0);
    const landed = new Map<number, number>();
    const perFrame: number[] = [];
    for (let frame = 101; frame < 228 && landed.size < 60; frame++) {
      record(history, frame, 0.1);
      const now = land(queue, true);
      perFrame.push(now.length);
      for (const { objectId, mask } of now) {
        expect(mask.steps).toBe(frame);
        expect(landed.has(objectId)).toBe(false);
        landed.set(objectId, frame);
      }
    }
    expect(landed.size).toBe(60);
    expect(perFrame.length).toBeGreaterThan(1);
  });

  it('carries everything at once where frames may wait', () => {
    const queue = new LandingQueue(historyOf(100, 0.1));
    for (let objectId = 1; objectId <= 60; objectId++) add(queue, objectId, 0);
    expect(land(queue)).toHaveLength(60);
  });
});
