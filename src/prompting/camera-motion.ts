import type { PictureMotion } from './prompt-strategy.ts';

/** Cells with less trust than this say nothing about motion: they have no texture, or no counterpart. */
export const minTrust = 0.15;
/** Rounds of reweighting: the fit has settled long before. */
const rounds = 10;
/** Residuals beyond this many standard deviations have no influence (Tukey's biweight at 95 % efficiency). */
const cutoff = 4.685;
/** Residuals cannot be known better than this, luma pixels. */
const minSpread = 0.15;

/**
 * A similarity about the picture's centre: displacement at (x, y) from there is
 * (`x + zoom * x - turn * y`, `y + turn * x + zoom * y`). Luma pixels, pointing backward as its field does.
 */
export interface CameraMotion {
  readonly x: number;
  readonly y: number;
  readonly zoom: number;
  readonly turn: number;
  /** Robust standard deviation of the cells that follow the camera, luma pixels. */
  readonly spread: number;
}

/**
 * Fits the motion of the camera: what most of the picture does. Iteratively reweighted least squares with Tukey's
 * biweight (Holland and Welsch 1977), from the median displacement on, so that things that move by themselves have
 * no influence while they fill less than half of the textured picture. Null when no cell can be trusted.
 */
export function fitCameraMotion(field: PictureMotion): CameraMotion | null {
  const trusted = [...field.weight.keys()].filter((cell) => (field.weight[cell] as number) >= minTrust);
  if (trusted.length === 0) return null;
  let motion: CameraMotion = {
    x: median(trusted.map((cell) => field.dx[cell] as number)),
    y: median(trusted.map((cell) => field.dy[cell] as number)),
    zoom: 0,
    turn: 0,
    spread: minSpread,
  };
  const residuals = new Float32Array(trusted.length);
  const weights = new Float32Array(trusted.length);
  for (let round = 0; round < rounds; round++) {
    measure(field, motion, trusted, residuals);
    // The median of a Rayleigh distribution is 1.177 standard deviations.
    const spread = Math.max(minSpread, median([...residuals]) / 1.177);
    for (let at = 0; at < trusted.length; at++) {
      const part = (residuals[at] as number) / (cutoff * spread);
      const trust = field.weight[trusted[at] as number] as number;
      weights[at] = part >= 1 ? 0 : trust * (1 - part * part) ** 2;
    }
    motion = { ...leastSquares(field, trusted, weights, motion), spread };
  }
  return motion;
}

/** How far a cell moved by itself, beyond the camera's motion, luma pixels. */
export function ownMotion(field: PictureMotion, motion: CameraMotion, cell: number): number {
  const x = ((cell % field.columns) + 0.5) * field.cellSize - field.lumaWidth / 2;
  const y = (Math.floor(cell / field.columns) + 0.5) * field.cellSize - field.lumaHeight / 2;
  const dx = (field.dx[cell] as number) - (motion.x + motion.zoom * x - motion.turn * y);
  const dy = (field.dy[cell] as number) - (motion.y + motion.turn * x + motion.zoom * y);
  return Math.hypot(dx, dy);
}

function measure(
  field: PictureMotion,
  motion: CameraMotion,
  trusted: readonly number[],
  residuals: Float32Array,
): void {
  for (let at = 0; at < trusted.length; at++) residuals[at] = ownMotion(field, motion, trusted[at] as number);
}

/** The closed form of a weighted similarity: about the weighted mean, zoom and turn are two projections. */
function leastSquares(
  field: PictureMotion,
  trusted: readonly number[],
  weights: Float32Array,
  before: CameraMotion,
): Omit<CameraMotion, 'spread'> {
  let [sum, meanX, meanY, meanDx, meanDy] = [0, 0, 0, 0, 0];
  const place = (cell: number): readonly [number, number] => [
    ((cell % field.columns) + 0.5) * field.cellSize - field.lumaWidth / 2,
    (Math.floor(cell / field.columns) + 0.5) * field.cellSize - field.lumaHeight / 2,
  ];
  trusted.forEach((cell, at) => {
    const weight = weights[at] as number;
    const [x, y] = place(cell);
    sum += weight;
    meanX += weight * x;
    meanY += weight * y;
    meanDx += weight * (field.dx[cell] as number);
    meanDy += weight * (field.dy[cell] as number);
  });
  if (sum === 0) return before;
  meanX /= sum;
  meanY /= sum;
  meanDx /= sum;
  meanDy /= sum;
  let [extent, along, across] = [0, 0, 0];
  trusted.forEach((cell, at) => {
    const weight = weights[at] as number;
    const [x, y] = place(cell);
    const [fromX, fromY] = [x - meanX, y - meanY];
    const dx = (field.dx[cell] as number) - meanDx;
    const dy = (field.dy[cell] as number) - meanDy;
    extent += weight * (fromX * fromX + fromY * fromY);
    along += weight * (fromX * dx + fromY * dy);
    across += weight * (fromX * dy - fromY * dx);
  });
  // Cells of one place say nothing about zoom and turn.
  const isSpread = extent > sum * field.cellSize * field.cellSize;
  const zoom = isSpread ? along / extent : 0;
  const turn = isSpread ? across / extent : 0;
  return {
    x: meanDx - zoom * meanX + turn * meanY,
    y: meanDy - turn * meanX - zoom * meanY,
    zoom,
    turn,
  };
}

function median(values: number[]): number {
  return Float32Array.from(values).sort()[values.length >> 1] as number;
}
