import { describe, expect, it } from 'vitest';
import { LaneTurn } from '../../src/tracker/lane-turn.ts';
import { ScriptedLane } from './scripted-lane.ts';

/** A lane that is free from the `answer`-th question on. */
class BusyLane extends ScriptedLane {
  questions = 0;
  readonly #freeFrom: number;

  constructor(freeFrom: number) {
    super();
    this.#freeFrom = freeFrom;
  }

  override canStart(): boolean {
    return ++this.questions >= this.#freeFrom;
  }
}

describe('LaneTurn', () => {
  it('comes at once on a free lane', async () => {
    const lane = new BusyLane(1);
    expect(await new LaneTurn(lane, 'a', true).come()).toBe(true);
    expect(lane.questions).toBe(1);
  });

  it('is waited for while the lane serves others', async () => {
    const lane = new BusyLane(5);
    expect(await new LaneTurn(lane, 'a', true).come()).toBe(true);
    expect(lane.questions).toBe(5);
  });

  it('is asked for once per frame where waiting takes no time', async () => {
    const lane = new BusyLane(3);
    const turn = new LaneTurn(lane, 'a', false);
    expect([await turn.come(), await turn.come(), await turn.come()]).toEqual([false, false, true]);
    expect(lane.questions).toBe(3);
  });

  it('gives a lane up that let a frame wait in vain, until it takes one again', async () => {
    const lane = new BusyLane(Number.POSITIVE_INFINITY);
    const turn = new LaneTurn(lane, 'a', true);
    expect(await turn.come()).toBe(false);
    const asked = lane.questions;
    expect(asked).toBeGreaterThan(1);
    expect(await turn.come()).toBe(false);
    expect(lane.questions).toBe(asked + 1);
  });
});
