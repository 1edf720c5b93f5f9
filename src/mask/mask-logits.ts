import { sampleBilinear } from './bilinear.ts';
import type { Box } from './box.ts';
import type { RunLengthMask } from './run-length.ts';
import { RunWriter } from './run-writer.ts';

/**
 * Mask logits on a regular grid over a picture: positive is object. The grid begins at the picture's top left
 * corner and `spanX` by `spanY` of its logits cover the picture; what lies beyond covers a model's padding.
 * A logit belongs to the centre of its square.
 */
export interface MaskLogits {
  readonly width: number;
  readonly height: number;
  readonly spanX: number;
  readonly spanY: number;
  /** `height` rows of `width` values. */
  readonly data: Float32Array;
}

/** Logit of everything that is surely not the object. */
export const absentLogit = -8;

/** A mask at picture size with what is commonly asked of it. */
export interface RenderedMask {
  readonly mask: RunLengthMask;
  readonly box: Box;
  readonly area: number;
}

const writer = new RunWriter();
let rowScratch = new Float32Array(0);

/** Logit at a point of the unit picture (0 to 1 from the top left), bilinear, continued beyond the border. */
export function sampleLogits(logits: MaskLogits, unitX: number, unitY: number): number {
  const { width, height, spanX, spanY, data } = logits;
  const lastColumn = Math.min(width, Math.ceil(spanX)) - 1;
  const lastRow = Math.min(height, Math.ceil(spanY)) - 1;
  return sampleBilinear(data, width, unitX * spanX - 0.5, unitY * spanY - 0.5, 0, 0, lastColumn, lastRow);
}

/**
 * The mask at picture size, exactly what bilinear enlargement and a threshold at zero give, without making
 * the enlarged picture: along a column of pixels the logits are linear between two rows of the grid, so that
 * each sign change gives the first pixel of a run at once.
 *
 * @param width of the picture, pixels
 * @param height of the picture, pixels
 * @returns null when no pixel is inside
 */
export function renderMask(logits: MaskLogits, width: number, height: number): RenderedMask | null {
  const extent = positiveExtent(logits);
  if (extent === null) return null;
  const { spanX, spanY, data } = logits;
  const lastColumn = Math.min(logits.width, Math.ceil(spanX)) - 1;
  const rows = Math.min(logits.height, Math.ceil(spanY));
  const pixelsPerRow = height / spanY;
  const firstRow = Math.max(0, extent.top - 1);
  const lastRow = Math.min(rows - 1, extent.bottom + 1);
  if (rowScratch.length < rows) rowScratch = new Float32Array(rows);
  const values = rowScratch;
  const firstX = Math.max(0, Math.floor(((extent.left - 0.5) * width) / spanX) - 1);
  const lastX = Math.min(width - 1, Math.ceil(((extent.right + 1.5) * width) / spanX) + 1);
  writer.begin();
  let area = 0;
  let left = width;
  let right = -1;
  let top = height;
  let bottom = -1;
  for (let x = firstX; x <= lastX; x++) {
    const column = Math.min(Math.max(0, ((x + 0.5) * spanX) / width - 0.5), lastColumn);
    const c0 = column | 0;
    const c1 = c0 < logits.width - 1 ? c0 + 1 : c0;
    const f = column - c0;
    for (let row = firstRow; row <= lastRow; row++) {
      const at = row * logits.width;
      const a = data[at + c0] as number;
      values[row] = a + ((data[at + c1] as number) - a) * f;
    }
    let inside = (values[firstRow] as number) > 0;
    let start = firstRow === 0 ? 0 : Math.ceil((firstRow + 0.5) * pixelsPerRow - 0.5);
    for (let row = firstRow; row <= lastRow; row++) {
      const here = values[row] as number;
      const next = row < lastRow ? (values[row + 1] as number) : here;
      if (next > 0 === inside && row < lastRow) continue;
      let end = height;
      if (row < lastRow) {
        const crossing = (row + here / (here - next) + 0.5) * pixelsPerRow - 0.5;
        end = inside ? Math.ceil(crossing) : Math.floor(crossing) + 1;
        end = Math.min(Math.max(end, 0), height);
      } else if (lastRow < rows - 1) {
        end = Math.min(height, Math.ceil((lastRow + 0.5) * pixelsPerRow - 0.5));
      }
      if (inside && end > start) {
        writer.fill(x * height + start, x * height + end);
        area += end - start;
        if (x < left) left = x;
        right = x;
        if (start < top) top = start;
        if (end - 1 > bottom) bottom = end - 1;
      }
      inside = !inside;
      start = end;
    }
  }
  if (area === 0) return null;
  return {
    mask: { size: [height, width], counts: writer.finish(width * height) },
    box: { x: left, y: top, width: right - left + 1, height: bottom - top + 1 },
    area,
  };
}

