import fc from 'fast-check';
import type {
  DegradationState,
  DeviceSnapshot,
  SchedulingSettings,
  StreamState,
  WorkCosts,
} from '../../../src/tracker/scheduling/device-snapshot.ts';

export const nowMs = 100_000;
const ago = (most: number) => fc.integer({ min: 0, max: most }).map((ms) => nowMs - ms);

export const costs: fc.Arbitrary<WorkCosts> = fc.record({
  tickMs: fc.integer({ min: 0, max: 10 }),
  encodeMs: fc.integer({ min: 1, max: 400 }),
  stepMs: fc.integer({ min: 0, max: 40 }),
  promptMs: fc.integer({ min: 0, max: 40 }),
  pointMs: fc.integer({ min: 1, max: 40 }),
});

export const settings: fc.Arbitrary<SchedulingSettings> = fc.record({
  targetPerSecond: fc.integer({ min: 1, max: 30 }),
  maxTurnsPerTick: fc.integer({ min: 1, max: 32 }),
  pointBudgetMs: fc.integer({ min: 0, max: 200 }),
});

const stream: fc.Arbitrary<Omit<StreamState, 'id'>> = fc.record({
  weight: fc.constantFrom(0.25, 0.5, 1, 1, 1, 2, 4),
  priority: fc.integer({ min: 0, max: 3 }),
  frameAtMs: fc.option(ago(200)),
  arrivalsPerSecond: fc.constantFrom(0, 5, 15, 25, 30),
  lastTurnAtMs: ago(8000),
  dueAtMs: fc.integer({ min: nowMs - 8000, max: nowMs + 1000 }),
  objects: fc.integer({ min: 0, max: 20 }),
  personPromptsAtMs: fc.oneof(
    { weight: 3, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.array(ago(3000), { maxLength: 4 }).map((at) => at.sort((a, b) => a - b)) },
  ),
  points: fc.constantFrom(0, 0, 1, 16, 100),
  pointsSinceMs: ago(2000),
  keepsFeatures: fc.boolean(),
});

export const streams: fc.Arbitrary<StreamState[]> = fc
  .array(stream, { maxLength: 24 })
  .map((all) => all.map((state, at) => ({ ...state, id: `s${at}` })));

export const degradation: fc.Arbitrary<DegradationState> = fc.oneof(
  fc.record({
    level: fc.integer({ min: 0, max: 14 }),
    pressedSinceMs: fc.option(ago(400)),
    calmSinceMs: fc.constant(null),
  }),
  fc.record({
    level: fc.integer({ min: 0, max: 14 }),
    pressedSinceMs: fc.constant(null),
    calmSinceMs: fc.option(ago(3000)),
  }),
);

/** Any state of a device that is free. */
export const snapshots: fc.Arbitrary<DeviceSnapshot> = fc.record({
  nowMs: fc.constant(nowMs),
  busyUntilMs: fc.constant(nowMs),
  streams,
  costs,
  degradation,
  settings,
});
