import fc from 'fast-check';
import { expect, it } from 'vitest';
import { EventQueue } from '../../../bench/scheduler/event-queue.ts';

it('gives events by time, and those of one time in the order they came in', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(20)), (times) => {
      const queue = new EventQueue<number>();
      for (const [order, atMs] of times.entries()) queue.add(atMs, order);
      const taken: { atMs: number; event: number }[] = [];
      for (let next = queue.take(); next !== null; next = queue.take()) taken.push(next);
      const expected = times
        .map((atMs, event) => ({ atMs, event }))
        .sort((a, b) => a.atMs - b.atMs || a.event - b.event);
      expect(taken.map(({ atMs, event }) => ({ atMs, event }))).toEqual(expected);
    }),
  );
});
