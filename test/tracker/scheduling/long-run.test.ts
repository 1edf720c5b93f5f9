import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SchedulingSettings, WorkCosts } from '../../../src/tracker/scheduling/device-snapshot.ts';
import { headStartMs } from '../../../src/tracker/scheduling/turn-order.ts';
import { type LoopStream, longestGap, runLoop } from './closed-loop.ts';

const settings: SchedulingSettings = { targetPerSecond: 10, maxTurnsPerTick: 8, pointBudgetMs: 10 };
const costs: WorkCosts = { tickMs: 2, encodeMs: 8, stepMs: 1, promptMs: 1, pointMs: 1 };
const many = (count: number, stream: LoopStream = {}): LoopStream[] =>
  Array.from({ length: count }, () => stream);

const loopStream: fc.Arbitrary<LoopStream> = fc
  .record({
    weight: fc.constantFrom(0.5, 1, 1, 2),
    priority: fc.integer({ min: 0, max: 2 }),
    objects: fc.integer({ min: 1, max: 12 }),
    points: fc.constantFrom(0, 50),
    person: fc.option(fc.constantFrom(50, 400, 3000), { freq: 4 }),
  })
  .map(({ person, ...stream }) => (person === null ? stream : { ...stream, personEveryMs: person }));

describe('a device that follows the policy', () => {
  it('starves no stream, whatever the load, the weights, the priorities and the people', () => {
    fc.assert(
      fc.property(
        fc.array(loopStream, { minLength: 1, maxLength: 16 }),
        fc.constantFrom(5, 20, 60),
        fc.constantFrom(1, 4, 16),
        (streams, encodeMs, maxTurnsPerTick) => {
          const forMs = 40_000;
          const busy = { ...costs, encodeMs };
          const run = { streams, costs: busy, settings: { ...settings, maxTurnsPerTick }, forMs };
          const { records } = runLoop(run);
          const roundMs = streams.reduce((sum, { objects = 1 }) => sum + encodeMs + objects + 14, 0);
          for (const [at, record] of records.entries()) {
            const weight = streams[at]?.weight ?? 1;
            const bound = 6000 + (headStartMs(roundMs) + 4 * roundMs) / weight;
            expect(longestGap(record, 0, forMs)).toBeLessThan(bound);
          }
        },
      ),
      { numRuns: 12 },
    );
  });

  it('gives everybody the target rate while there is time for it', () => {
    const { records, levels } = runLoop({ streams: many(5), costs, settings, forMs: 20_000 });
    for (const { turnsAtMs } of records) expect(turnsAtMs.length / 20).toBeGreaterThan(9.5);
    for (const { turnsAtMs } of records) expect(turnsAtMs.length / 20).toBeLessThanOrEqual(10.1);
    expect(Math.max(...levels.map(({ level }) => level))).toBe(0);
  });

  it('shares turns evenly where they are scarce', () => {
    const { records } = runLoop({ streams: many(40), costs, settings, forMs: 30_000 });
    const turns = records.map(({ turnsAtMs }) => turnsAtMs.length);
    expect(Math.max(...turns) / Math.min(...turns)).toBeLessThan(1.1);
  });

  it('shares turns by weight where they are scarce', () => {
    fc.assert(
      fc.property(fc.constantFrom(0.5, 2, 4), fc.constantFrom(30, 60, 120), (weight, count) => {
        const streams = [...many(count), ...many(count / 10, { weight })];
        const { records } = runLoop({ streams, costs, settings, forMs: 60_000 });
        const mean = (part: typeof records) =>
          part.reduce((sum, { turnsAtMs }) => sum + turnsAtMs.filter((ms) => ms > 10_000).length, 0) /
          part.length;
        const ratio = mean(records.slice(count)) / mean(records.slice(0, count));
        expect(ratio / weight).toBeGreaterThan(0.8);
        expect(ratio / weight).toBeLessThan(1.2);
      }),
      { numRuns: 4 },
    );
  });

  it('is degraded further by more streams, and uses its time all the same', () => {
    const ends = [5, 10, 15, 20, 40, 80].map((count) => {
      const { levels, decisions } = runLoop({ streams: many(count), costs, settings, forMs: 20_000 });
      const late = decisions.filter(({ atMs }) => atMs > 10_000);
      const busy = late.reduce((sum, { decision }) => sum + decision.estimatedMs, 0) / 10_000;
      return { level: levels.at(-1)?.level ?? 0, busy };
    });
    const levels = ends.map(({ level }) => level);
    expect(levels).toEqual(levels.toSorted((a, b) => a - b));
    expect(levels[0]).toBe(0);
    expect(levels.at(-1)).toBeGreaterThan(5);
    for (const { busy, level } of ends) if (level > 1) expect(busy).toBeGreaterThan(0.75);
  });

  it('comes back to normal step by step once the load is gone', () => {
    fc.assert(
      fc.property(fc.integer({ min: 15, max: 60 }), fc.integer({ min: 0, max: 2 }), (count, priority) => {
        const streams = [...many(5), ...many(count, { untilMs: 10_000, priority })];
        const { levels, records } = runLoop({ streams, costs, settings, forMs: 40_000 });
        expect(Math.max(...levels.map(({ level }) => level))).toBeGreaterThan(0);
        expect(levels.at(-1)?.level).toBe(0);
        for (const [at, { level }] of levels.entries()) {
          expect(Math.abs(level - (levels[at - 1]?.level ?? 0))).toBeLessThanOrEqual(1);
        }
        const last = records[0]?.turnsAtMs.filter((ms) => ms >= 38_000).length ?? 0;
        expect(last).toBeGreaterThanOrEqual(19);
      }),
      { numRuns: 4 },
    );
  });

  it('spares high priorities when even the lowest rate is too much', () => {
    const streams = [...many(4, { priority: 1 }), ...many(30)];
    const slow = { ...costs, encodeMs: 80 };
    const { records, levels } = runLoop({ streams, costs: slow, settings, forMs: 60_000 });
    expect(levels.at(-1)?.level).toBe(11);
    const turns = records.map(({ turnsAtMs }) => turnsAtMs.filter((ms) => ms > 20_000).length);
    const [least, most] = [Math.min(...turns.slice(0, 4)), Math.max(...turns.slice(4))];
    // The lowest rate of all is 1.25 a second.
    expect(least).toBeGreaterThan(40);
    expect(most).toBeLessThanOrEqual(8);
    expect(Math.min(...turns)).toBeGreaterThanOrEqual(5);
  });

  it('lets people wait for no more than what is under way, however late streams are', () => {
    const streams = [...many(60, { points: 100 }), { personEveryMs: 700 }];
    const { records } = runLoop({ streams, costs, settings, forMs: 30_000 });
    const waits = records.at(-1)?.personWaitsMs ?? [];
    expect(waits.length).toBeGreaterThan(40);
    // One tick of at most 150 ms and its points, and the camera's next frame.
    expect(Math.max(...waits)).toBeLessThanOrEqual(150 + 10 + 40);
  });

  it('looks for new objects however scarce time is', () => {
    const { decisions } = runLoop({ streams: many(60, { points: 100 }), costs, settings, forMs: 20_000 });
    const tried = new Map<string, number>();
    for (const { decision } of decisions) {
      for (const { streamId, points } of decision.work) {
        tried.set(streamId, (tried.get(streamId) ?? 0) + points);
      }
    }
    expect(tried.size).toBe(60);
  });
});
