import { type MotionField, sampleGrid } from './motion-field.ts';

/**
 * Makes `newer` lead one leg further back: afterwards it is the motion from the picture that `older` starts from to
 * that which it led to before. A chain is trusted as much as its weakest part. Residuals are averaged, so that a
 * composed leg casts as much doubt on a mask as one picture does. `older` is only read. Both must have the same grid.
 */
export function prependMotion(newer: MotionField, older: MotionField): void {
  const { columns, rows, cellSize, dx, dy, weight, residual } = newer;
  const before = (values: Float32Array, x: number, y: number): number =>
    sampleGrid(values, columns, rows, cellSize, x, y);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const cell = row * columns + column;
      const x = (column + 0.5) * cellSize + (dx[cell] as number);
      const y = (row + 0.5) * cellSize + (dy[cell] as number);
      dx[cell] = (dx[cell] as number) + before(older.dx, x, y);
      dy[cell] = (dy[cell] as number) + before(older.dy, x, y);
      weight[cell] = Math.min(weight[cell] as number, before(older.weight, x, y));
      residual[cell] = ((residual[cell] as number) + before(older.residual, x, y)) / 2;
    }
  }
  newer.isComposed = true;
}
