import {
  type DegradationState,
  type DeviceSnapshot,
  hasWork,
  type SchedulingSettings,
  type StreamState,
  turnCost,
  type WorkCosts,
} from './device-snapshot.ts';

/** What a level of degradation means. */
export interface Measures {
  /** A tick may take in so many times `tickRoom`, so that no due stream is left out of it. */
  readonly stretch: number;
  /** What the target rate is divided by. */
  readonly slowdown: number;
  /** Priorities, lowest first, whose streams are hardly segmented any more. */
  readonly shedPriorities: number;
}

/** A tick may take so much longer than usual while nothing is wrong. */
const normalStretch = 1.5;
/** Steps are small, since what a step gives up beyond the need leaves the device idle. */
const slowdowns = [1.25, 1.6, 2, 2.5, 3.2, 4, 5, 6.4, 8] as const;
const firstSheddingLevel = 2 + slowdowns.length;
/** What a full tick takes by itself, as part of what it takes in. */
const overheadShare = 0.1;
/** Even a stream that is given up is segmented now and then. */
const shedIntervalMs = 5000;

/** Share of the device's time that is wanted, above which a level is too low: a shortage is first shared evenly. */
const raiseAbove = { normal: 0.95, degraded: 1.1 } as const;
/** A level is left downwards when the lower one would be wanted this much less than it takes to be raised from it. */
const lowerBelow = 0.85;
/** A turn that is so many intervals late shows that estimates are wrong. */
const lateIntervals = 3;
/** Sums of times are not exact. */
export const rounding = 1e-6;
const raiseAfterMs = 250;
const lowerAfterMs = 2000;

/**
 * Level 0 is normal. At 1 a tick takes in no more than usual, and streams that do not fit are propagated; from 2 on
 * the segmentation rate is lowered step by step; beyond that one priority after the other is given up.
 */
export function measuresAt(level: number): Measures {
  if (level <= 0) return { stretch: normalStretch, slowdown: 1, shedPriorities: 0 };
  const slowdown = level < 2 ? 1 : (slowdowns[level - 2] ?? slowdowns.at(-1) ?? 1);
  return { stretch: 1, slowdown, shedPriorities: Math.max(0, level + 1 - firstSheddingLevel) };
}

/** The highest level that makes a difference: the highest priority is never given up. */
export function topLevel(streams: readonly StreamState[]): number {
  const priorities = new Set(streams.map(({ priority }) => priority)).size;
  return firstSheddingLevel - 1 + Math.max(0, priorities - 1);
}

/** Says which streams a level gives up: those of a priority below the result. */
export function keptPriority(streams: readonly StreamState[], level: number): number {
  const { shedPriorities } = measuresAt(level);
  if (shedPriorities === 0) return Number.NEGATIVE_INFINITY;
  const priorities = [...new Set(streams.map(({ priority }) => priority))].sort((a, b) => a - b);
  return priorities[Math.min(shedPriorities, priorities.length - 1)] ?? Number.NEGATIVE_INFINITY;
}

/** Milliseconds between two turns of a stream at a level. A stream of greater weight is slowed down less. */
export function intervalAt(
  stream: StreamState,
  level: number,
  isShed: boolean,
  targetPerSecond: number,
): number {
  const { slowdown } = measuresAt(level);
  const slowed = slowdown === 1 ? 1 : Math.max(1, slowdown / stream.weight);
  const interval = (1000 / targetPerSecond) * slowed;
  return isShed ? Math.max(interval, shedIntervalMs) : interval;
}

/** From when on a stream may have its next turn at a level. */
export function dueAt(stream: StreamState, intervalMs: number, targetPerSecond: number): number {
  const isSlowed = intervalMs * targetPerSecond > 1000 + rounding;
  return isSlowed ? Math.max(stream.dueAtMs, stream.lastTurnAtMs + intervalMs) : stream.dueAtMs;
}

/**
 * Milliseconds of work that a tick takes in, beside what it takes by itself: enough that this hardly matters, and no
 * more, since whoever comes meanwhile waits for its end, and what is in it, too.
 */
export function tickRoom(costs: WorkCosts, { targetPerSecond }: SchedulingSettings): number {
  return Math.min(1000 / targetPerSecond, costs.tickMs / overheadShare);
}

/** Share of the device's time that its streams want at a level; above 1 there is not enough. */
export function demandAt({ streams, costs, settings }: DeviceSnapshot, level: number): number {
  const kept = keptPriority(streams, level);
  let turnsPerSecond = 0;
  let msPerSecond = 0;
  for (const stream of streams) {
    if (!hasWork(stream)) continue;
    const interval = intervalAt(stream, level, stream.priority < kept, settings.targetPerSecond);
    const rate = Math.min(stream.arrivalsPerSecond, 1000 / interval);
    turnsPerSecond += rate;
    msPerSecond += rate * turnCost(stream, costs);
  }
  if (costs.tickMs === 0) return msPerSecond / 1000;
  const ticks = Math.max(
    turnsPerSecond / settings.maxTurnsPerTick,
    msPerSecond / tickRoom(costs, settings),
    settings.targetPerSecond,
  );
  return (msPerSecond + Math.min(ticks, turnsPerSecond) * costs.tickMs) / 1000;
}

/** The next state of a device's degradation: one level up or down at most, and only after the load has lasted. */
export function nextDegradation(snapshot: DeviceSnapshot): DegradationState {
  const { nowMs, degradation, streams } = snapshot;
  const top = topLevel(streams);
  const level = Math.min(degradation.level, top);
  const isLate = lateness(snapshot, level) > lateIntervals;
  if (level < top && (isLate || demandAt(snapshot, level) > raiseThreshold(level))) {
    const since = degradation.pressedSinceMs ?? nowMs;
    const isOver = nowMs - since >= raiseAfterMs;
    return { level: isOver ? level + 1 : level, pressedSinceMs: isOver ? null : since, calmSinceMs: null };
  }
  if (level > 0 && !isLate && demandAt(snapshot, level - 1) < raiseThreshold(level - 1) * lowerBelow) {
    const since = degradation.calmSinceMs ?? nowMs;
    const isOver = nowMs - since >= lowerAfterMs;
    return { level: isOver ? level - 1 : level, pressedSinceMs: null, calmSinceMs: isOver ? null : since };
  }
  return { level, pressedSinceMs: null, calmSinceMs: null };
}

function raiseThreshold(level: number): number {
  return level === 0 ? raiseAbove.normal : raiseAbove.degraded;
}

/** How many of its intervals the stream that has waited longest is late. */
function lateness({ nowMs, streams, settings }: DeviceSnapshot, level: number): number {
  const kept = keptPriority(streams, level);
  let worst = 0;
  for (const stream of streams) {
    if (stream.frameAtMs === null || !hasWork(stream)) continue;
    const interval = intervalAt(stream, level, stream.priority < kept, settings.targetPerSecond);
    worst = Math.max(worst, (nowMs - dueAt(stream, interval, settings.targetPerSecond)) / interval);
  }
  return worst;
}
