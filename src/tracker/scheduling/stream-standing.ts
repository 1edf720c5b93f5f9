import { dueAt, intervalAt, keptPriority, rounding } from './degradation.ts';
import { type DeviceSnapshot, hasWork, type StreamState } from './device-snapshot.ts';
import type { Waiting } from './turn-order.ts';

/** Why a stream has a turn: a person waits, or its time has come, as usual, at a lowered rate, or as it is given up. */
export type TurnReason = 'person' | 'due' | 'slowed' | 'shed';

/** Why a stream's newest frame is propagated instead. */
export type PropagationReason =
  /** The device is at something else. */
  | 'device_busy'
  /** The stream has neither objects nor anything to look for. */
  | 'nothing_to_find'
  /** The target rate does not ask for it yet. */
  | 'not_due'
  /** The target rate asks for it, but is lowered. */
  | 'slowed'
  /** Streams of its priority are given up. */
  | 'shed'
  /** It is due, but others go first and the tick is full. */
  | 'tick_full';

/** Where a stream stands at one moment, at one level of degradation. */
export interface StreamStanding extends Waiting {
  readonly stream: StreamState;
  /** Between two of its turns, milliseconds. */
  readonly intervalMs: number;
  /** When it may have its next turn; in the past for streams that are late. */
  readonly dueAtMs: number;
  /** What it applies for: a turn, prompts on what is kept, or nothing. */
  readonly wants: 'turn' | 'prompts' | 'nothing';
  /** Why it has a turn, if it gets one. */
  readonly turnReason: TurnReason;
  /** Why its newest frame is propagated, if it gets none. */
  readonly propagationReason: PropagationReason;
}

/** Where every stream of a device stands at a level of degradation. */
export function standingsAt(snapshot: DeviceSnapshot, level: number): StreamStanding[] {
  const kept = keptPriority(snapshot.streams, level);
  return snapshot.streams.map((stream) => standingOf(stream, snapshot, level, stream.priority < kept));
}

function standingOf(
  stream: StreamState,
  { nowMs, busyUntilMs, settings }: DeviceSnapshot,
  level: number,
  isShed: boolean,
): StreamStanding {
  const { targetPerSecond } = settings;
  const intervalMs = intervalAt(stream, level, isShed, targetPerSecond);
  const dueAtMs = dueAt(stream, intervalMs, targetPerSecond);
  const isBusy = nowMs < busyUntilMs;
  const hasFrame = stream.frameAtMs !== null;
  const isDue = hasFrame && hasWork(stream) && dueAtMs <= nowMs;
  const asked = stream.personPromptsAtMs[0];
  const isAsked = asked !== undefined && (hasFrame || stream.keepsFeatures);
  const wantsTurn = isDue || (isAsked && !stream.keepsFeatures);
  const isSlowed = intervalMs * targetPerSecond > 1000 + rounding;
  const pace = isShed ? 'shed' : isSlowed ? 'slowed' : 'due';
  return {
    stream,
    streamId: stream.id,
    intervalMs,
    dueAtMs,
    wants: isBusy ? 'nothing' : wantsTurn ? 'turn' : isAsked ? 'prompts' : 'nothing',
    turnReason: isAsked ? 'person' : pace,
    propagationReason: reasonWithoutTurn(),
    // What was given up has grown old on purpose: it must not go before all others for that.
    weightedAgeMs: (nowMs - (isShed ? dueAtMs : stream.lastTurnAtMs)) * stream.weight,
    weightedLatenessMs: (nowMs - dueAtMs) * stream.weight,
    personWaitMs: isAsked ? nowMs - asked : null,
  };

  function reasonWithoutTurn(): PropagationReason {
    if (isBusy) return 'device_busy';
    if (!hasWork(stream)) return 'nothing_to_find';
    if (wantsTurn) return 'tick_full';
    if (stream.dueAtMs > nowMs || pace === 'due') return 'not_due';
    return pace;
  }
}
