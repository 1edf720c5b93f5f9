import type { Frame } from '../../buffer/frame.ts';
import { appendVectors, createVectorField, rasteriseVectors, type VectorField } from './codec-vectors.ts';
import { createMotionField, type MotionField } from './motion-field.ts';
import { type LumaPlane, PatchMatcher } from './patch-matcher.ts';

/** What the estimator reads of a frame. */
export type MotionInput = Pick<
  Frame,
  'luma' | 'lumaWidth' | 'lumaHeight' | 'motionVectors' | 'width' | 'height'
>;

/** A share of cells that must carry a vector before the codec's motion is believed to describe the picture. */
const minCoveredShare = 0.15;
/** A cell that differs by more than this after compensation is not the same surface, grey levels. */
const mismatch = 22;
/** A cut is declared when this share of cells has no counterpart in the picture before. */
const cutShare = 0.6;
/** Whole-pixel search range where the codec gives no vectors, luma pixels. */
const searchRange = 24;

/**
 * Motion of each picture against the one before. The codec's vectors are candidates, never the truth: they
 * serve compression, may point to any reference picture, and are missing in intra blocks. Every cell compares
 * them with its neighbours' motion, its own motion a picture ago and standing still, and refines the best.
 * Pictures without vectors (intra-only streams) fall back to a widening search around those candidates.
 */
export class MotionEstimator {
  #previous: LumaPlane | null = null;
  #spare: Uint8Array = new Uint8Array(0);
  #matcher: PatchMatcher | null = null;
  #last: MotionField | null = null;
  #vectors: VectorField | null = null;
  #skipped: VectorField | null = null;
  #hasSkipped = false;
  #sourceWidth = 0;
  #sourceHeight = 0;

  /** Forgets the picture before, as after a reset. */
  reset(): void {
    this.#previous = null;
    this.#last = null;
    this.#hasSkipped = false;
  }

  /**
   * Takes note of a picture that is not estimated: its vectors lead the next picture's search back to the
   * last estimated one.
   */
  skip(frame: MotionInput): void {
    if (this.#previous === null || !this.#sameSize(frame)) return;
    const grid = this.#last ?? createMotionField(frame.lumaWidth, frame.lumaHeight);
    const cells = grid.columns * grid.rows;
    const vectors = createVectorField(cells);
    rasteriseVectors(
      frame.motionVectors,
      frame.lumaWidth / frame.width,
      frame.lumaHeight / frame.height,
      grid,
      vectors,
    );
    if (this.#hasSkipped && this.#skipped !== null) appendVectors(vectors, this.#skipped, grid);
    this.#skipped = vectors;
    this.#hasSkipped = true;
  }

  /**
   * Fills `out` with the motion from the last estimated picture to `frame`.
   *
   * @returns false when there is no picture before, or it had another size; `out` is then untouched
   */
  estimate(frame: MotionInput, out: MotionField): boolean {
    if (this.#previous === null || !this.#sameSize(frame)) {
      this.#remember(frame);
      this.#last = null;
      this.#hasSkipped = false;
      return false;
    }
    const current: LumaPlane = { data: frame.luma, width: frame.lumaWidth, height: frame.lumaHeight };
    this.#matcher ??= new PatchMatcher(current, this.#previous);
    this.#matcher.setPictures(current, this.#previous);
    const hasVectors = this.#prepareVectors(frame, out);
    this.#matchCells(out, hasVectors);
    this.#remember(frame);
    this.#last = out;
    this.#hasSkipped = false;
    return true;
  }

  #sameSize(frame: MotionInput): boolean {
    const previous = this.#previous;
    return (
      previous !== null &&
      previous.width === frame.lumaWidth &&
      previous.height === frame.lumaHeight &&
      this.#sourceWidth === frame.width &&
      this.#sourceHeight === frame.height
    );
  }

  #remember(frame: MotionInput): void {
    const size = frame.lumaWidth * frame.lumaHeight;
    const data = this.#spare.length === size ? this.#spare : new Uint8Array(size);
    data.set(frame.luma.subarray(0, size));
    this.#spare = this.#previous?.data ?? new Uint8Array(0);
    this.#previous = { data, width: frame.lumaWidth, height: frame.lumaHeight };
    this.#sourceWidth = frame.width;
    this.#sourceHeight = frame.height;
  }

  #prepareVectors(frame: MotionInput, grid: MotionField): boolean {
    const cells = grid.columns * grid.rows;
    if (this.#vectors === null || this.#vectors.dx.length !== cells) this.#vectors = createVectorField(cells);
    const covered = rasteriseVectors(
      frame.motionVectors,
      frame.lumaWidth / frame.width,
      frame.lumaHeight / frame.height,
      grid,
      this.#vectors,
    );
    if (this.#hasSkipped && this.#skipped !== null) appendVectors(this.#vectors, this.#skipped, grid);
    return covered > minCoveredShare * cells;
  }

  #matchCells(out: MotionField, hasVectors: boolean): void {
    const { columns, rows, cellSize } = out;
    const matcher = this.#matcher as PatchMatcher;
    const vectors = this.#vectors as VectorField;
    const last = this.#last;
    let mismatched = 0;
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        const cell = row * columns + column;
        matcher.setCentre((column + 0.5) * cellSize, (row + 0.5) * cellSize);
        let bestX = 0;
        let bestY = 0;
        // Standing still is preferred by a hair, so that flat surfaces do not wander.
        let best = matcher.compare(0, 0, 255) - 0.4;
        const consider = (x: number, y: number): void => {
          const cost = matcher.compare(x, y, best);
          if (cost < best) {
            best = cost;
            bestX = x;
            bestY = y;
          }
        };
        if (vectors.known[cell] === 1) {
          const x = vectors.dx[cell] as number;
          const y = vectors.dy[cell] as number;
          consider(x, y);
          // A vector to the picture before the last one is twice as long as the motion.
          if (x * x + y * y > 2) consider(x / 2, y / 2);
        }
        if (column > 0) consider(out.dx[cell - 1] as number, out.dy[cell - 1] as number);
        if (row > 0) consider(out.dx[cell - columns] as number, out.dy[cell - columns] as number);
        if (last !== null) {
          consider(last.dx[cell] as number, last.dy[cell] as number);
          const below = row + 1 < rows ? cell + columns : cell;
          const right = column + 1 < columns ? cell + 1 : cell;
          consider(last.dx[below] as number, last.dy[below] as number);
          consider(last.dx[right] as number, last.dy[right] as number);
        }
        if (!hasVectors && best > 3) {
          for (let step = searchRange / 2; step >= 1; step = step >> 1) {
            const centreX = bestX;
            const centreY = bestY;
            for (let dy = -step; dy <= step; dy += step) {
              for (let dx = -step; dx <= step; dx += step) {
                if (dx !== 0 || dy !== 0) consider(centreX + dx, centreY + dy);
              }
            }
          }
        }
        const match = matcher.refine(bestX, bestY);
        out.dx[cell] = match.dx;
        out.dy[cell] = match.dy;
        out.residual[cell] = match.residual;
        const fit = match.residual / 9;
        out.weight[cell] = (match.texture / (match.texture + 6)) * Math.exp(-fit * fit) + 0.002;
        if (match.residual > mismatch) mismatched++;
      }
    }
    out.isSceneCut = mismatched > cutShare * columns * rows;
  }
}
