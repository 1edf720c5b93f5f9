import { createHistogram, monitorEventLoopDelay, type RecordableHistogram } from 'node:perf_hooks';
import type { Provenance, TrackEvent, TrackFrame } from '../tracker/track.ts';

/** Milliseconds. */
export interface Percentiles {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

const stages = ['decode', 'queue', 'track', 'endToEnd', 'endToEndSegmented', 'endToEndPropagated'] as const;
type Stage = (typeof stages)[number];

/** What became of the tracked frames. */
export interface TrackingFigures {
  /** Per second, from the first chunk to the last tracked frame. */
  readonly trackedFps: number;
  readonly seconds: number;
  readonly provenance: Readonly<Record<Provenance, number>>;
  readonly tracks: {
    /** Different ids that were reported. */
    readonly distinct: number;
    /** Seen per frame on average. */
    readonly seenPerFrame: number;
    readonly events: Readonly<Record<TrackEvent['kind'], number>>;
  };
  /**
   * From the arrival of a frame's last byte on: decoding, waiting, tracking. `endToEnd` is until the result is in
   * the main thread, where publishers take it; null without such frames.
   */
  readonly latencyMs: Readonly<Record<Stage, Percentiles | null>>;
  readonly eventLoopDelayMs: { readonly p50: number; readonly p99: number; readonly max: number };
}

/** How often the event loop is looked at, milliseconds; it counts into every delay that Node measures. */
const eventLoopResolutionMs = 5;

/** Gathers figures of one run in bounded memory. */
export class ReplayStatistics {
  readonly #histograms = new Map<Stage, RecordableHistogram>(
    stages.map((stage) => [stage, createHistogram()]),
  );
  readonly #eventLoop = monitorEventLoopDelay({ resolution: eventLoopResolutionMs });
  readonly #provenance: Record<Provenance, number> = { segmented: 0, propagated: 0 };
  readonly #events: Record<TrackEvent['kind'], number> = {
    created: 0,
    occluded: 0,
    recovered: 0,
    lost: 0,
    removed: 0,
  };
  readonly #ids = new Set<number>();
  #seen = 0;
  #startedAtMs = 0;
  #lastAtMs = 0;

  /** The first chunk is about to come. */
  start(nowMs: number): void {
    this.#startedAtMs = nowMs;
    this.#lastAtMs = nowMs;
    this.#eventLoop.enable();
  }

  /** @param nowMs when the frame's result was in the main thread, by `monotonicMs` */
  frameTracked({ frame, provenance, latencyMs, tracks, events }: TrackFrame, nowMs: number): void {
    this.#lastAtMs = nowMs;
    this.#provenance[provenance] += 1;
    for (const { id, mask } of tracks) {
      this.#ids.add(id);
      if (mask !== null) this.#seen += 1;
    }
    for (const { kind } of events) this.#events[kind] += 1;
    const endToEnd = nowMs - frame.receivedAtMs;
    this.#record('decode', latencyMs.decode);
    this.#record('queue', latencyMs.queue);
    this.#record('track', latencyMs.track);
    this.#record('endToEnd', endToEnd);
    this.#record(provenance === 'segmented' ? 'endToEndSegmented' : 'endToEndPropagated', endToEnd);
  }

  /** Frames tracked so far. */
  get tracked(): number {
    return this.#provenance.segmented + this.#provenance.propagated;
  }

  /** Of the run so far. */
  get trackedFps(): number {
    const seconds = (this.#lastAtMs - this.#startedAtMs) / 1000;
    return seconds > 0 ? this.tracked / seconds : 0;
  }

  /** Ends the measurement. */
  finish(): TrackingFigures {
    this.#eventLoop.disable();
    const loop = (nanoseconds: number) =>
      rounded(Math.max(0, (Number.isFinite(nanoseconds) ? nanoseconds / 1e6 : 0) - eventLoopResolutionMs));
    const percentiles = [...this.#histograms].map(([stage, histogram]) => [stage, percentilesOf(histogram)]);
    return {
      trackedFps: rounded(this.trackedFps),
      seconds: rounded((this.#lastAtMs - this.#startedAtMs) / 1000),
      provenance: { ...this.#provenance },
      tracks: {
        distinct: this.#ids.size,
        seenPerFrame: rounded(this.tracked === 0 ? 0 : this.#seen / this.tracked),
        events: { ...this.#events },
      },
      latencyMs: Object.fromEntries(percentiles) as Record<Stage, Percentiles | null>,
      eventLoopDelayMs: {
        p50: loop(this.#eventLoop.percentile(50)),
        p99: loop(this.#eventLoop.percentile(99)),
        max: loop(this.#eventLoop.max),
      },
    };
  }

  #record(stage: Stage, milliseconds: number): void {
    // The histogram counts whole microseconds from 1.
    this.#histograms.get(stage)?.record(Math.max(1, Math.round(milliseconds * 1000)));
  }
}

function percentilesOf(histogram: RecordableHistogram): Percentiles | null {
  if (histogram.count === 0) return null;
  const at = (percentile: number) => rounded(histogram.percentile(percentile) / 1000);
  return { p50: at(50), p95: at(95), p99: at(99) };
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
