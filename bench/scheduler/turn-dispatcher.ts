import type { SchedulingSettings, WorkCosts } from '../../src/tracker/scheduling/device-snapshot.ts';
import type { Dispatch, Dispatcher, Occasion, SimulatedStream } from './dispatcher.ts';

export const nothing: Dispatch = { jobs: [], againAtMs: Number.POSITIVE_INFINITY };

/** A stream that asked within this time still wants its turn, milliseconds. */
const wantsTurnMs = 500;
/** As `PromptScan` has it. */
const mostPointsPerRun = 64;

/**
 * Strict turns of one stream at a time, taken when a frame comes: a stream goes only if no other one that has asked
 * within half a second has waited longer since its last turn. The device stands idle until that one's next frame.
 */
export class TurnDispatcher implements Dispatcher {
  readonly level = 0;
  readonly #costs: WorkCosts;
  readonly #settings: SchedulingSettings;

  constructor(costs: WorkCosts, settings: SchedulingSettings) {
    this.#costs = costs;
    this.#settings = settings;
  }

  passed(nowMs: number, stream: SimulatedStream): void {
    if (isAsking(stream, nowMs)) stream.askedAtMs = nowMs;
  }

  next(nowMs: number, streams: readonly SimulatedStream[], occasion: Occasion): Dispatch {
    if (occasion.kind === 'free' || occasion.kind === 'time') return nothing;
    const { stream } = occasion;
    const isOnKept = stream.personPromptsAtMs.length > 0 && stream.keepsFeatures;
    if (isOnKept) return dispatchOne(stream, isOnKept, nowMs, this.#costs, this.#settings);
    if (occasion.kind === 'prompt' || !isAsking(stream, nowMs)) return nothing;
    stream.askedAtMs = nowMs;
    if (!isItsTurn(stream, streams, nowMs)) {
      stream.waitsBecause = 'tick_full';
      return nothing;
    }
    return dispatchOne(stream, isOnKept, nowMs, this.#costs, this.#settings);
  }
}

/** Whether the stream has something to look for on the frame that has come. */
export function isAsking(stream: SimulatedStream, nowMs: number): boolean {
  if (stream.personPromptsAtMs.length > 0) return true;
  if (stream.objects === 0 && stream.points === 0) return false;
  if (stream.dueAtMs <= nowMs) return true;
  stream.waitsBecause = 'not_due';
  return false;
}

/** A run for one stream: prompts on what is kept, or a turn. */
export function dispatchOne(
  stream: SimulatedStream,
  isOnKept: boolean,
  nowMs: number,
  costs: WorkCosts,
  { targetPerSecond, pointBudgetMs }: SchedulingSettings,
): Dispatch {
  const prompts = stream.personPromptsAtMs.length;
  if (isOnKept) return { ...nothing, jobs: [{ stream, turn: null, prompts, points: 0 }] };
  stream.dueAtMs = nowMs + 1000 / targetPerSecond;
  const affordable = Math.floor(pointBudgetMs / costs.pointMs);
  const points = Math.min(stream.points, Math.max(1, Math.min(mostPointsPerRun, affordable)));
  return { ...nothing, jobs: [{ stream, turn: prompts > 0 ? 'person' : 'due', prompts, points }] };
}

function isItsTurn(stream: SimulatedStream, streams: readonly SimulatedStream[], nowMs: number): boolean {
  const isUrgent = stream.personPromptsAtMs.length > 0;
  for (const other of streams) {
    if (other === stream || nowMs - other.askedAtMs >= wantsTurnMs) continue;
    const isOtherUrgent = other.personPromptsAtMs.length > 0;
    if (isUrgent && !isOtherUrgent) continue;
    if (isOtherUrgent && !isUrgent) return false;
    if (other.lastTurnAtMs < stream.lastTurnAtMs) return false;
  }
  return true;
}
