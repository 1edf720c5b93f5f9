import { motionVectorStride } from '../../buffer/frame.ts';
import { type CellGrid, sampleGrid } from './motion-field.ts';

/** Backward motion per cell as the codec tells it, luma pixels; `known` is 0 where no vector covers the cell. */
export interface VectorField {
  readonly dx: Float32Array;
  readonly dy: Float32Array;
  readonly known: Uint8Array;
}

export function createVectorField(cells: number): VectorField {
  return { dx: new Float32Array(cells), dy: new Float32Array(cells), known: new Uint8Array(cells) };
}

/**
 * Spreads the codec's block vectors over the cells: a cell takes the area-weighted mean of the blocks whose
 * centres fall into it, and cells without one take the mean of their neighbours that have one.
 *
 * @param vectors `motionVectorStride` values each, source pixels and quarter pixels (see `Frame.motionVectors`)
 * @param scaleX luma pixels per source pixel
 * @param scaleY luma pixels per source pixel
 * @returns how many cells are covered by blocks of their own
 */
export function rasteriseVectors(
  vectors: Int16Array,
  scaleX: number,
  scaleY: number,
  grid: CellGrid,
  out: VectorField,
): number {
  const { columns, rows } = grid;
  const area = new Float32Array(columns * rows);
  out.dx.fill(0);
  out.dy.fill(0);
  out.known.fill(0);
  const perCellX = scaleX / grid.cellSize;
  const perCellY = scaleY / grid.cellSize;
  for (let at = 0; at + motionVectorStride <= vectors.length; at += motionVectorStride) {
    const column = ((vectors[at] as number) * perCellX) | 0;
    const row = ((vectors[at + 1] as number) * perCellY) | 0;
    if (column < 0 || row < 0 || column >= columns || row >= rows) continue;
    const weight = (vectors[at + 2] as number) * (vectors[at + 3] as number);
    const cell = row * columns + column;
    area[cell] = (area[cell] as number) + weight;
    out.dx[cell] = (out.dx[cell] as number) + weight * (vectors[at + 4] as number);
    out.dy[cell] = (out.dy[cell] as number) + weight * (vectors[at + 5] as number);
  }
  let covered = 0;
  for (let cell = 0; cell < area.length; cell++) {
    const total = area[cell] as number;
    if (total === 0) continue;
    out.dx[cell] = ((out.dx[cell] as number) / total) * 0.25 * scaleX;
    out.dy[cell] = ((out.dy[cell] as number) / total) * 0.25 * scaleY;
    out.known[cell] = 1;
    covered++;
  }
  fillFromNeighbours(out, columns, rows);
  return covered;
}

/** Gives cells without a vector the mean of their direct neighbours; large blocks leave such holes. */
function fillFromNeighbours(field: VectorField, columns: number, rows: number): void {
  const original = field.known.slice();
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const cell = row * columns + column;
      if (original[cell] === 1) continue;
      let count = 0;
      let sumX = 0;
      let sumY = 0;
      for (let r = Math.max(0, row - 1); r <= Math.min(rows - 1, row + 1); r++) {
        for (let c = Math.max(0, column - 1); c <= Math.min(columns - 1, column + 1); c++) {
          const neighbour = r * columns + c;
          if (original[neighbour] !== 1) continue;
          count++;
          sumX += field.dx[neighbour] as number;
          sumY += field.dy[neighbour] as number;
        }
      }
      if (count === 0) continue;
      field.dx[cell] = sumX / count;
      field.dy[cell] = sumY / count;
      field.known[cell] = 1;
    }
  }
}

/**
 * Appends an older step to a newer one: after it, `newer` leads from the newest picture to the one before
 * `older`'s. A cell that no block of `older` covers counts as standing still in it; matching corrects that.
 */
export function appendVectors(newer: VectorField, older: VectorField, grid: CellGrid): void {
  const { columns, rows, cellSize } = grid;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const cell = row * columns + column;
      const x = (column + 0.5) * cellSize + (newer.dx[cell] as number);
      const y = (row + 0.5) * cellSize + (newer.dy[cell] as number);
      newer.dx[cell] = (newer.dx[cell] as number) + sampleGrid(older.dx, columns, rows, cellSize, x, y);
      newer.dy[cell] = (newer.dy[cell] as number) + sampleGrid(older.dy, columns, rows, cellSize, x, y);
    }
  }
}
