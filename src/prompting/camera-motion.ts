import type { PictureMotion } from './prompt-strategy.ts';

/** Cells with less trust than this say nothing about motion: they have no texture, or no counterpart. */
export const minTrust = 0.15;
/** Rounds of reweighting: the fit has settled long before. */
const rounds = 10;
/** A fit that changes by less than this is settled, luma pixels. */
const settled = 0.01;
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

/** Trusted cells: places from the picture's centre on, displacements, trust. Luma pixels. */
interface TrustedCells {
  readonly count: number;
  readonly x: Float64Array;
  readonly y: Float64Array;
  readonly dx: Float64Array;
  readonly dy: Float64Array;
  readonly trust: Float64Array;
}

/**
 * Fits the motion of the camera: what most of the picture does. Iteratively reweighted least squares with Tukey's
 * biweight (Holland and Welsch 1977), from the median displacement on, so that things that move by themselves have
 * no influence while they fill less than half of the textured picture. Null when no cell can be trusted.
 */
export function fitCameraMotion(field: PictureMotion): CameraMotion | null {
  const cells = trustedCells(field);
  const { count, x, y, dx, dy, trust } = cells;
  if (count === 0) return null;
  let motion: CameraMotion = { x: median(dx), y: median(dy), zoom: 0, turn: 0, spread: minSpread };
  const residuals = new Float64Array(count);
  const weights = new Float64Array(count);
  for (let round = 0; round < rounds; round++) {
    for (let at = 0; at < count; at++) {
      const [fromX, fromY] = [x[at] as number, y[at] as number];
      const beyondX = (dx[at] as number) - (motion.x + motion.zoom * fromX - motion.turn * fromY);
      const beyondY = (dy[at] as number) - (motion.y + motion.turn * fromX + motion.zoom * fromY);
      residuals[at] = Math.sqrt(beyondX * beyondX + beyondY * beyondY);
    }
    // The median of a Rayleigh distribution is 1.177 standard deviations.
    const spread = Math.max(minSpread, median(residuals) / 1.177);
    for (let at = 0; at < count; at++) {
      const part = (residuals[at] as number) / (cutoff * spread);
      const kept = Math.max(0, 1 - part * part);
      weights[at] = (trust[at] as number) * kept * kept;
    }
    const before = motion;
    motion = { ...leastSquares(cells, weights, before, field.cellSize), spread };
    if (isSettled(before, motion, field)) break;
  }
  return motion;
}

/** Whether no corner of the picture moves noticeably differently. */
function isSettled(
  before: CameraMotion,
  after: CameraMotion,
  { lumaWidth, lumaHeight }: PictureMotion,
): boolean {
  const reach = (lumaWidth + lumaHeight) / 2;
  const change =
    Math.abs(after.x - before.x) +
    Math.abs(after.y - before.y) +
    (Math.abs(after.zoom - before.zoom) + Math.abs(after.turn - before.turn)) * reach;
  return change < settled && Math.abs(after.spread - before.spread) < settled;
}

function trustedCells({
  columns,
  cellSize,
  lumaWidth,
  lumaHeight,
  dx,
  dy,
  weight,
}: PictureMotion): TrustedCells {
  let count = 0;
  for (const trust of weight) if (trust >= minTrust) count++;
  const values = () => new Float64Array(count);
  const cells = { count, x: values(), y: values(), dx: values(), dy: values(), trust: values() };
  let at = 0;
  for (let cell = 0; cell < weight.length; cell++) {
    if ((weight[cell] as number) < minTrust) continue;
    cells.x[at] = ((cell % columns) + 0.5) * cellSize - lumaWidth / 2;
    cells.y[at] = (Math.floor(cell / columns) + 0.5) * cellSize - lumaHeight / 2;
    cells.dx[at] = dx[cell] as number;
    cells.dy[at] = dy[cell] as number;
    cells.trust[at++] = weight[cell] as number;
  }
  return cells;
}

/** How far a cell moved by itself, beyond the camera's motion, luma pixels. */
export function ownMotion(field: PictureMotion, motion: CameraMotion, cell: number): number {
  const x = ((cell % field.columns) + 0.5) * field.cellSize - field.lumaWidth / 2;
  const y = (Math.floor(cell / field.columns) + 0.5) * field.cellSize - field.lumaHeight / 2;
  const dx = (field.dx[cell] as number) - (motion.x + motion.zoom * x - motion.turn * y);
  const dy = (field.dy[cell] as number) - (motion.y + motion.turn * x + motion.zoom * y);
  return Math.hypot(dx, dy);
}

/** The closed form of a weighted similarity: about the weighted mean, zoom and turn are two projections. */
function leastSquares(
  { count, x, y, dx, dy }: TrustedCells,
  weights: Float64Array,
  before: CameraMotion,
  cellSize: number,
): Omit<CameraMotion, 'spread'> {
  let [sum, meanX, meanY, meanDx, meanDy] = [0, 0, 0, 0, 0];
  for (let at = 0; at < count; at++) {
    const weight = weights[at] as number;
    sum += weight;
    meanX += weight * (x[at] as number);
    meanY += weight * (y[at] as number);
    meanDx += weight * (dx[at] as number);
    meanDy += weight * (dy[at] as number);
  }
  if (sum === 0) return before;
  meanX /= sum;
  meanY /= sum;
  meanDx /= sum;
  meanDy /= sum;
  let [extent, along, across] = [0, 0, 0];
  for (let at = 0; at < count; at++) {
    const weight = weights[at] as number;
    const fromX = (x[at] as number) - meanX;
    const fromY = (y[at] as number) - meanY;
    const beyondX = (dx[at] as number) - meanDx;
    const beyondY = (dy[at] as number) - meanDy;
    extent += weight * (fromX * fromX + fromY * fromY);
    along += weight * (fromX * beyondX + fromY * beyondY);
    across += weight * (fromX * beyondY - fromY * beyondX);
  }
  // Cells of one place say nothing about zoom and turn.
  const isSpread = extent > sum * cellSize * cellSize;
  const zoom = isSpread ? along / extent : 0;
  const turn = isSpread ? across / extent : 0;
  return {
    x: meanDx - zoom * meanX + turn * meanY,
    y: meanDy - turn * meanX - zoom * meanY,
    zoom,
    turn,
  };
}

function median(values: Float64Array): number {
  return values.toSorted()[values.length >> 1] as number;
}
