import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decideTick, type StreamWork } from '../../../src/tracker/scheduling/decide-tick.ts';
import { tickRoom } from '../../../src/tracker/scheduling/degradation.ts';
import {
  type DeviceSnapshot,
  hasWork,
  noDegradation,
  roundOf,
  type StreamState,
  turnCost,
} from '../../../src/tracker/scheduling/device-snapshot.ts';
import { standingsAt } from '../../../src/tracker/scheduling/stream-standing.ts';
import { headStartMs } from '../../../src/tracker/scheduling/turn-order.ts';
import { nowMs, snapshots } from './arbitrary-snapshot.ts';

const plain: StreamState = {
  id: 'a',
  weight: 1,
  priority: 0,
  frameAtMs: nowMs - 10,
  arrivalsPerSecond: 25,
  lastTurnAtMs: nowMs - 100,
  dueAtMs: nowMs - 5,
  objects: 2,
  personPromptsAtMs: [],
  points: 0,
  pointsSinceMs: 0,
  keepsFeatures: false,
};

function snapshotOf(streams: readonly StreamState[], changes: Partial<DeviceSnapshot> = {}): DeviceSnapshot {
  return {
    nowMs,
    busyUntilMs: nowMs,
    streams,
    costs: { tickMs: 2, encodeMs: 5, stepMs: 1, promptMs: 1, pointMs: 0.5 },
    degradation: noDegradation,
    settings: { targetPerSecond: 10, maxTurnsPerTick: 16, pointBudgetMs: 10 },
    ...changes,
  };
}

const turnsOf = (work: readonly StreamWork[]) =>
  work.flatMap(({ streamId, turn }) => (turn ? [streamId] : []));

describe('decideTick', () => {
  it('gives every due stream a turn in one batch, whoever has waited longest first', () => {
    const { work, estimatedMs } = decideTick(
      snapshotOf([
        plain,
        { ...plain, id: 'b', lastTurnAtMs: nowMs - 300 },
        { ...plain, id: 'c', dueAtMs: nowMs + 1 },
        { ...plain, id: 'd', frameAtMs: null },
      ]),
    );
    expect(turnsOf(work)).toEqual(['b', 'a']);
    expect(estimatedMs).toBe(2 + 2 * 7);
  });

  it.each([
    ['the device is busy', { busyUntilMs: nowMs + 1 }, {}, 'device_busy'],
    ['there is nothing to find', {}, { objects: 0 }, 'nothing_to_find'],
    ['the target rate is met', {}, { dueAtMs: nowMs + 30 }, 'not_due'],
    [
      'the rate is lowered',
      { degradation: { ...noDegradation, level: 10 }, costs: { ...snapshotOf([]).costs, encodeMs: 900 } },
      {},
      'slowed',
    ],
  ] as const)('propagates a stream while %s, and says so', (_, changes, stream, reason) => {
    const { work, propagated } = decideTick(snapshotOf([{ ...plain, ...stream }], changes));
    expect(work).toEqual([]);
    expect(propagated).toEqual([{ streamId: 'a', reason }]);
  });

  it('gives up streams of low priority at last, and says so', () => {
    const degradation = { ...noDegradation, level: 11 };
    const streams = [{ ...plain, lastTurnAtMs: nowMs - 1000 }];
    streams.push({ ...plain, id: 'b', priority: 1, lastTurnAtMs: nowMs - 1000 });
    const { work, propagated } = decideTick(snapshotOf(streams, { degradation }));
    expect(work).toMatchObject([{ streamId: 'b', turn: { reason: 'slowed' } }]);
    expect(propagated).toEqual([{ streamId: 'a', reason: 'shed' }]);
    const later = streams.map((stream) => ({ ...stream, lastTurnAtMs: nowMs - 5000 }));
    expect(decideTick(snapshotOf(later, { degradation })).work).toMatchObject([
      { streamId: 'b', turn: { reason: 'slowed' } },
      { streamId: 'a', turn: { reason: 'shed' } },
    ]);
  });

  it('decodes prompts on what is kept, without a turn', () => {
    const asked = { ...plain, frameAtMs: null, keepsFeatures: true, personPromptsAtMs: [nowMs - 4, nowMs] };
    expect(decideTick(snapshotOf([asked])).work).toEqual([
      { streamId: 'a', turn: null, prompts: 2, points: 0 },
    ]);
  });

  it('gives a stream a turn before its time for a person', () => {
    const asked = { ...plain, dueAtMs: nowMs + 50, personPromptsAtMs: [nowMs] };
    const { work } = decideTick(snapshotOf([asked]));
    expect(work).toMatchObject([{ turn: { reason: 'person', nextDueAtMs: nowMs + 150 }, prompts: 1 }]);
  });

  it('shares points evenly, as many as fit before the next stream is due', () => {
    const streams = [
      { ...plain, points: 30 },
      { ...plain, id: 'b', points: 3 },
      { ...plain, id: 'c', dueAtMs: nowMs + 20 },
    ];
    const decision = decideTick(
      snapshotOf(streams, { settings: { ...snapshotOf([]).settings, pointBudgetMs: 2 } }),
    );
    // 16 ms of turns leave 4 of 20, and the budget adds 2.
    expect(decision).toMatchObject({ pointsAllowedMs: 6, pointsMs: 6 });
    expect(decision.work.map(({ points }) => points)).toEqual([9, 3]);
  });

  it('looks again when the next waiting frame is due', () => {
    const streams = [
      { ...plain, dueAtMs: nowMs + 30 },
      { ...plain, id: 'b', dueAtMs: nowMs + 20, frameAtMs: null },
    ];
    expect(decideTick(snapshotOf(streams)).decideAgainAtMs).toBe(nowMs + 30);
  });
});

