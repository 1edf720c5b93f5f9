import { describe, expect, it } from 'vitest';
import { cameras } from '../../../bench/scheduler/camera-trace.ts';
import { jainIndex, type SimulationReport } from '../../../bench/scheduler/measures.ts';
import { PolicyDispatcher } from '../../../bench/scheduler/policy-dispatcher.ts';
import { type SimulatedDay, simulate } from '../../../bench/scheduler/simulation.ts';
import { TurnDispatcher } from '../../../bench/scheduler/turn-dispatcher.ts';

const forMs = 12_000;
const network = { jitterMs: 30, stallsPerMinute: 10, promptsPerMinute: 6 };
const settings = { targetPerSecond: 10, maxTurnsPerTick: 16, pointBudgetMs: 10 };
const day: SimulatedDay = {
  cameras: [
    ...cameras(30, { untilMs: forMs }),
    ...cameras(20, { untilMs: forMs, ...network }, 30),
    ...cameras(20, { fromMs: 3000, untilMs: 6000 }, 50),
  ],
  devices: 3,
  costs: { tickMs: 2, encodeMs: 4, stepMs: 0.5, promptMs: 1, pointMs: 0.5 },
  forMs,
  warmUpMs: 1000,
  loss: { fromMs: 4000, untilMs: 8000 },
  seed: 7,
};
const byPolicy = (): SimulationReport => simulate(day, () => new PolicyDispatcher(day.costs, settings));
const byTurns = (): SimulationReport => simulate(day, () => new TurnDispatcher(day.costs, settings));
const sum = (counts: Readonly<Record<string, number>>) =>
  Object.values(counts).reduce((total, count) => total + count, 0);

describe('simulate', () => {
  it.each([
    ['policy', byPolicy],
    ['turns', byTurns],
  ] as const)('accounts for every frame, however turns are given: by %s', (_, run) => {
    const { frames, turns, propagated, waiting } = run();
    // 50 cameras for twelve seconds and 20 for three; network jitter keeps a few on their way.
    expect(frames).toBeGreaterThan(25 * (50 * 12 + 20 * 3) - 100);
    expect(frames).toBeLessThanOrEqual(25 * (50 * 12 + 20 * 3));
    expect(sum(turns) + sum(propagated) + waiting).toBe(frames);
    expect(propagated['device_lost']).toBeGreaterThan(0);
  });

  it('comes to the same for the same day', () => {
    expect(byPolicy()).toEqual(byPolicy());
  });

  it('shows the loss of a device as degradation, and the recovery from it', () => {
    const { levels } = byPolicy();
    expect(Math.max(...levels.slice(4, 8))).toBeGreaterThan(levels[2] ?? 0);
    expect(levels.at(-1)).toBeLessThan(Math.max(...levels));
  });

  it('takes streams of a lost device to the others', () => {
    const { longestGapMs } = byPolicy();
    // A stall lasts a second at most, and the loss is noticed after 200 ms.
    expect(longestGapMs).toBeLessThan(2000);
  });

  it('never has devices work more than there is time', () => {
    for (const run of [byPolicy, byTurns]) {
      const { utilisation } = run();
      expect(utilisation).toBeGreaterThan(0);
      expect(utilisation).toBeLessThanOrEqual(1);
    }
  });

  it('finds the policy to be fairer and fresher than turns', () => {
    const [policy, turns] = [byPolicy(), byTurns()];
    expect(policy.fairness).toBeGreaterThan(0.98);
    expect(policy.fairness).toBeGreaterThanOrEqual(turns.fairness);
    expect(policy.maskAge.p50).toBeLessThan(turns.maskAge.p50);
    expect(policy.maskAge.p99).toBeLessThan(turns.maskAge.p99);
  });
});

describe('jainIndex', () => {
  const tally = (turns: number, weight = 1, liveMs = 2000) => ({ turns, weight, liveMs });

  it.each([
    ['1 when all have the same', [tally(5), tally(5), tally(5)], 1],
    ['1/n when one has all', [tally(9), tally(0), tally(0)], 1 / 3],
    [
      '1 when all have what their weight and time entitle them to',
      [tally(4, 2), tally(2), tally(4, 1, 4000)],
      1,
    ],
    ['of those that were there long enough', [tally(4), tally(0, 1, 500)], 1],
    ['1 when nobody had anything', [tally(0)], 1],
  ])('is %s', (_, tallies, expected) => {
    expect(jainIndex(tallies)).toBeCloseTo(expected, 9);
  });
});
