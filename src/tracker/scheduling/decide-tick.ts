import { demandAt, measuresAt, nextDegradation, tickRoom } from './degradation.ts';
import { type DegradationState, type DeviceSnapshot, hasWork, roundOf, turnCost } from './device-snapshot.ts';
import { dealPoints } from './point-slices.ts';
import {
  type PropagationReason,
  type StreamStanding,
  standingsAt,
  type TurnReason,
} from './stream-standing.ts';
import { inTurn } from './turn-order.ts';

/** What a stream gets in a tick. */
export interface StreamWork {
  readonly streamId: string;
  /** Its newest frame is encoded and its objects are looked for; null to prompt on what is kept of its last turn. */
  readonly turn: { readonly reason: TurnReason; readonly nextDueAtMs: number } | null;
  /** Prompts of people to decode, oldest first. */
  readonly prompts: number;
  /** Points to try for new objects. */
  readonly points: number;
}

/** What a device does next. */
export interface TickDecision {
  /** Empty when it waits. */
  readonly work: readonly StreamWork[];
  /** The streams whose newest frame is not worked on. */
  readonly propagated: readonly { readonly streamId: string; readonly reason: PropagationReason }[];
  readonly degradation: DegradationState;
  /** What the work will take, by the costs that are known, milliseconds. */
  readonly estimatedMs: number;
  /** Part of it that points take, and how much they might have taken. */
  readonly pointsMs: number;
  readonly pointsAllowedMs: number;
  /** Where it waits: when another decision may differ even if no frame and no prompt arrives. */
  readonly decideAgainAtMs: number;
}

/** Once degraded, a device reconsiders so often, whatever arrives. */
const reconsiderMs = 100;
/** However scarce time is, points may take so much of what a tick takes, or one of them: objects are always looked for. */
const leastPointShare = 0.05;
/** Points leave so much of a device's time alone, since a device without spare time is never on time. */
const usableShare = 0.9;

/** What a tick holds before points are added. */
interface FilledTick {
  readonly taken: readonly { readonly standing: StreamStanding; readonly prompts: number }[];
  readonly ms: number;
}

/**
 * Decides what a device does next, from nothing but the snapshot: which streams' newest frames it encodes and steps in
 * one batch, which prompts it decodes, and how many points for new objects fit beside. Every stream with a frame either
 * has a turn or a reason why it is propagated.
 */
export function decideTick(snapshot: DeviceSnapshot): TickDecision {
  const degradation = nextDegradation(snapshot);
  const standings = standingsAt(snapshot, degradation.level);
  const applicants = inTurn(
    standings.filter(({ wants }) => wants !== 'nothing'),
    roundOf(snapshot),
  );
  const tick = filledTick(applicants, snapshot, measuresAt(degradation.level).stretch);
  const turns = new Set(
    tick.taken.filter(({ standing }) => standing.wants === 'turn').map(({ standing }) => standing.stream),
  );
  const nextDueMs = nextDue(standings, turns, snapshot.nowMs);
  const isFree = snapshot.nowMs >= snapshot.busyUntilMs;
  const pointsAllowedMs =
    isFree && servesAllPeople(applicants, tick)
      ? Math.max(0, nextDueMs - snapshot.nowMs - tick.ms) + pointBudget(snapshot, degradation.level, tick.ms)
      : 0;
  const points = pointsBeside(tick, turns, standings, snapshot, pointsAllowedMs);
  return {
    work: workOf(tick, points.dealt, snapshot),
    propagated: standings
      .filter(({ stream }) => stream.frameAtMs !== null && !turns.has(stream))
      .map(({ streamId, propagationReason: reason }) => ({ streamId, reason })),
    degradation,
    estimatedMs: tick.ms + points.ms,
    pointsMs: points.ms,
    pointsAllowedMs,
    decideAgainAtMs: decideAgainAt(snapshot, degradation, standings),
  };
}

/**
 * Takes applicants in order until the tick is full; one is taken however long it takes. A tick for people ends with
 * them: streams that are only due would keep them waiting for their masks.
 */
function filledTick(
  applicants: readonly StreamStanding[],
  { costs, settings }: DeviceSnapshot,
  stretch: number,
): FilledTick {
  const roomMs = costs.tickMs + tickRoom(costs, settings) * stretch;
  const taken: { standing: StreamStanding; prompts: number }[] = [];
  let ms = costs.tickMs;
  let turns = 0;
  let isForPeople = false;
  for (const standing of applicants) {
    const { stream, wants } = standing;
    if (isForPeople && standing.personWaitMs === null) break;
    if (standing.personWaitMs !== null) isForPeople = true;
    const waiting = standing.personWaitMs === null ? 0 : stream.personPromptsAtMs.length;
    const turnMs = wants === 'turn' ? turnCost(stream, costs) : 0;
    const leastMs = turnMs + Math.min(1, waiting) * costs.promptMs;
    // Nobody is passed over for a smaller one, who would be again and again.
    if (taken.length > 0 && ms + leastMs > roomMs) break;
    if (wants === 'turn' && turns === settings.maxTurnsPerTick) break;
    if (wants === 'turn') turns++;
    // Whoever waits for a turn of many prompts would wait for as many turns otherwise.
    const leftMs = Math.max(roomMs - ms - leastMs, turnMs);
    const prompts = costs.promptMs > 0 ? Math.min(waiting, 1 + Math.floor(leftMs / costs.promptMs)) : waiting;
    taken.push({ standing, prompts });
    ms += turnMs + prompts * costs.promptMs;
  }
  return { taken, ms: taken.length === 0 ? 0 : ms };
}

