/** A stream as the scheduler of its device sees it. Times are milliseconds of one monotonic clock. */
export interface StreamState {
  readonly id: string;
  /** Share of the turns where they are scarce, greater than 0; 1 is usual. */
  readonly weight: number;
  /** Streams of the lowest priority are given up first. */
  readonly priority: number;
  /** When the newest frame arrived that had no turn; null while there is none. */
  readonly frameAtMs: number | null;
  /** Frames that arrive per second, measured. */
  readonly arrivalsPerSecond: number;
  /** When its newest turn began; before the first one, when the stream was opened. */
  readonly lastTurnAtMs: number;
  /** From when on the target rate allows its next turn. */
  readonly dueAtMs: number;
  /** Objects that a turn looks for again. */
  readonly objects: number;
  /** When people asked for the prompts that wait, oldest first. */
  readonly personPromptsAtMs: readonly number[];
  /** Points at which new objects are still to be looked for. */
  readonly points: number;
  /** Since when points wait; means nothing without points. */
  readonly pointsSinceMs: number;
  /** Whether what the encoder made of its last turn's frame is kept and fresh, so that prompts need no turn. */
  readonly keepsFeatures: boolean;
}

/** What work takes on a device: measured averages, milliseconds. */
export interface WorkCosts {
  /** Each tick, however much is in it. */
  readonly tickMs: number;
  /** Each frame that is encoded. */
  readonly encodeMs: number;
  /** Each object that is looked for again. */
  readonly stepMs: number;
  /** Each prompt of a person. */
  readonly promptMs: number;
  /** Each point at which a new object is looked for. */
  readonly pointMs: number;
}

/** How far a device has stepped back from segmenting every stream at the target rate; see `measuresAt`. */
export interface DegradationState {
  /** 0 is normal. */
  readonly level: number;
  /** Since when the level has been too low for the load; null while it is not. */
  readonly pressedSinceMs: number | null;
  /** Since when the next lower level would do; null while it would not. */
  readonly calmSinceMs: number | null;
}

/** What is the same for all ticks of a device. */
export interface SchedulingSettings {
  /** Turns of a stream per second at most, greater than 0. */
  readonly targetPerSecond: number;
  /** Frames that one tick encodes at most, 1 or more. */
  readonly maxTurnsPerTick: number;
  /** Milliseconds by which points for new objects may delay a tick that is due. */
  readonly pointBudgetMs: number;
}

/** All that a decision depends on. */
export interface DeviceSnapshot {
  readonly nowMs: number;
  /** When the device has finished what it is at; in the past while it is free. */
  readonly busyUntilMs: number;
  readonly streams: readonly StreamState[];
  readonly costs: WorkCosts;
  readonly degradation: DegradationState;
  readonly settings: SchedulingSettings;
}

/** A device to which nothing has happened yet. */
export const noDegradation: DegradationState = { level: 0, pressedSinceMs: null, calmSinceMs: null };

/** What a turn of the stream takes, without prompts and points. */
export function turnCost(stream: Pick<StreamState, 'objects'>, costs: WorkCosts): number {
  return costs.encodeMs + stream.objects * costs.stepMs;
}

/** Whether a turn would have anything to look for. */
export function hasWork(stream: StreamState): boolean {
  return stream.objects > 0 || stream.points > 0 || stream.personPromptsAtMs.length > 0;
}

/** What a turn of every stream that has work takes together, milliseconds. */
export function roundOf({ streams, costs }: Pick<DeviceSnapshot, 'streams' | 'costs'>): number {
  let ms = 0;
  for (const stream of streams) if (hasWork(stream)) ms += turnCost(stream, costs);
  return ms;
}
