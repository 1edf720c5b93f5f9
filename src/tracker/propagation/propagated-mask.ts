import { sampleBilinear } from '../../mask/bilinear.ts';
import { absentLogit, type MaskLogits, sampleLogits } from '../../mask/mask-logits.ts';
import { cellCoverage, cellKind, occupiedRegion } from './cell-coverage.ts';
import type { CellGrid, MotionField } from './motion-field.ts';
import { objectFlowAt } from './object-flow.ts';
import {
  type AffineMotion,
  type CellRegion,
  fitAffineMotion,
  landingRegion,
  meanDeviation,
} from './object-motion.ts';

/** Logit of what surely is the object. */
const insideLogit = 6;
const marginCells = 3;

/**
 * A mask that rides on motion. The logits it started from are never resampled twice: a map from the present
 * back to them is composed picture by picture on the cell grid, so that carrying a mask far does not blur it.
 *
 * The object's motion at a place is the average of its own cells' vectors around that place (a normalised
 * convolution weighted by the mask, Knutsson and Westin 1993), falling back to an affine motion fitted to the
 * whole object. Vectors of the background never mix in, and the mask's border moves with the object.
 */
export class PropagatedMask {
  readonly anchor: MaskLogits;
  readonly #columns: number;
  readonly #rows: number;
  readonly #cellSize: number;
  readonly #lumaWidth: number;
  readonly #lumaHeight: number;
  readonly #anchorCoverage: Float32Array;
  #coverage: Float32Array;
  #mapX: Float32Array;
  #mapY: Float32Array;
  #nextX: Float32Array;
  #nextY: Float32Array;
  readonly #weights: Float32Array;
  /** Cells where the map is known; elsewhere it continues from the nearest of them. */
  #known: CellRegion;
  #occupied: CellRegion | null;
  #velocity: AffineMotion | null = null;
  #steps = 0;
  #support = 1;
  #uncertainty = 0;

  /** @param anchor kept, not copied */
  constructor(anchor: MaskLogits, grid: CellGrid) {
    this.anchor = anchor;
    this.#columns = grid.columns;
    this.#rows = grid.rows;
    this.#cellSize = grid.cellSize;
    this.#lumaWidth = grid.lumaWidth;
    this.#lumaHeight = grid.lumaHeight;
    const cells = grid.columns * grid.rows;
    this.#anchorCoverage = cellCoverage(anchor, grid);
    this.#coverage = this.#anchorCoverage.slice();
    this.#mapX = new Float32Array(cells);
    this.#mapY = new Float32Array(cells);
    this.#nextX = new Float32Array(cells);
    this.#nextY = new Float32Array(cells);
    this.#weights = new Float32Array(cells);
    this.#known = { left: 0, top: 0, right: grid.columns - 1, bottom: grid.rows - 1 };
    this.#occupied = occupiedRegion(this.#coverage, grid.columns, this.#known);
  }

  /** Pictures carried since the anchor. */
  get steps(): number {
    return this.#steps;
  }

  /**
   * How well the motion explained the object's cells since the anchor, 0 to 1; falls with every picture whose
   * cells had no counterpart.
   */
  get support(): number {
    return this.#support;
  }

  /**
   * How far the mask's border may have strayed since the anchor, luma pixels: the sum of what the object's vectors
   * deviated from a common affine motion.
   */
  get uncertainty(): number {
    return this.#uncertainty;
  }

  /** Whether any part of the mask is inside the picture. */
  get isVisible(): boolean {
    return this.#occupied !== null;
  }

  /** Share of each cell that the mask covers now, 0 to 1. Valid until the next step. */
  get coverage(): Float32Array {
    return this.#coverage;
  }

  /** Cells that the mask touches now. */
  get occupied(): Readonly<CellRegion> | null {
    return this.#occupied;
  }

