import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LaneTurns } from '../../../src/tracker/scheduling/lane-turns.ts';

/** Looks of so many milliseconds in a row by one stream, so that their length is known; the clock after them. */
function usualLength(turns: LaneTurns, ms: number): number {
  let now = 0;
  for (let turn = 0; turn < 40; turn++) {
    turns.ask('first', false, now);
    turns.began('first', true, now);
    now += ms;
    turns.ended(now);
  }
  turns.forget('first');
  return now;
}

describe('LaneTurns', () => {
  it('gives the turn to whoever has had none for longest', () => {
    const turns = new LaneTurns();
    for (const [at, id] of ['a', 'b', 'c'].entries()) {
      turns.ask(id, false, at);
      turns.began(id, true, at);
      turns.ended(at + 1);
    }
    for (const id of ['c', 'b', 'a']) turns.ask(id, false, 10);
    expect(['a', 'b', 'c'].map((id) => turns.isTurnOf(id, 10))).toEqual([true, false, false]);
  });

  it('lets streams that had no turn yet go first, in the order in which they came', () => {
    const turns = new LaneTurns();
    turns.ask('old', false, 0);
    turns.began('old', true, 0);
    turns.ended(1);
    turns.ask('z', false, 300);
    turns.ask('old', false, 310);
    turns.ask('b', false, 310);
    expect(['old', 'b', 'z'].map((id) => turns.isTurnOf(id, 320))).toEqual([false, false, true]);
  });

  it('does not wait for a stream that asks no more', () => {
    const turns = new LaneTurns();
    turns.ask('gone', false, 0);
    turns.ask('a', false, 1);
    expect(turns.isTurnOf('a', 499)).toBe(false);
    turns.ask('a', false, 500);
    expect(turns.isTurnOf('a', 500)).toBe(true);
  });

  it('waits for a stream no longer than a turn takes', () => {
    const turns = new LaneTurns();
    const now = usualLength(turns, 20);
    turns.ask('older', false, now);
    turns.ask('a', false, now + 1);
    expect(turns.isTurnOf('a', now + 18)).toBe(false);
    expect(turns.isTurnOf('a', now + 22)).toBe(true);
  });

  it('waits for a stream however long it takes, once others have had one and a half rounds of turns', () => {
    const turns = new LaneTurns();
    let now = usualLength(turns, 10);
    const begun = now;
    let others = 0;
    for (; others < 100; others++) {
      // The one that is always passed over asks just before each turn of the other ends.
      now += 11;
      turns.ask('older', false, now - 2);
      turns.ask('a', false, now);
      if (!turns.isTurnOf('a', now)) break;
      turns.began('a', true, now);
      now += 10;
      turns.ended(now);
    }
    expect(others).toBeGreaterThan(1);
    expect(others).toBeLessThan(6);
    expect(now).toBeGreaterThan(begun);
    expect(turns.isTurnOf('a', now + 400)).toBe(false);
    expect(turns.isTurnOf('older', now + 400)).toBe(true);
  });

  it('never passes over a stream for which a person waits', () => {
    const turns = new LaneTurns();
    const now = usualLength(turns, 20);
    turns.ask('older', true, now);
    turns.ask('a', false, now + 1);
    expect(turns.isTurnOf('a', now + 22)).toBe(false);
  });

  it('lets people go first', () => {
    const turns = new LaneTurns();
    turns.ask('a', false, 0);
    turns.ask('b', true, 5);
    expect(['a', 'b'].map((id) => turns.isTurnOf(id, 6))).toEqual([false, true]);
    turns.began('b', false, 6);
    turns.ended(7);
    turns.ask('b', false, 8);
    expect(['a', 'b'].map((id) => turns.isTurnOf(id, 8))).toEqual([true, false]);
  });

  it('gives nobody a turn at the cost of a stream that has waited far too long', () => {
    const turns = new LaneTurns();
    let now = usualLength(turns, 20);
    const begun = now;
    for (; ; now += 30) {
      turns.ask('a', false, now);
      turns.ask('asking', true, now);
      if (turns.isTurnOf('a', now)) break;
      turns.began('asking', true, now);
      turns.ended(now + 20);
    }
    expect(now - begun).toBeGreaterThan(1900);
    expect(now - begun).toBeLessThan(2200);
  });

  it('lets every stream have its turn, however often each of them asks', () => {
    const periods = fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(periods, fc.integer({ min: 1, max: 400 }), (every, lengthMs) => {
        const turns = new LaneTurns();
        const counts = every.map(() => 0);
        let busyUntil = 0;
        for (let now = 0; now < 30_000; now++) {
          if (busyUntil === now && now > 0) turns.ended(now);
          for (const [at, period] of every.entries()) {
            if (now % period !== 0) continue;
            turns.ask(`s${at}`, false, now);
            if (now < busyUntil || !turns.isTurnOf(`s${at}`, now)) continue;
            turns.began(`s${at}`, true, now);
            counts[at] = (counts[at] ?? 0) + 1;
            busyUntil = now + lengthMs;
          }
        }
        for (const count of counts) expect(count).toBeGreaterThan(5);
        // A long turn is worth waiting for whoever is next.
        if (lengthMs > 200) expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(2);
      }),
      { numRuns: 20 },
    );
  });
});
