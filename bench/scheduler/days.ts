import type { SchedulingSettings, WorkCosts } from '../../src/tracker/scheduling/device-snapshot.ts';
import { cameras } from './camera-trace.ts';
import type { SimulatedDay } from './simulation.ts';

/** A day that dispatchers are compared on. */
export interface ComparedDay {
  readonly name: string;
  readonly day: SimulatedDay;
  readonly settings: SchedulingSettings;
  /** Whether to show as well what the policy does without batches. */
  readonly isolatesBatches?: boolean;
}

/** An assumed graphics card with a small SAM 2 at 512 pixels: not measured. */
const card: WorkCosts = { tickMs: 2, encodeMs: 2, stepMs: 0.25, promptMs: 0.5, pointMs: 0.3 };
/** MobileSAM on one thread of a CPU, by the order of what `segmentation` measures. */
const cpu: WorkCosts = { tickMs: 1, encodeMs: 350, stepMs: 12, promptMs: 25, pointMs: 25 };

const forMs = 70_000;
const always = { untilMs: forMs };
const basis = { forMs, warmUpMs: 5000, loss: null, seed: 1 };
const onCards = { ...basis, devices: 8, costs: card };
const settings = { maxTurnsPerTick: 32, pointBudgetMs: 10 };
/** People prompt on one camera in ten. */
const watched = { promptsPerMinute: 6 };

/** Cameras of every kind, a quarter of which send at the same time for ten seconds only. */
function mixed(): SimulatedDay['cameras'] {
  const network = { jitterMs: 30, stallsPerMinute: 4 };
  const crowd = { fromMs: 20_000, untilMs: 30_000, objects: 10 };
  return [
    ...cameras(170, always),
    ...cameras(110, { ...always, ...network }, 170),
    ...cameras(40, { ...always, ...network, ...watched }, 280),
    ...cameras(30, { ...always, crowd }, 320),
    ...cameras(20, { ...always, priority: 1 }, 350),
    ...cameras(130, { fromMs: 20_000, untilMs: 30_000 }, 370),
  ];
}

export const comparedDays: readonly ComparedDay[] = [
  {
    name: '128 constant',
    day: { ...onCards, cameras: [...cameras(112, always), ...cameras(16, { ...always, ...watched }, 112)] },
    settings: { ...settings, targetPerSecond: 15 },
  },
  {
    name: '128 jitter',
    day: {
      ...onCards,
      cameras: [
        ...cameras(112, { ...always, jitterMs: 30, stallsPerMinute: 4 }),
        ...cameras(16, { ...always, jitterMs: 30, stallsPerMinute: 4, ...watched }, 112),
      ],
    },
    settings: { ...settings, targetPerSecond: 15 },
  },
  {
    name: '500 bursts',
    day: { ...onCards, cameras: mixed() },
    settings: { ...settings, targetPerSecond: 5 },
  },
  {
    name: '500 bursts, one of 8 lost',
    day: { ...onCards, cameras: mixed(), loss: { fromMs: 24_000, untilMs: 50_000 } },
    settings: { ...settings, targetPerSecond: 5 },
    isolatesBatches: true,
  },
  {
    name: '500 overload',
    day: { ...onCards, cameras: mixed() },
    settings: { ...settings, targetPerSecond: 15 },
  },
  {
    name: '4 on a CPU',
    day: {
      ...basis,
      devices: 1,
      costs: cpu,
      cameras: [...cameras(3, always), ...cameras(1, { ...always, ...watched }, 3)],
    },
    settings: { targetPerSecond: 15, maxTurnsPerTick: 1, pointBudgetMs: 200 },
  },
];
