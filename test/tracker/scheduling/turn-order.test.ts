import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { headStartMs, inTurn, type Waiting } from '../../../src/tracker/scheduling/turn-order.ts';

const stream = (streamId: string, ageMs: number, latenessMs = ageMs): Waiting => ({
  streamId,
  weightedAgeMs: ageMs,
  weightedLatenessMs: latenessMs,
  personWaitMs: null,
});
const person = (streamId: string, waitMs: number): Waiting => ({
  ...stream(streamId, 0),
  personWaitMs: waitMs,
});
const order = (...waiting: Waiting[]) => inTurn(waiting, 100).map(({ streamId }) => streamId);

describe('inTurn', () => {
  it('puts the oldest stream first, and decides ties by name', () => {
    expect(order(stream('b', 10), stream('c', 30), stream('a', 10))).toEqual(['c', 'a', 'b']);
  });

  it('puts people before streams, whoever has waited longest first', () => {
    expect(order(stream('a', 900), person('b', 1), person('c', 5))).toEqual(['c', 'b', 'a']);
  });

  it('lets a stream that starves go before people who have come since', () => {
    const starving = stream('a', headStartMs(100) + 500);
    expect(order(starving, person('b', 400), person('c', 600))).toEqual(['c', 'a', 'b']);
  });

  it('lets people go first where everybody has to wait for long', () => {
    const waiting = [stream('a', 9000), person('b', 10)];
    expect(inTurn(waiting, 8000)[0]?.streamId).toBe('b');
    expect(inTurn(waiting, 4000)[0]?.streamId).toBe('a');
  });

  it('leaves nobody out', () => {
    const waiting = fc.record({
      streamId: fc.string(),
      weightedAgeMs: fc.integer({ min: 0, max: 9000 }),
      weightedLatenessMs: fc.integer({ min: -100, max: 9000 }),
      personWaitMs: fc.option(fc.integer({ min: 0, max: 4000 })),
    });
    fc.assert(
      fc.property(fc.array(waiting), (all) => {
        const result = inTurn(all, 0);
        expect(result.length).toBe(all.length);
        expect(new Set(result)).toEqual(new Set(all));
      }),
    );
  });
});
