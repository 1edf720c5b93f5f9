import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  demandAt,
  keptPriority,
  measuresAt,
  nextDegradation,
  topLevel,
} from '../../../src/tracker/scheduling/degradation.ts';
import type { DeviceSnapshot, StreamState } from '../../../src/tracker/scheduling/device-snapshot.ts';
import { snapshots, streams } from './arbitrary-snapshot.ts';

const levels = Array.from({ length: 15 }, (_, level) => level);

describe('measuresAt', () => {
  it('first propagates what does not fit, then slows down, then gives up', () => {
    expect(measuresAt(0)).toEqual({ stretch: 1.5, slowdown: 1, shedPriorities: 0 });
    expect(measuresAt(1)).toEqual({ stretch: 1, slowdown: 1, shedPriorities: 0 });
    expect(measuresAt(2)).toEqual({ stretch: 1, slowdown: 1.25, shedPriorities: 0 });
    expect(measuresAt(10)).toEqual({ stretch: 1, slowdown: 8, shedPriorities: 0 });
    expect(measuresAt(12)).toEqual({ stretch: 1, slowdown: 8, shedPriorities: 2 });
  });
});

describe('keptPriority', () => {
  const of = (...priorities: number[]) => priorities.map((priority) => ({ priority }) as StreamState);

  it('gives up the lowest first, and never the highest', () => {
    const all = of(5, 1, 3, 1);
    expect([10, 11, 12, 13, 99].map((level) => keptPriority(all, level))).toEqual([-Infinity, 3, 5, 5, 5]);
    expect(topLevel(all)).toBe(12);
    expect(topLevel(of(4, 4))).toBe(10);
    expect(topLevel([])).toBe(10);
  });
});

describe('demandAt', () => {
  it('never wants more at a higher level', () => {
    fc.assert(
      fc.property(snapshots, (snapshot) => {
        for (const level of levels) {
          expect(demandAt(snapshot, level + 1)).toBeLessThanOrEqual(demandAt(snapshot, level) + 1e-9);
        }
      }),
    );
  });

  it('is the time that streams take of each second', () => {
    const stream = {
      priority: 0,
      weight: 1,
      arrivalsPerSecond: 25,
      objects: 4,
      points: 0,
      personPromptsAtMs: [],
    };
    const snapshot = {
      streams: [stream, { ...stream, arrivalsPerSecond: 5 }, { ...stream, objects: 0 }],
      costs: { tickMs: 2, encodeMs: 10, stepMs: 5, promptMs: 1, pointMs: 1 },
      settings: { targetPerSecond: 10, maxTurnsPerTick: 8, pointBudgetMs: 10 },
    } as unknown as DeviceSnapshot;
    // 10 + 5 turns of 30 ms, which is more than a tick takes in: each is one of its own.
    expect(demandAt(snapshot, 0)).toBeCloseTo(0.48, 9);
    // The slow camera is not slowed down further before its own rate is reached.
    expect(demandAt(snapshot, 4)).toBeCloseTo(0.32, 9);
    // Small turns share as many ticks as the target asks for.
    const small = { ...snapshot, costs: { ...snapshot.costs, encodeMs: 1, stepMs: 0 } };
    expect(demandAt(small, 0)).toBeCloseTo(0.035, 9);
  });
});

describe('nextDegradation', () => {
  /** The same device with more to do. */
  const heavier = (
    snapshot: DeviceSnapshot,
    more: readonly StreamState[],
    factor: number,
  ): DeviceSnapshot => ({
    ...snapshot,
    streams: [...snapshot.streams, ...more.map((stream) => ({ ...stream, id: `more-${stream.id}` }))],
    costs: {
      ...snapshot.costs,
      encodeMs: snapshot.costs.encodeMs * factor,
      stepMs: snapshot.costs.stepMs * factor,
    },
  });

  it('never comes to a lower level for more load', () => {
    fc.assert(
      fc.property(snapshots, streams, fc.constantFrom(1, 1.5, 4), (snapshot, more, factor) => {
        const { level } = nextDegradation(snapshot);
        expect(nextDegradation(heavier(snapshot, more, factor)).level).toBeGreaterThanOrEqual(level);
      }),
      { numRuns: 500 },
    );
  });

  it('goes one level at a time', () => {
    fc.assert(
      fc.property(snapshots, (snapshot) => {
        const before = Math.min(snapshot.degradation.level, topLevel(snapshot.streams));
        expect(Math.abs(nextDegradation(snapshot).level - before)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('settles under a load that does not change', () => {
    fc.assert(
      fc.property(snapshots, (start) => {
        // Nobody is late, so that the load is all that counts.
        const calm = start.streams.map((stream) => ({ ...stream, frameAtMs: null }));
        let snapshot = { ...start, streams: calm };
        const seen: number[] = [];
        for (let round = 0; round < 400; round++) {
          const degradation = nextDegradation(snapshot);
          seen.push(degradation.level);
          snapshot = { ...snapshot, degradation, nowMs: snapshot.nowMs + 100 };
        }
        expect(new Set(seen.slice(-50)).size).toBe(1);
        const level = seen.at(-1) ?? 0;
        if (demandAt(snapshot, 0) < 0.8) expect(level).toBe(0);
        if (level < topLevel(calm)) expect(demandAt(snapshot, level)).toBeLessThanOrEqual(1.1);
      }),
      { numRuns: 50 },
    );
  });
});
