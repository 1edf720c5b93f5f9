import type { StreamState } from '../../src/tracker/scheduling/device-snapshot.ts';
import type { PropagationReason, TurnReason } from '../../src/tracker/scheduling/stream-standing.ts';

/** A stream of the simulation, as dispatchers see and change it. */
export interface SimulatedStream extends StreamState {
  frameAtMs: number | null;
  arrivalsPerSecond: number;
  lastTurnAtMs: number;
  dueAtMs: number;
  objects: number;
  readonly personPromptsAtMs: number[];
  points: number;
  pointsSinceMs: number;
  keepsFeatures: boolean;
  /** What was last said of the frame that waits; null while it was not judged. */
  waitsBecause: PropagationReason | null;
  /** When it last asked for a turn, where streams ask. */
  askedAtMs: number;
}

/** What a device is to do for a stream. */
export interface Job {
  readonly stream: SimulatedStream;
  readonly turn: TurnReason | null;
  readonly prompts: number;
  readonly points: number;
}

/** What has just happened on a device's side. */
export type Occasion =
  | { readonly kind: 'frame' | 'prompt'; readonly stream: SimulatedStream }
  | { readonly kind: 'free' }
  | { readonly kind: 'time' };

/** What a device does next. */
export interface Dispatch {
  /** Jobs of one run. */
  readonly jobs: readonly Job[];
  /** Where there are none, when to ask again, whatever happens. */
  readonly againAtMs: number;
}

/** Decides for one device what it does next. */
export interface Dispatcher {
  readonly level: number;
  /** Told of frames that come while the device is at something else. */
  passed?(nowMs: number, stream: SimulatedStream): void;
  /** Only called while the device is free. */
  next(nowMs: number, streams: readonly SimulatedStream[], occasion: Occasion): Dispatch;
}
