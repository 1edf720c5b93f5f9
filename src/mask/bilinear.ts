/**
 * Value of a grid between its points, bilinear; positions beyond the given columns and rows take the value at
 * their border. Positions and bounds are in grid points.
 *
 * @param values rows of `stride` values
 */
export function sampleBilinear(
  values: Float32Array,
  stride: number,
  column: number,
  row: number,
  firstColumn: number,
  firstRow: number,
  lastColumn: number,
  lastRow: number,
): number {
  const x = Math.min(Math.max(column, firstColumn), lastColumn);
  const y = Math.min(Math.max(row, firstRow), lastRow);
  const left = x | 0;
  const top = y | 0;
  const right = left < lastColumn ? left + 1 : left;
  const upper = top * stride;
  const lower = top < lastRow ? upper + stride : upper;
  const fx = x - left;
  const fy = y - top;
  const a = values[upper + left] as number;
  const c = values[lower + left] as number;
  const above = a + ((values[upper + right] as number) - a) * fx;
  const below = c + ((values[lower + right] as number) - c) * fx;
  return above + (below - above) * fy;
}
