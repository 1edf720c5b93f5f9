import type { MaskLogits } from '../../mask/mask-logits.ts';
import type { CellGrid } from './motion-field.ts';
import type { CellRegion } from './object-motion.ts';

/** Cells that a mask covers less than this are not counted as touched. */
const minTouched = 0.02;

/** Share of each cell that is positive, 0 to 1. */
export function cellCoverage(logits: MaskLogits, grid: CellGrid): Float32Array {
  const coverage = new Float32Array(grid.columns * grid.rows);
  const counts = new Float32Array(coverage.length);
  const columnOf = new Int32Array(logits.width);
  for (let x = 0; x < logits.width; x++) {
    columnOf[x] = Math.min(
      grid.columns - 1,
      (((x + 0.5) * grid.lumaWidth) / logits.spanX / grid.cellSize) | 0,
    );
  }
  // What lies beyond the spans covers a model's padding and no part of the picture.
  const width = Math.min(logits.width, Math.ceil(logits.spanX));
  const height = Math.min(logits.height, Math.ceil(logits.spanY));
  for (let y = 0; y < height; y++) {
    const row = Math.min(grid.rows - 1, (((y + 0.5) * grid.lumaHeight) / logits.spanY / grid.cellSize) | 0);
    for (let x = 0; x < width; x++) {
      const cell = row * grid.columns + (columnOf[x] as number);
      counts[cell] = (counts[cell] as number) + 1;
      if ((logits.data[y * logits.width + x] as number) > 0) coverage[cell] = (coverage[cell] as number) + 1;
    }
  }
  for (let cell = 0; cell < coverage.length; cell++) {
    if ((counts[cell] as number) > 0) coverage[cell] = (coverage[cell] as number) / (counts[cell] as number);
  }
  return coverage;
}

/** The region of a grid that a mask touches; null where it covers nothing. */
export function occupiedRegion(
  coverage: Float32Array,
  columns: number,
  within: CellRegion,
): CellRegion | null {
  let left = columns;
  let right = -1;
  let top = -1;
  let bottom = -1;
  for (let row = within.top; row <= within.bottom; row++) {
    for (let column = within.left; column <= within.right; column++) {
      if ((coverage[row * columns + column] as number) < minTouched) continue;
      if (top < 0) top = row;
      bottom = row;
      if (column < left) left = column;
      if (column > right) right = column;
    }
  }
  return top < 0 ? null : { left, top, right, bottom };
}

/** Whether a cell and all cells around it are covered, bare, or neither. */
export function cellKind(
  coverage: Float32Array,
  columns: number,
  rows: number,
  row: number,
  column: number,
): 'inside' | 'outside' | 'border' {
  const covered = coverage[row * columns + column] as number;
  if (covered > 0.001 && covered < 0.999) return 'border';
  for (let r = Math.max(0, row - 1); r <= Math.min(rows - 1, row + 1); r++) {
    for (let c = Math.max(0, column - 1); c <= Math.min(columns - 1, column + 1); c++) {
      if (Math.abs((coverage[r * columns + c] as number) - covered) > 0.001) return 'border';
    }
  }
  return covered > 0.5 ? 'inside' : 'outside';
}
