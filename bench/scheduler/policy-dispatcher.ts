import { decideTick } from '../../src/tracker/scheduling/decide-tick.ts';
import {
  type DegradationState,
  noDegradation,
  type SchedulingSettings,
  type WorkCosts,
} from '../../src/tracker/scheduling/device-snapshot.ts';
import type { Dispatch, Dispatcher, Job, Occasion, SimulatedStream } from './dispatcher.ts';

/** The policy of `src/tracker/scheduling`. */
export class PolicyDispatcher implements Dispatcher {
  readonly #costs: WorkCosts;
  readonly #settings: SchedulingSettings;
  #degradation: DegradationState = noDegradation;
  #againAtMs = 0;

  constructor(costs: WorkCosts, settings: SchedulingSettings) {
    this.#costs = costs;
    this.#settings = settings;
  }

  get level(): number {
    return this.#degradation.level;
  }

  next(nowMs: number, streams: readonly SimulatedStream[], occasion: Occasion): Dispatch {
    if (occasion.kind === 'frame' && occasion.stream.dueAtMs > nowMs && nowMs < this.#againAtMs) {
      occasion.stream.waitsBecause = 'not_due';
      this.#againAtMs = Math.min(this.#againAtMs, occasion.stream.dueAtMs);
      return { jobs: [], againAtMs: this.#againAtMs };
    }
    const decision = decideTick({
      nowMs,
      busyUntilMs: nowMs,
      streams,
      costs: this.#costs,
      degradation: this.#degradation,
      settings: this.#settings,
    });
    this.#degradation = decision.degradation;
    this.#againAtMs = decision.decideAgainAtMs;
    const byId = new Map(streams.map((stream) => [stream.id, stream]));
    for (const { streamId, reason } of decision.propagated) {
      const stream = byId.get(streamId);
      if (stream !== undefined) stream.waitsBecause = reason;
    }
    const jobs: Job[] = [];
    for (const { streamId, turn, prompts, points } of decision.work) {
      const stream = byId.get(streamId);
      if (stream === undefined) continue;
      if (turn !== null) stream.dueAtMs = turn.nextDueAtMs;
      jobs.push({ stream, turn: turn?.reason ?? null, prompts, points });
    }
    return { jobs, againAtMs: this.#againAtMs };
  }
}
