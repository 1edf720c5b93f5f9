import type { Box } from '../../mask/box.ts';

/** Standard deviations in parts of the box's size, as is usual since DeepSORT (Wojke et al. 2017). */
const positionDeviation = 1 / 20;
const velocityDeviation = 1 / 160;

/** Steps that are worth predicting; further ahead the box is anywhere. */
const maxSteps = 30;

/**
 * Where a box will be, by a Kalman filter of constant velocity over its centre and size. Nothing couples the four
 * numbers, so that the filter is four filters of two states each.
 */
export class BoxMotion {
  #axes: readonly Axis[] = [];
  #time = 0;

  /** Whether it has seen a box. */
  get isKnown(): boolean {
    return this.#axes.length > 0;
  }

  /** The box that is expected at a time; null before the first one. */
  expect(time: number): Box | null {
    if (!this.isKnown) return null;
    const axes = this.#axes.map((axis) => axis.after(time - this.#time));
    const [x, y, width, height] = axes.map((axis) => axis.position) as [number, number, number, number];
    const [wide, high] = [Math.max(width, 0), Math.max(height, 0)];
    return { x: x - wide / 2, y: y - high / 2, width: wide, height: high };
  }

  /** Takes in the box that was seen at a time, later than the last one. */
  observe(time: number, box: Box): void {
    const { width, height } = box;
    const seen = [box.x + width / 2, box.y + height / 2, width, height];
    const scales = [width, height, width, height];
    this.#axes = this.isKnown
      ? this.#axes.map((axis, at) =>
          axis.after(time - this.#time).seen(seen[at] as number, scales[at] as number),
        )
      : seen.map((position, at) => Axis.begin(position, scales[at] as number));
    this.#time = time;
  }

  /** Begins anew with the next box. */
  forget(): void {
    this.#axes = [];
  }
}

/** One number and its velocity, with the variances of both and their covariance. */
class Axis {
  readonly position: number;
  readonly #velocity: number;
  /** Size of the box along this axis, pixels: the measure of all noise. */
  readonly #scale: number;
  readonly #positionVariance: number;
  readonly #covariance: number;
  readonly #velocityVariance: number;

  private constructor(
    position: number,
    velocity: number,
    scale: number,
    variances: readonly [position: number, covariance: number, velocity: number],
  ) {
    this.position = position;
    this.#velocity = velocity;
    this.#scale = scale;
    [this.#positionVariance, this.#covariance, this.#velocityVariance] = variances;
  }

  static begin(position: number, scale: number): Axis {
    const positionVariance = (2 * positionDeviation * scale) ** 2;
    const velocityVariance = (10 * velocityDeviation * scale) ** 2;
    return new Axis(position, 0, scale, [positionVariance, 0, velocityVariance]);
  }

  /** What is expected after so many steps. */
  after(steps: number): Axis {
    let axis: Axis = this;
    for (let step = 0; step < Math.min(steps, maxSteps); step++) axis = axis.#next();
    return axis;
  }

  /** Corrected by a measurement. */
  seen(position: number, scale: number): Axis {
    const noise = (positionDeviation * scale) ** 2;
    const gain = this.#positionVariance / (this.#positionVariance + noise);
    const velocityGain = this.#covariance / (this.#positionVariance + noise);
    const surprise = position - this.position;
    return new Axis(this.position + gain * surprise, this.#velocity + velocityGain * surprise, scale, [
      (1 - gain) * this.#positionVariance,
      (1 - gain) * this.#covariance,
      this.#velocityVariance - velocityGain * this.#covariance,
    ]);
  }

  #next(): Axis {
    const positionNoise = (positionDeviation * this.#scale) ** 2;
    const velocityNoise = (velocityDeviation * this.#scale) ** 2;
    const covariance = this.#covariance + this.#velocityVariance;
    return new Axis(this.position + this.#velocity, this.#velocity, this.#scale, [
      this.#positionVariance + this.#covariance + covariance + positionNoise,
      covariance,
      this.#velocityVariance + velocityNoise,
    ]);
  }
}
