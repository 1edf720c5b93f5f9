import type { MotionField } from './motion-field.ts';
import type { AffineMotion, CellRegion } from './object-motion.ts';

const kernelRadius = 2;
/** Standard deviation of the smoothing kernel, cells. */
const kernelSigma = 1.1;
/** Weight that pulls a cell's motion to the affine fit where the object has few vectors of its own. */
const affinePull = 0.05;
const kernel = (() => {
  const side = 2 * kernelRadius + 1;
  const values = new Float32Array(side * side);
  for (let y = -kernelRadius; y <= kernelRadius; y++) {
    for (let x = -kernelRadius; x <= kernelRadius; x++) {
      values[(y + kernelRadius) * side + x + kernelRadius] = Math.exp(
        -(x * x + y * y) / (2 * kernelSigma * kernelSigma),
      );
    }
  }
  return values;
})();

const flow = { dx: 0, dy: 0 };

/**
 * The object's motion at a cell: its own cells' vectors around there (a normalised convolution, Knutsson and Westin
 * 1993), pulled to the affine motion of the whole object where it has few of them.
 *
 * @param weights per cell of the grid; zero outside the object
 * @returns luma pixels, backward; overwritten by the next call
 */
export function objectFlowAt(
  field: MotionField,
  weights: Float32Array,
  affine: AffineMotion,
  region: CellRegion,
  column: number,
  row: number,
): Readonly<typeof flow> {
  const x = column - affine.centreX;
  const y = row - affine.centreY;
  const affineX = affine.tx + affine.ax * x + affine.bx * y;
  const affineY = affine.ty + affine.ay * x + affine.by * y;
  const kernelSide = 2 * kernelRadius + 1;
  let sum = affinePull;
  let sumX = 0;
  let sumY = 0;
  const r0 = Math.max(region.top, row - kernelRadius);
  const r1 = Math.min(region.bottom, row + kernelRadius);
  const c0 = Math.max(region.left, column - kernelRadius);
  const c1 = Math.min(region.right, column + kernelRadius);
  for (let r = r0; r <= r1; r++) {
    const kernelRow = (r - row + kernelRadius) * kernelSide + kernelRadius - column;
    for (let c = c0; c <= c1; c++) {
      const cell = r * field.columns + c;
      const weight = (weights[cell] as number) * (kernel[kernelRow + c] as number);
      if (weight === 0) continue;
      sum += weight;
      sumX += weight * ((field.dx[cell] as number) - affineX);
      sumY += weight * ((field.dy[cell] as number) - affineY);
    }
  }
  flow.dx = affineX + sumX / sum;
  flow.dy = affineY + sumY / sum;
  return flow;
}
