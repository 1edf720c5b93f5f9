/** A luma plane: `height` rows of `width` bytes. */
export interface LumaPlane {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/** What refining one patch found. Reused between calls: read it before the next. */
export interface PatchMatch {
  dx: number;
  dy: number;
  /** Mean absolute difference after compensation and removal of the mean, grey levels. */
  residual: number;
  /** Smaller eigenvalue of the patch's structure tensor per pixel: 0 where motion cannot be told. */
  texture: number;
}

const patchSide = 16;
const half = patchSide / 2;
/** Every other pixel is enough, in the pattern of a chessboard. */
const samples = (patchSide * patchSide) / 2;
/** Cells with less texture stay where their candidate put them: refining them only adds noise. */
const minTexture = 0.6;
const maxRefinement = 4;
const maxIterations = 3;

/**
 * Finds where a patch of the current picture was in the previous one: candidates are compared by sums of
 * absolute differences, then the best is refined to sub-pixel accuracy by inverse compositional Lucas-Kanade
 * steps (Baker and Matthews 2004, as used by dense inverse search, Kroeger et al. 2016). Patches have zero mean
 * in every comparison, so that light that changes (a lamp that moves with the camera) does not count as motion.
 */
export class PatchMatcher {
  readonly #template = new Float32Array(samples);
  readonly #gradientX = new Float32Array(samples);
  readonly #gradientY = new Float32Array(samples);
  readonly #sampled = new Float32Array(samples);
  readonly result: PatchMatch = { dx: 0, dy: 0, residual: 0, texture: 0 };
  #current: LumaPlane;
  #previous: LumaPlane;
  #left = 0;
  #top = 0;
  #templateMean = 0;

  constructor(current: LumaPlane, previous: LumaPlane) {
    this.#current = current;
    this.#previous = previous;
  }

  /** Compares these pictures from now on; both of one size. */
  setPictures(current: LumaPlane, previous: LumaPlane): void {
    this.#current = current;
    this.#previous = previous;
  }

  /** Chooses the patch around a point of the current picture, moved inward where it would leave the picture. */
  setCentre(x: number, y: number): void {
    const { width, height, data } = this.#current;
    this.#left = Math.min(Math.max(1, Math.round(x) - half), width - patchSide - 1);
    this.#top = Math.min(Math.max(1, Math.round(y) - half), height - patchSide - 1);
    let sum = 0;
    let at = 0;
    for (let row = 0; row < patchSide; row++) {
      let source = (this.#top + row) * width + this.#left + (row & 1);
      for (let column = 0; column < patchSide; column += 2, at++, source += 2) {
        const value = data[source] as number;
        this.#template[at] = value;
        sum += value;
      }
    }
    this.#templateMean = sum / samples;
  }

  /** Mean absolute difference, grey levels, at a whole-pixel displacement; `limit` lets it give up early. */
  compare(dx: number, dy: number, limit: number): number {
    const { width, height, data } = this.#previous;
    const left = this.#left + Math.round(dx);
    const top = this.#top + Math.round(dy);
    if (left < 0 || top < 0 || left + patchSide > width || top + patchSide > height) return 255;
    let sum = 0;
    for (let row = 0; row < patchSide; row += 2) {
      let source = (top + row) * width + left;
      for (let column = 0; column < patchSide; column += 2, source += 2) sum += data[source] as number;
    }
    const compared = samples / 2;
    const shift = sum / compared - this.#templateMean;
    const bound = limit * compared;
    let difference = 0;
    for (let row = 0; row < patchSide; row += 2) {
      let source = (top + row) * width + left;
      let at = (row * patchSide) / 2;
      for (let column = 0; column < patchSide; column += 2, source += 2, at++) {
        difference += Math.abs((data[source] as number) - shift - (this.#template[at] as number));
      }
      if (difference > bound) return difference / compared;
    }
    return difference / compared;
  }

  /** Refines a displacement below a pixel; the answer is in `result`. */
  refine(startX: number, startY: number): PatchMatch {
    const { data, width } = this.#current;
    const gradientX = this.#gradientX;
    const gradientY = this.#gradientY;
    let xx = 0;
    let xy = 0;
    let yy = 0;
    let at = 0;
    for (let row = 0; row < patchSide; row++) {
      let source = (this.#top + row) * width + this.#left + (row & 1);
      for (let column = 0; column < patchSide; column += 2, at++, source += 2) {
        const gx = ((data[source + 1] as number) - (data[source - 1] as number)) * 0.5;
        const gy = ((data[source + width] as number) - (data[source - width] as number)) * 0.5;
        gradientX[at] = gx;
        gradientY[at] = gy;
        xx += gx * gx;
        xy += gx * gy;
        yy += gy * gy;
      }
    }
    const trace = xx + yy;
    const spread = Math.sqrt((xx - yy) * (xx - yy) + 4 * xy * xy);
    const texture = (trace - spread) / 2 / samples;
    // Damping keeps flat and one-dimensional patches where their candidate put them.
    const damping = 2 * samples;
    const determinant = (xx + damping) * (yy + damping) - xy * xy;
    let dx = startX;
    let dy = startY;
    let residual = this.#sampleAt(dx, dy);
    for (let iteration = 0; iteration < maxIterations && texture > minTexture; iteration++) {
      let bx = 0;
      let by = 0;
      for (let index = 0; index < samples; index++) {
        const error = this.#sampled[index] as number;
        bx += (gradientX[index] as number) * error;
        by += (gradientY[index] as number) * error;
      }
      const stepX = ((yy + damping) * bx - xy * by) / determinant;
      const stepY = ((xx + damping) * by - xy * bx) / determinant;
      const nextX = dx - stepX;
      const nextY = dy - stepY;
      if (Math.abs(nextX - startX) > maxRefinement || Math.abs(nextY - startY) > maxRefinement) break;
      const next = this.#sampleAt(nextX, nextY);
      if (next >= residual) break;
      dx = nextX;
      dy = nextY;
      residual = next;
      if (stepX * stepX + stepY * stepY < 0.0025) break;
    }
    const result = this.result;
    result.dx = dx;
    result.dy = dy;
    result.residual = residual;
    result.texture = texture;
    return result;
  }

  /** Fills `#sampled` with the zero-mean difference at a displacement and returns its mean absolute value. */
  #sampleAt(dx: number, dy: number): number {
    const { data, width, height } = this.#previous;
    const x = Math.min(Math.max(0, this.#left + dx), width - patchSide - 1.001);
    const y = Math.min(Math.max(0, this.#top + dy), height - patchSide - 1.001);
    const left = x | 0;
    const top = y | 0;
    const fx = x - left;
    const fy = y - top;
    const w00 = (1 - fx) * (1 - fy);
    const w01 = fx * (1 - fy);
    const w10 = (1 - fx) * fy;
    const w11 = fx * fy;
    const sampled = this.#sampled;
    let sum = 0;
    let at = 0;
    for (let row = 0; row < patchSide; row++) {
      let source = (top + row) * width + left + (row & 1);
      for (let column = 0; column < patchSide; column += 2, at++, source += 2) {
        const value =
          (data[source] as number) * w00 +
          (data[source + 1] as number) * w01 +
          (data[source + width] as number) * w10 +
          (data[source + width + 1] as number) * w11;
        const difference = value - (this.#template[at] as number);
        sampled[at] = difference;
        sum += difference;
      }
    }
    const mean = sum / samples;
    let absolute = 0;
    for (let index = 0; index < samples; index++) {
      const difference = (sampled[index] as number) - mean;
      sampled[index] = difference;
      absolute += Math.abs(difference);
    }
    return absolute / samples;
  }
}