  /**
   * Carries the mask to the picture that `field` leads to.
   *
   * @returns cells that took part, for callers that bound their work
   */
  step(field: MotionField): number {
    this.#steps++;
    const occupied = this.#occupied;
    if (occupied === null) return 0;
    const reach = this.#expand(field.isComposed ? landingRegion(field, occupied) : occupied, marginCells);
    const objectWeight = this.#weighObject(field, reach);
    const affine = fitAffineMotion(field, this.#weights, reach) ?? this.#velocity;
    const cells = (reach.right - reach.left + 1) * (reach.bottom - reach.top + 1);
    if (affine === null) return cells;
    this.#velocity = affine;
    this.#uncertainty += meanDeviation(field, this.#weights, affine, reach);
    this.#compose(field, affine, reach);
    this.#updateCoverage(reach);
    this.#updateSupport(field, objectWeight, reach);
    this.#known = reach;
    this.#occupied = occupiedRegion(this.#coverage, this.#columns, reach);
    return cells;
  }

  /**
   * Writes the mask of the present picture on the anchor's grid. Only along the border are logits carried; well
   * inside and outside they say no more than that.
   *
   * @param out `anchor.width * anchor.height` logits
   */
  render(out: Float32Array): void {
    const { width, height, data } = this.anchor;
    if (this.#steps === 0) {
      out.set(data);
      return;
    }
    out.fill(absentLogit);
    const occupied = this.#occupied;
    if (occupied === null) return;
    const region = this.#expand(occupied, 1);
    const side = this.#cellSize;
    const pitchX = this.#lumaWidth / this.anchor.spanX;
    const pitchY = this.#lumaHeight / this.anchor.spanY;
    for (let row = region.top; row <= region.bottom; row++) {
      const firstY = Math.max(0, Math.ceil((row * side) / pitchY - 0.5));
      const lastY = Math.min(height - 1, Math.ceil(((row + 1) * side) / pitchY - 0.5) - 1);
      for (let column = region.left; column <= region.right; column++) {
        const kind = cellKind(this.#coverage, this.#columns, this.#rows, row, column);
        if (kind === 'outside') continue;
        const firstX = Math.max(0, Math.ceil((column * side) / pitchX - 0.5));
        const lastX = Math.min(width - 1, Math.ceil(((column + 1) * side) / pitchX - 0.5) - 1);
        for (let y = firstY; y <= lastY; y++) {
          const lumaY = (y + 0.5) * pitchY;
          for (let x = firstX; x <= lastX; x++) {
            if (kind === 'inside') {
              out[y * width + x] = insideLogit;
              continue;
            }
            const lumaX = (x + 0.5) * pitchX;
            const backX = lumaX + this.#sample(this.#mapX, lumaX, lumaY);
            const backY = lumaY + this.#sample(this.#mapY, lumaX, lumaY);
            out[y * width + x] = sampleLogits(this.anchor, backX / this.#lumaWidth, backY / this.#lumaHeight);
          }
        }
      }
    }
  }

  /** Weighs each cell by how much of the object it carries and how far its vector can be trusted. */
  #weighObject(field: MotionField, reach: CellRegion): number {
    const { columns } = field;
    const side = this.#cellSize;
    let total = 0;
    for (let row = reach.top; row <= reach.bottom; row++) {
      for (let column = reach.left; column <= reach.right; column++) {
        const cell = row * columns + column;
        const x = (column + 0.5) * side + (field.dx[cell] as number);
        const y = (row + 0.5) * side + (field.dy[cell] as number);
        const covered = this.#sample(this.#coverage, x, y);
        // Squared, because a cell that is half background has a half wrong vector.
        const weight = covered * covered * (field.weight[cell] as number);
        this.#weights[cell] = weight;
        total += weight;
      }
    }
    return total;
  }

  #compose(field: MotionField, affine: AffineMotion, reach: CellRegion): void {
    const side = this.#cellSize;
    for (let row = reach.top; row <= reach.bottom; row++) {
      for (let column = reach.left; column <= reach.right; column++) {
        const { dx, dy } = objectFlowAt(field, this.#weights, affine, reach, column, row);
        const fromX = (column + 0.5) * side + dx;
        const fromY = (row + 0.5) * side + dy;
        const cell = row * this.#columns + column;
        this.#nextX[cell] = dx + this.#sample(this.#mapX, fromX, fromY);
        this.#nextY[cell] = dy + this.#sample(this.#mapY, fromX, fromY);
      }
    }
    [this.#mapX, this.#nextX] = [this.#nextX, this.#mapX];
    [this.#mapY, this.#nextY] = [this.#nextY, this.#mapY];
  }

  #updateCoverage(reach: CellRegion): void {
    const side = this.#cellSize;
    const before = this.#known;
    this.#known = { left: 0, top: 0, right: this.#columns - 1, bottom: this.#rows - 1 };
    this.#coverage.fill(0);
    for (let row = reach.top; row <= reach.bottom; row++) {
      for (let column = reach.left; column <= reach.right; column++) {
        const cell = row * this.#columns + column;
        const x = (column + 0.5) * side + (this.#mapX[cell] as number);
        const y = (row + 0.5) * side + (this.#mapY[cell] as number);
        this.#coverage[cell] = this.#sample(this.#anchorCoverage, x, y);
      }
    }
    this.#known = before;
  }

  #updateSupport(field: MotionField, objectWeight: number, reach: CellRegion): void {
    let covered = 0;
    let matched = 0;
    for (let row = reach.top; row <= reach.bottom; row++) {
      for (let column = reach.left; column <= reach.right; column++) {
        const cell = row * this.#columns + column;
        const share = this.#coverage[cell] as number;
        covered += share;
        const fit = (field.residual[cell] as number) / 14;
        matched += share * Math.exp(-fit * fit);
      }
    }
    if (covered === 0 || objectWeight === 0) {
      this.#support *= 0.9;
      return;
    }
    // A perfect picture keeps all support; one that shows something else takes up to a fifth of it.
    this.#support *= 0.8 + 0.2 * Math.min(1, (matched / covered) * 1.05);
  }

  #expand(region: CellRegion, by: number): CellRegion {
    return {
      left: Math.max(0, region.left - by),
      top: Math.max(0, region.top - by),
      right: Math.min(this.#columns - 1, region.right + by),
      bottom: Math.min(this.#rows - 1, region.bottom + by),
    };
  }

  /** A grid's value at a luma position, bilinear, continued from the border of the known cells. */
  #sample(values: Float32Array, x: number, y: number): number {
    const { left, top, right, bottom } = this.#known;
    const column = x / this.#cellSize - 0.5;
    const row = y / this.#cellSize - 0.5;
    return sampleBilinear(values, this.#columns, column, row, left, top, right, bottom);
  }
}
