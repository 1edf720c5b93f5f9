import { decideTick, type TickDecision } from '../../../src/tracker/scheduling/decide-tick.ts';
import {
  type DegradationState,
  noDegradation,
  type SchedulingSettings,
  type StreamState,
  type WorkCosts,
} from '../../../src/tracker/scheduling/device-snapshot.ts';

/** A camera whose frames never fail to come. */
export interface LoopStream {
  readonly weight?: number;
  readonly priority?: number;
  readonly objects?: number;
  /** Points that wait, always. */
  readonly points?: number;
  /** Between two prompts of people, milliseconds. */
  readonly personEveryMs?: number;
  /** Frames come from then on, and until then. */
  readonly fromMs?: number;
  readonly untilMs?: number;
}

export interface LoopOptions {
  readonly streams: readonly LoopStream[];
  readonly costs: WorkCosts;
  readonly settings: SchedulingSettings;
  readonly forMs: number;
  readonly from?: DegradationState;
}

/** What a device did for a stream. */
export interface LoopRecord {
  readonly turnsAtMs: number[];
  readonly personWaitsMs: number[];
}

export interface LoopOutcome {
  readonly records: readonly LoopRecord[];
  readonly levels: readonly { readonly atMs: number; readonly level: number }[];
  readonly decisions: readonly { readonly atMs: number; readonly decision: TickDecision }[];
}

const frameIntervalMs = 40;
const stepMs = 2;
type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Runs a device by the policy on a clock of its own: estimates are exact, and cameras send 25 frames per second. */
export function runLoop({ streams, costs, settings, forMs, from = noDegradation }: LoopOptions): LoopOutcome {
  const states: Mutable<StreamState & { personPromptsAtMs: number[] }>[] = streams.map((stream, at) => ({
    id: `s${at}`,
    weight: stream.weight ?? 1,
    priority: stream.priority ?? 0,
    frameAtMs: null,
    arrivalsPerSecond: 25,
    lastTurnAtMs: 0,
    dueAtMs: 0,
    objects: stream.objects ?? 1,
    personPromptsAtMs: [],
    points: stream.points ?? 0,
    pointsSinceMs: 0,
    keepsFeatures: false,
  }));
  const records: LoopRecord[] = streams.map(() => ({ turnsAtMs: [], personWaitsMs: [] }));
  const levels: { atMs: number; level: number }[] = [];
  const decisions: { atMs: number; decision: TickDecision }[] = [];
  let degradation = from;
  let busyUntilMs = 0;
  let decideAgainAtMs = 0;
  let hasArrivals = false;
  for (let now = 0; now < forMs; now += stepMs) {
    for (const [at, stream] of streams.entries()) {
      const state = states[at];
      if (state === undefined) continue;
      const isLive = now >= (stream.fromMs ?? 0) && now < (stream.untilMs ?? forMs);
      state.arrivalsPerSecond = isLive ? 1000 / frameIntervalMs : 0;
      if (!isLive) state.frameAtMs = null;
      else if ((now + 6 * at) % frameIntervalMs === 0) {
        state.frameAtMs = now;
        hasArrivals = true;
      }
      if (isLive && stream.personEveryMs !== undefined && now % stream.personEveryMs === 0) {
        state.personPromptsAtMs.push(now);
        hasArrivals = true;
      }
    }
    if (now < busyUntilMs || (!hasArrivals && now < decideAgainAtMs)) continue;
    hasArrivals = false;
    const decision = decideTick({ nowMs: now, busyUntilMs, streams: states, costs, degradation, settings });
    degradation = decision.degradation;
    levels.push({ atMs: now, level: degradation.level });
    decideAgainAtMs = decision.work.length === 0 ? decision.decideAgainAtMs : 0;
    if (decision.work.length === 0) continue;
    decisions.push({ atMs: now, decision });
    busyUntilMs = now + decision.estimatedMs;
    for (const { streamId, turn, prompts } of decision.work) {
      const at = Number(streamId.slice(1));
      const state = states[at];
      const record = records[at];
      if (state === undefined || record === undefined) continue;
      for (const asked of state.personPromptsAtMs.splice(0, prompts)) record.personWaitsMs.push(now - asked);
      if (turn === null) continue;
      record.turnsAtMs.push(now);
      state.lastTurnAtMs = now;
      state.dueAtMs = turn.nextDueAtMs;
      state.frameAtMs = null;
    }
  }
  return { records, levels, decisions };
}

/** The longest time without a turn, from the start of the stream's frames to the end. */
export function longestGap(record: LoopRecord, fromMs: number, toMs: number): number {
  const at = [fromMs, ...record.turnsAtMs.filter((ms) => ms >= fromMs && ms < toMs), toMs];
  return Math.max(...at.slice(1).map((ms, index) => ms - (at[index] ?? 0)));
}
