/** How one object fared on one annotated frame. */
export interface FrameScore {
  readonly frameIndex: number;
  /** Region similarity. */
  readonly j: number;
  /** Contour accuracy. */
  readonly f: number;
}

/** How one object fared over a sequence. */
export interface ObjectScore {
  readonly objectId: number;
  /** Frame on which the object was shown; it is not scored. */
  readonly promptFrame: number;
  readonly frames: readonly FrameScore[];
  /** Means over the frames; NaN when none was scored. */
  readonly j: number;
  readonly f: number;
  readonly jAndF: number;
  /** Share of the frames with J above 0.5. */
  readonly jRecall: number;
  /** Mean J of the first quarter minus that of the last: how much is lost with time. */
  readonly jDecay: number;
}

/** Sums up an object's frames, which are in order, with the statistics of the DAVIS toolkit. */
export function summariseObject(
  objectId: number,
  promptFrame: number,
  frames: readonly FrameScore[],
): ObjectScore {
  const jValues = frames.map(({ j }) => j);
  const j = mean(jValues);
  const f = mean(frames.map((frame) => frame.f));
  return {
    objectId,
    promptFrame,
    frames,
    j,
    f,
    jAndF: (j + f) / 2,
    jRecall: mean(jValues.map((value) => (value > 0.5 ? 1 : 0))),
    jDecay: decay(jValues),
  };
}

/** NaN for no values. */
export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Neighbouring quarters share their border frame, as in the toolkit. */
function decay(values: readonly number[]): number {
  const border = (quarter: number) => Math.round(1 + (quarter * (values.length - 1)) / 4 + 1e-10) - 1;
  const quarterMean = (quarter: number) => mean(values.slice(border(quarter), border(quarter + 1) + 1));
  return quarterMean(0) - quarterMean(3);
}
