import { sampleBilinear } from '../../mask/bilinear.ts';

/** Cells that divide a luma plane; those at the right and bottom may reach beyond it. */
export interface CellGrid {
  readonly columns: number;
  readonly rows: number;
  /** Side of a cell, luma pixels. */
  readonly cellSize: number;
  readonly lumaWidth: number;
  readonly lumaHeight: number;
}

/**
 * Motion between two consecutive pictures on a regular grid of cells over the luma plane, pointing backward:
 * what is now at `position` was at `position + (dx, dy)` in the picture before. Luma pixels, top left origin;
 * values belong to the cells' centres.
 */
export interface MotionField extends CellGrid {
  readonly dx: Float32Array;
  readonly dy: Float32Array;
  /** How far a cell's motion can be trusted, 0 to 1: textured and well matched cells count most. */
  readonly weight: Float32Array;
  /** Mean absolute difference of a cell after motion compensation, grey levels. */
  readonly residual: Float32Array;
  /** True where the picture is not a continuation of the one before. */
  isSceneCut: boolean;
  /** True where it leads over more than one picture, so that vectors may be longer than any search range. */
  isComposed: boolean;
}

/** Side of a cell, luma pixels. */
export const cellSize = 8;

/** A field that stands still, for a luma plane of the given size. */
export function createMotionField(lumaWidth: number, lumaHeight: number): MotionField {
  const columns = Math.ceil(lumaWidth / cellSize);
  const rows = Math.ceil(lumaHeight / cellSize);
  const cells = columns * rows;
  return {
    columns,
    rows,
    cellSize,
    lumaWidth,
    lumaHeight,
    dx: new Float32Array(cells),
    dy: new Float32Array(cells),
    weight: new Float32Array(cells),
    residual: new Float32Array(cells),
    isSceneCut: false,
    isComposed: false,
  };
}

/**
 * Value of a grid at a luma position, bilinear between cell centres, constant beyond the outermost centres.
 *
 * @param x luma pixels
 * @param y luma pixels
 */
export function sampleGrid(
  values: Float32Array,
  columns: number,
  rows: number,
  side: number,
  x: number,
  y: number,
): number {
  return sampleBilinear(values, columns, x / side - 0.5, y / side - 0.5, 0, 0, columns - 1, rows - 1);
}
