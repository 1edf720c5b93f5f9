/** What a simulated day came to. */
export interface SimulationReport {
  /** Share of their time in which devices that were there worked. */
  readonly utilisation: number;
  /** From a frame's capture to the end of the run that segmented it, milliseconds. */
  readonly resultAge: Spread;
  /** How old, whenever a frame comes, the newest frame is that was segmented, milliseconds. */
  readonly maskAge: Spread;
  /** The longest that a stream with frames went without a turn, milliseconds. */
  readonly longestGapMs: number;
  /** From a person's prompt to its mask, milliseconds. */
  readonly personWait: Spread;
  /** Jain's index over turns per second and weight, 1 when all have the same. */
  readonly fairness: number;
  readonly turnsPerSecond: number;
  readonly pointsPerSecond: number;
  readonly framesPerRun: number;
  /** Turns by reason, then frames that were propagated by reason. */
  readonly turns: Readonly<Record<string, number>>;
  readonly propagated: Readonly<Record<string, number>>;
  /** Frames that came; every one had a turn, was propagated, or waits at the end. */
  readonly frames: number;
  readonly waiting: number;
  /** The highest level of any device in each second. */
  readonly levels: readonly number[];
}

interface Spread {
  readonly p50: number;
  readonly p99: number;
}

/** What a stream had, from the moment on when measuring began. */
export interface StreamTally {
  turns: number;
  /** Time in which it sent frames. */
  liveMs: number;
  weight: number;
}

/**
 * Jain's fairness index of what each stream had per second and weight: 1 when all are equal, 1/n when one has all
 * (Jain, Chiu and Hawe 1984, "A Quantitative Measure of Fairness and Discrimination").
 */
export function jainIndex(tallies: readonly StreamTally[]): number {
  const shares = tallies
    .filter(({ liveMs }) => liveMs >= 1000)
    .map(({ turns, liveMs, weight }) => turns / liveMs / weight);
  const sum = shares.reduce((total, share) => total + share, 0);
  const squares = shares.reduce((total, share) => total + share * share, 0);
  return squares === 0 ? 1 : (sum * sum) / (shares.length * squares);
}

/** Collects what happens; nothing that happens before `fromMs` is measured, except that frames are counted. */
export class SimulationMeasures {
  readonly #fromMs: number;
  readonly #resultAges: number[] = [];
  readonly #maskAges: number[] = [];
  readonly #personWaits: number[] = [];
  readonly #turns: Record<string, number> = {};
  readonly #propagated: Record<string, number> = {};
  readonly #levels: number[] = [];
  #frames = 0;
  #points = 0;
  #measuredTurns = 0;
  #runsWithTurns = 0;
  #longestGapMs = 0;
  #busyMs = 0;

  constructor(fromMs: number) {
    this.#fromMs = fromMs;
  }

  frameCame(nowMs: number, newestSegmentedMs: number): void {
    this.#frames++;
    if (nowMs >= this.#fromMs) this.#maskAges.push(nowMs - newestSegmentedMs);
  }

  framePropagated(reason: string): void {
    this.#propagated[reason] = (this.#propagated[reason] ?? 0) + 1;
  }

  turnBegan(nowMs: number, reason: string, gapMs: number): void {
    this.#turns[reason] = (this.#turns[reason] ?? 0) + 1;
    if (nowMs >= this.#fromMs) this.gap(gapMs);
  }

  gap(ms: number): void {
    this.#longestGapMs = Math.max(this.#longestGapMs, ms);
  }

  runEnded(beganAtMs: number, endedAtMs: number, turns: number, points: number): void {
    this.#busyMs += Math.max(0, endedAtMs - Math.max(beganAtMs, this.#fromMs));
    if (beganAtMs < this.#fromMs) return;
    this.#points += points;
    this.#measuredTurns += turns;
    if (turns > 0) this.#runsWithTurns++;
  }

  resultLanded(beganAtMs: number, ageMs: number): void {
    if (beganAtMs >= this.#fromMs) this.#resultAges.push(ageMs);
  }

  personServed(waitMs: number): void {
    this.#personWaits.push(waitMs);
  }

  levelIs(nowMs: number, level: number): void {
    const second = Math.floor(nowMs / 1000);
    while (this.#levels.length <= second) this.#levels.push(0);
    this.#levels[second] = Math.max(this.#levels[second] ?? 0, level);
  }

  report(
    untilMs: number,
    aliveMs: number,
    waiting: number,
    tallies: readonly StreamTally[],
  ): SimulationReport {
    const seconds = (untilMs - this.#fromMs) / 1000;
    return {
      utilisation: this.#busyMs / aliveMs,
      resultAge: spread(this.#resultAges),
      maskAge: spread(this.#maskAges),
      longestGapMs: this.#longestGapMs,
      personWait: spread(this.#personWaits),
      fairness: jainIndex(tallies),
      turnsPerSecond: this.#measuredTurns / seconds,
      pointsPerSecond: this.#points / seconds,
      framesPerRun: this.#runsWithTurns === 0 ? 0 : this.#measuredTurns / this.#runsWithTurns,
      turns: { ...this.#turns },
      propagated: { ...this.#propagated },
      frames: this.#frames,
      waiting,
      levels: [...this.#levels],
    };
  }
}

function spread(values: readonly number[]): Spread {
  // There are many values, which this sorts much faster than an array.
  const sorted = Float64Array.from(values).sort();
  const at = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
  return { p50: at(0.5), p99: at(0.99) };
}
