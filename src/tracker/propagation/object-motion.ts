import type { MotionField } from './motion-field.ts';

/** A rectangle of cells, inclusive on all sides. */
export interface CellRegion {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

/** Motion as a function of place: `dx = tx + ax * x + bx * y`, likewise `dy`; x and y in cells from a centre. */
export interface AffineMotion {
  centreX: number;
  centreY: number;
  tx: number;
  ax: number;
  bx: number;
  ty: number;
  ay: number;
  by: number;
}

/** Residual beyond which a vector counts as an outlier of the affine fit, luma pixels. */
const outlierScale = 1.5;
/** Ridge on the affine terms in units of weight times cells squared: small objects move rigidly. */
const affineRidge = 12;
const iterations = 4;

/**
 * Fits an affine motion to a field's vectors by iteratively reweighted least squares (Cauchy weights), so that
 * occluders and wrong vectors do not pull it.
 *
 * @param weights per cell of the region's grid; zero outside the object
 * @returns null when nothing in the region carries weight
 */
export function fitAffineMotion(
  field: MotionField,
  weights: Float32Array,
  region: CellRegion,
): AffineMotion | null {
  let total = 0;
  let sumX = 0;
  let sumY = 0;
  let meanX = 0;
  let meanY = 0;
  for (let row = region.top; row <= region.bottom; row++) {
    for (let column = region.left; column <= region.right; column++) {
      const cell = row * field.columns + column;
      const weight = weights[cell] as number;
      total += weight;
      sumX += weight * column;
      sumY += weight * row;
      meanX += weight * (field.dx[cell] as number);
      meanY += weight * (field.dy[cell] as number);
    }
  }
  if (total < 1e-4) return null;
  const motion: AffineMotion = {
    centreX: sumX / total,
    centreY: sumY / total,
    tx: meanX / total,
    ax: 0,
    bx: 0,
    ty: meanY / total,
    ay: 0,
    by: 0,
  };
  for (let iteration = 0; iteration < iterations; iteration++) {
    solveWeighted(field, weights, region, motion, total * 0.02 * affineRidge);
  }
  return motion;
}

/** The cells whose motion leads back to `from`, however long it is, and `from` itself. */
export function landingRegion(field: MotionField, from: CellRegion): CellRegion {
  const { columns, rows, cellSize } = field;
  const region = { ...from };
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const cell = row * columns + column;
      const x = column + (field.dx[cell] as number) / cellSize;
      const y = row + (field.dy[cell] as number) / cellSize;
      if (x < from.left || x > from.right || y < from.top || y > from.bottom) continue;
      region.left = Math.min(region.left, column);
      region.right = Math.max(region.right, column);
      region.top = Math.min(region.top, row);
      region.bottom = Math.max(region.bottom, row);
    }
  }
  return region;
}

/** Mean distance of the weighted vectors from an affine motion, luma pixels; 0 without any weight. */
export function meanDeviation(
  field: MotionField,
  weights: Float32Array,
  affine: AffineMotion,
  region: CellRegion,
): number {
  let total = 0;
  let sum = 0;
  for (let row = region.top; row <= region.bottom; row++) {
    const y = row - affine.centreY;
    for (let column = region.left; column <= region.right; column++) {
      const cell = row * field.columns + column;
      const weight = weights[cell] as number;
      if (weight === 0) continue;
      const x = column - affine.centreX;
      const dx = (field.dx[cell] as number) - (affine.tx + affine.ax * x + affine.bx * y);
      const dy = (field.dy[cell] as number) - (affine.ty + affine.ay * x + affine.by * y);
      total += weight;
      sum += weight * Math.sqrt(dx * dx + dy * dy);
    }
  }
  return total === 0 ? 0 : sum / total;
}

/** One reweighted least-squares step; updates `motion` in place. */
function solveWeighted(
  field: MotionField,
  weights: Float32Array,
  region: CellRegion,
  motion: AffineMotion,
  ridge: number,
): void {
  let s = 0;
  let sx = 0;
  let sy = 0;
  let sxx = 0;
  let sxy = 0;
  let syy = 0;
  let ux = 0;
  let uxx = 0;
  let uxy = 0;
  let vx = 0;
  let vxx = 0;
  let vxy = 0;
  for (let row = region.top; row <= region.bottom; row++) {
    const y = row - motion.centreY;
    for (let column = region.left; column <= region.right; column++) {
      const cell = row * field.columns + column;
      const base = weights[cell] as number;
      if (base === 0) continue;
      const x = column - motion.centreX;
      const u = field.dx[cell] as number;
      const v = field.dy[cell] as number;
      const errorX = u - (motion.tx + motion.ax * x + motion.bx * y);
      const errorY = v - (motion.ty + motion.ay * x + motion.by * y);
      const weight = base / (1 + (errorX * errorX + errorY * errorY) / (outlierScale * outlierScale));
      s += weight;
      sx += weight * x;
      sy += weight * y;
      sxx += weight * x * x;
      sxy += weight * x * y;
      syy += weight * y * y;
      ux += weight * u;
      uxx += weight * u * x;
      uxy += weight * u * y;
      vx += weight * v;
      vxx += weight * v * x;
      vxy += weight * v * y;
    }
  }
  if (s < 1e-6) return;
  const xx = sxx + ridge;
  const yy = syy + ridge;
  // Symmetric 3x3 normal equations by cofactors.
  const c00 = xx * yy - sxy * sxy;
  const c01 = sxy * sy - sx * yy;
  const c02 = sx * sxy - xx * sy;
  const determinant = s * c00 + sx * c01 + sy * c02;
  if (Math.abs(determinant) < 1e-9) {
    motion.tx = ux / s;
    motion.ty = vx / s;
    return;
  }
  const c11 = s * yy - sy * sy;
  const c12 = sx * sy - s * sxy;
  const c22 = s * xx - sx * sx;
  motion.tx = (c00 * ux + c01 * uxx + c02 * uxy) / determinant;
  motion.ax = (c01 * ux + c11 * uxx + c12 * uxy) / determinant;
  motion.bx = (c02 * ux + c12 * uxx + c22 * uxy) / determinant;
  motion.ty = (c00 * vx + c01 * vxx + c02 * vxy) / determinant;
  motion.ay = (c01 * vx + c11 * vxx + c12 * vxy) / determinant;
  motion.by = (c02 * vx + c12 * vxx + c22 * vxy) / determinant;
}
