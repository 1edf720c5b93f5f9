import type { SchedulingSettings, WorkCosts } from '../../src/tracker/scheduling/device-snapshot.ts';
import { LaneTurns } from '../../src/tracker/scheduling/lane-turns.ts';
import type { Dispatch, Dispatcher, Occasion, SimulatedStream } from './dispatcher.ts';
import { dispatchOne, isAsking, nothing } from './turn-dispatcher.ts';

/** Turns of one stream at a time, taken when a frame comes, in the order of `LaneTurns`. */
export class LaneDispatcher implements Dispatcher {
  readonly level = 0;
  readonly #costs: WorkCosts;
  readonly #settings: SchedulingSettings;
  readonly #turns = new LaneTurns();

  constructor(costs: WorkCosts, settings: SchedulingSettings) {
    this.#costs = costs;
    this.#settings = settings;
  }

  passed(nowMs: number, stream: SimulatedStream): void {
    if (isAsking(stream, nowMs)) this.#turns.ask(stream.id, stream.personPromptsAtMs.length > 0, nowMs);
  }

  next(nowMs: number, _streams: readonly SimulatedStream[], occasion: Occasion): Dispatch {
    if (occasion.kind === 'free') this.#turns.ended(nowMs);
    if (occasion.kind === 'free' || occasion.kind === 'time') return nothing;
    const { stream } = occasion;
    const prompts = stream.personPromptsAtMs.length;
    const isOnKept = prompts > 0 && stream.keepsFeatures;
    if (!isOnKept && (occasion.kind === 'prompt' || !isAsking(stream, nowMs))) return nothing;
    this.#turns.ask(stream.id, prompts > 0, nowMs);
    if (!this.#turns.isTurnOf(stream.id, nowMs)) {
      stream.waitsBecause = 'tick_full';
      return nothing;
    }
    this.#turns.began(stream.id, !isOnKept, nowMs);
    return dispatchOne(stream, isOnKept, nowMs, this.#costs, this.#settings);
  }
}
