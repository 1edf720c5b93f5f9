import { SeededRandom } from '../../test/support/scenes/seeded-random.ts';

/** A camera of a simulated day: when its frames come, and what there is to do for it. Times are milliseconds. */
export interface SimulatedCamera {
  readonly id: string;
  readonly weight: number;
  readonly priority: number;
  readonly framesPerSecond: number;
  /** Frames come this much late at most, each by chance. */
  readonly jitterMs: number;
  /** How often, in a minute, the network holds frames back for up to a second and then delivers all. */
  readonly stallsPerMinute: number;
  /** It sends from `fromMs` until `untilMs`. */
  readonly fromMs: number;
  readonly untilMs: number;
  readonly objects: number;
  /** Objects from then on, until then; null for as many all the time. */
  readonly crowd: { readonly fromMs: number; readonly untilMs: number; readonly objects: number } | null;
  /** How often, in a minute, a person prompts. */
  readonly promptsPerMinute: number;
}

/** A frame on its way. */
export interface FrameArrival {
  readonly capturedAtMs: number;
  readonly arrivesAtMs: number;
}

/** The frames of a camera in order of arrival, the same for the same seed. */
export function* frameArrivals(camera: SimulatedCamera, seed: number): Generator<FrameArrival> {
  const random = new SeededRandom(seed);
  const intervalMs = 1000 / camera.framesPerSecond;
  const stallChance = camera.stallsPerMinute / (60 * camera.framesPerSecond);
  let stalledUntilMs = 0;
  let lastMs = 0;
  const phase = random.between(0, intervalMs);
  for (let at = camera.fromMs + phase; at < camera.untilMs; at += intervalMs) {
    if (random.chance(stallChance)) stalledUntilMs = at + random.between(100, 1000);
    const arrivesAtMs = Math.max(at + random.between(0, camera.jitterMs), stalledUntilMs, lastMs);
    lastMs = arrivesAtMs;
    yield { capturedAtMs: at, arrivesAtMs };
  }
}

/** When people prompt on a camera. */
export function promptTimes(camera: SimulatedCamera, seed: number): number[] {
  if (camera.promptsPerMinute === 0) return [];
  const random = new SeededRandom(seed);
  const times: number[] = [];
  const mean = 60_000 / camera.promptsPerMinute;
  for (let at = camera.fromMs; ; ) {
    at += -mean * Math.log(1 - random.between(0, 1));
    if (at >= camera.untilMs) return times;
    times.push(at);
  }
}

/** A camera with nothing special about it. */
export const plainCamera: Omit<SimulatedCamera, 'id' | 'untilMs'> = {
  weight: 1,
  priority: 0,
  framesPerSecond: 25,
  jitterMs: 0,
  stallsPerMinute: 0,
  fromMs: 0,
  objects: 4,
  crowd: null,
  promptsPerMinute: 0,
};

/** So many cameras alike, numbered from `first`. */
export function cameras(
  count: number,
  changes: Partial<SimulatedCamera> & Pick<SimulatedCamera, 'untilMs'>,
  first = 0,
): SimulatedCamera[] {
  return Array.from({ length: count }, (_, at) => ({
    ...plainCamera,
    ...changes,
    id: `camera-${first + at}`,
  }));
}