function servesAllPeople(applicants: readonly StreamStanding[], { taken }: FilledTick): boolean {
  const asking = applicants.filter(({ personWaitMs }) => personWaitMs !== null);
  const served = taken.filter(
    ({ standing, prompts }) => prompts === standing.stream.personPromptsAtMs.length,
  );
  return served.filter(({ prompts }) => prompts > 0).length === asking.length;
}

/** When the first stream that has no turn in this tick, or the first of those that have one, is due next. */
function nextDue(
  standings: readonly StreamStanding[],
  turns: ReadonlySet<StreamStanding['stream']>,
  nowMs: number,
): number {
  let next = Number.POSITIVE_INFINITY;
  for (const { stream, dueAtMs, intervalMs } of standings) {
    if (!hasWork(stream)) continue;
    // A stream that is due and has no frame may get one at any moment.
    next = Math.min(next, turns.has(stream) ? nowMs + intervalMs : Math.max(dueAtMs, nowMs));
  }
  return next;
}

/** Milliseconds by which points may delay what is due: their part of the time that streams leave over. */
function pointBudget(snapshot: DeviceSnapshot, level: number, tickMs: number): number {
  if (tickMs === 0) return 0;
  const share = Math.max(leastPointShare, usableShare / demandAt(snapshot, level) - 1);
  return Math.min(snapshot.settings.pointBudgetMs, Math.max(snapshot.costs.pointMs, share * tickMs));
}

/** Points of streams whose features are there, as many as the time allows. */
function pointsBeside(
  tick: FilledTick,
  turns: ReadonlySet<StreamStanding['stream']>,
  standings: readonly StreamStanding[],
  { costs }: DeviceSnapshot,
  allowedMs: number,
): { dealt: Map<string, number>; ms: number } {
  const overheadMs = tick.taken.length === 0 ? costs.tickMs : 0;
  const reachable = standings
    .filter(({ stream }) => stream.points > 0 && (turns.has(stream) || stream.keepsFeatures))
    .map(({ streamId, stream }) => ({ streamId, points: stream.points, sinceMs: stream.pointsSinceMs }));
  const isAffordable = reachable.length > 0 && allowedMs >= overheadMs + costs.pointMs;
  if (!isAffordable) return { dealt: new Map(), ms: 0 };
  const dealt = dealPoints(reachable, (allowedMs - overheadMs) / Math.max(costs.pointMs, 1e-6));
  let count = 0;
  for (const points of dealt.values()) count += points;
  return { dealt, ms: overheadMs + count * costs.pointMs };
}

function workOf(
  { taken }: FilledTick,
  dealt: ReadonlyMap<string, number>,
  { nowMs, settings }: DeviceSnapshot,
): StreamWork[] {
  const intervalMs = 1000 / settings.targetPerSecond;
  const work: StreamWork[] = taken.map(({ standing, prompts }) => {
    const { streamId, stream, wants, turnReason: reason } = standing;
    // A turn that comes late does not delay the next, but what is missed by more than an interval is not made up for.
    const nextDueAtMs = Math.max(stream.dueAtMs, nowMs - intervalMs) + intervalMs;
    const turn = wants === 'turn' ? { reason, nextDueAtMs } : null;
    return { streamId, turn, prompts, points: dealt.get(streamId) ?? 0 };
  });
  const known = new Set(work.map(({ streamId }) => streamId));
  for (const [streamId, points] of dealt) {
    if (!known.has(streamId)) work.push({ streamId, turn: null, prompts: 0, points });
  }
  return work;
}

function decideAgainAt(
  { nowMs, busyUntilMs }: DeviceSnapshot,
  { level, pressedSinceMs }: DegradationState,
  standings: readonly StreamStanding[],
): number {
  let at = level > 0 || pressedSinceMs !== null ? nowMs + reconsiderMs : Number.POSITIVE_INFINITY;
  for (const { stream, dueAtMs } of standings) {
    if (stream.frameAtMs !== null && dueAtMs > nowMs && hasWork(stream)) at = Math.min(at, dueAtMs);
  }
  return Math.max(at, busyUntilMs);
}