describe('decideTick, whatever the state', () => {
  it('works on every frame or says why not, and on nothing twice', () => {
    fc.assert(
      fc.property(snapshots, (snapshot) => {
        const { work, propagated } = decideTick(snapshot);
        const withFrame = snapshot.streams.filter(({ frameAtMs }) => frameAtMs !== null).map(({ id }) => id);
        expect([...turnsOf(work), ...propagated.map(({ streamId }) => streamId)].sort()).toEqual(
          withFrame.sort(),
        );
        expect(new Set(work.map(({ streamId }) => streamId)).size).toBe(work.length);
        for (const { turn, prompts, points } of work) {
          expect(turn !== null || prompts > 0 || points > 0).toBe(true);
        }
      }),
    );
  });

  it('promises no more than there is', () => {
    fc.assert(
      fc.property(snapshots, (snapshot) => {
        const byId = new Map(snapshot.streams.map((stream) => [stream.id, stream]));
        const { work } = decideTick(snapshot);
        expect(turnsOf(work).length).toBeLessThanOrEqual(snapshot.settings.maxTurnsPerTick);
        for (const { streamId, turn, prompts, points } of work) {
          const stream = byId.get(streamId);
          expect(prompts).toBeLessThanOrEqual(stream?.personPromptsAtMs.length ?? -1);
          expect(points).toBeLessThanOrEqual(stream?.points ?? -1);
          expect(turn === null ? stream?.keepsFeatures : stream?.frameAtMs !== null).toBe(true);
        }
      }),
    );
  });

  it('never leaves the device idle while a stream is due', () => {
    fc.assert(
      fc.property(snapshots, (snapshot) => {
        const { work, degradation } = decideTick(snapshot);
        const isWanted = standingsAt(snapshot, degradation.level).some(({ wants }) => wants !== 'nothing');
        if (isWanted) expect(work.length).toBeGreaterThan(0);
      }),
    );
  });

  it('serves people before streams that are not starving, and points after everybody', () => {
    fc.assert(
      fc.property(snapshots, (snapshot) => {
        const { work, degradation, pointsMs } = decideTick(snapshot);
        const served = new Map(work.map((item) => [item.streamId, item]));
        const standings = standingsAt(snapshot, degradation.level);
        const asking = standings.filter(({ personWaitMs }) => personWaitMs !== null);
        const unserved = asking.filter(({ streamId }) => (served.get(streamId)?.prompts ?? 0) === 0);
        const headStart = headStartMs(roundOf(snapshot));
        for (const { personWaitMs } of unserved) {
          for (const other of standings) {
            if (other.personWaitMs !== null || (served.get(other.streamId)?.turn ?? null) === null) continue;
            expect(other.weightedLatenessMs).toBeGreaterThan((personWaitMs ?? 0) + headStart);
          }
        }
        if (unserved.length > 0) expect(pointsMs).toBe(0);
      }),
    );
  });

  it('lets points delay nothing that is due by more than their budget', () => {
    fc.assert(
      fc.property(snapshots, (snapshot) => {
        const { work, estimatedMs, pointsMs, degradation } = decideTick(snapshot);
        if (pointsMs === 0) return;
        const turns = new Set(turnsOf(work));
        const withoutPoints = nowMs + estimatedMs - pointsMs;
        for (const { stream, dueAtMs, intervalMs } of standingsAt(snapshot, degradation.level)) {
          if (!hasWork(stream)) continue;
          const due = turns.has(stream.id) ? nowMs + intervalMs : dueAtMs;
          const delay = nowMs + estimatedMs - Math.max(due, withoutPoints);
          expect(delay).toBeLessThanOrEqual(snapshot.settings.pointBudgetMs + 1e-6);
        }
      }),
    );
  });

  it('estimates the sum of what it asks for, and overruns a tick only for a single stream', () => {
    fc.assert(
      fc.property(snapshots, (snapshot) => {
        const { costs, settings } = snapshot;
        const byId = new Map(snapshot.streams.map((stream) => [stream.id, stream]));
        const { work, estimatedMs, pointsMs } = decideTick(snapshot);
        let ms = work.length === 0 ? 0 : costs.tickMs;
        for (const { streamId, turn, prompts, points } of work) {
          const stream = byId.get(streamId);
          if (stream === undefined) throw new Error(streamId);
          ms +=
            (turn === null ? 0 : turnCost(stream, costs)) + prompts * costs.promptMs + points * costs.pointMs;
        }
        expect(estimatedMs).toBeCloseTo(ms, 6);
        const asked = work.filter(({ turn, prompts }) => turn !== null || prompts > 0).length;
        const room = costs.tickMs + 1.5 * tickRoom(costs, settings);
        if (asked > 1) expect(estimatedMs - pointsMs).toBeLessThanOrEqual(room + 1e-6);
      }),
    );
  });

  it('decides the same for the same state, in whatever order streams are listed', () => {
    fc.assert(
      fc.property(snapshots, fc.integer(), (snapshot, seed) => {
        const byId = (a: { streamId: string }, b: { streamId: string }) => (a.streamId < b.streamId ? -1 : 1);
        const sorted = (decision: ReturnType<typeof decideTick>) => ({
          ...decision,
          work: decision.work.toSorted(byId),
          propagated: decision.propagated.toSorted(byId),
        });
        const decision = sorted(decideTick(structuredClone(snapshot)));
        const rotated = snapshot.streams.map(
          (_, at, all) => all[(at + Math.abs(seed)) % all.length] as StreamState,
        );
        const other = sorted(decideTick({ ...snapshot, streams: rotated }));
        expect(other.work).toEqual(decision.work);
        expect(other.propagated).toEqual(decision.propagated);
        expect(other.degradation).toEqual(decision.degradation);
      }),
    );
  });
});
