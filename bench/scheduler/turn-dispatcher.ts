import type { SchedulingSettings, WorkCosts } from '../../src/tracker/scheduling/device-snapshot.ts';
import type { Dispatch, Dispatcher, Occasion, SimulatedStream } from './dispatcher.ts';

const nothing: Dispatch = { jobs: [], againAtMs: Number.POSITIVE_INFINITY };

/** A stream that asked within this time still wants its turn, as in `WorkerLane`. */
const wantsTurnMs = 500;
/** As `PromptScan` has it. */
const mostPointsPerRun = 64;

/**
 * Turns of one stream at a time, taken when a frame comes, as `WorkerLane` and `LaneTurn` have them: whoever has waited
 * longest since its last turn goes first, and others leave the device idle until then.
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
    if (stream.dueAtMs <= nowMs || stream.personPromptsAtMs.length > 0) stream.askedAtMs = nowMs;
  }

  next(nowMs: number, streams: readonly SimulatedStream[], occasion: Occasion): Dispatch {
    if (occasion.kind === 'free' || occasion.kind === 'time') return nothing;
    const { stream } = occasion;
    const prompts = stream.personPromptsAtMs.length;
    if (prompts > 0 && stream.keepsFeatures) {
      return { ...nothing, jobs: [{ stream, turn: null, prompts, points: 0 }] };
    }
    if (occasion.kind === 'prompt' || (stream.objects === 0 && stream.points === 0 && prompts === 0))
      return nothing;
    if (prompts === 0 && stream.dueAtMs > nowMs) {
      stream.waitsBecause = 'not_due';
      return nothing;
    }
    stream.askedAtMs = nowMs;
    if (!this.#isItsTurn(stream, streams, nowMs)) {
      stream.waitsBecause = 'tick_full';
      return nothing;
    }
    stream.dueAtMs = nowMs + 1000 / this.#settings.targetPerSecond;
    const affordable = Math.floor(this.#settings.pointBudgetMs / this.#costs.pointMs);
    const points = Math.min(stream.points, Math.max(1, Math.min(mostPointsPerRun, affordable)));
    return { ...nothing, jobs: [{ stream, turn: prompts > 0 ? 'person' : 'due', prompts, points }] };
  }

  #isItsTurn(stream: SimulatedStream, streams: readonly SimulatedStream[], nowMs: number): boolean {
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
}