/** The same mask on another grid over the same picture; the original where the grids are equal. */
export function resampleLogits(
  logits: MaskLogits,
  grid: Pick<MaskLogits, 'width' | 'height' | 'spanX' | 'spanY'>,
): MaskLogits {
  const { width, height, spanX, spanY } = grid;
  const isSame =
    logits.width === width && logits.height === height && logits.spanX === spanX && logits.spanY === spanY;
  if (isSame) return logits;
  const data = new Float32Array(width * height).fill(absentLogit);
  for (let row = 0; row < Math.min(height, Math.ceil(spanY)); row++) {
    for (let column = 0; column < Math.min(width, Math.ceil(spanX)); column++) {
      data[row * width + column] = sampleLogits(logits, (column + 0.5) / spanX, (row + 0.5) / spanY);
    }
  }
  return { width, height, spanX, spanY, data };
}

/** Rows and columns of the grid between which positive logits lie, inclusive; null without any. */
export function positiveExtent(
  logits: MaskLogits,
): { left: number; top: number; right: number; bottom: number } | null {
  const { width, height, data } = logits;
  let left = width;
  let right = -1;
  let top = -1;
  let bottom = -1;
  for (let row = 0; row < height; row++) {
    const at = row * width;
    for (let column = 0; column < width; column++) {
      if ((data[at + column] as number) <= 0) continue;
      if (top < 0) top = row;
      bottom = row;
      if (column < left) left = column;
      if (column > right) right = column;
    }
  }
  return top < 0 ? null : { left, top, right, bottom };
}

/**
 * Logits of a mask given at picture size: how much of each square is inside, from -6 (nothing) to 6 (all).
 *
 * @param mask `height` rows of `width` values, 0 outside
 */
export function logitsFromMask(
  mask: Uint8Array,
  width: number,
  height: number,
  grid: Pick<MaskLogits, 'width' | 'height' | 'spanX' | 'spanY'>,
): MaskLogits {
  const data = new Float32Array(grid.width * grid.height).fill(absentLogit);
  const stepX = width / grid.spanX;
  const stepY = height / grid.spanY;
  for (let row = 0; row < Math.min(grid.height, Math.ceil(grid.spanY)); row++) {
    const y0 = Math.floor(row * stepY);
    const y1 = Math.min(height, Math.max(y0 + 1, Math.floor((row + 1) * stepY)));
    for (let column = 0; column < Math.min(grid.width, Math.ceil(grid.spanX)); column++) {
      const x0 = Math.floor(column * stepX);
      const x1 = Math.min(width, Math.max(x0 + 1, Math.floor((column + 1) * stepX)));
      let inside = 0;
      for (let y = y0; y < y1; y++) {
        for (let x = x0; x < x1; x++) if (mask[y * width + x] !== 0) inside++;
      }
      const pixels = (y1 - y0) * (x1 - x0);
      data[row * grid.width + column] = pixels > 0 ? (inside / pixels - 0.5) * 12 : absentLogit;
    }
  }
  return { width: grid.width, height: grid.height, spanX: grid.spanX, spanY: grid.spanY, data };
}
