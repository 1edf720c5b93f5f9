import { TrackcastError } from '../errors.ts';
import type { Box } from './box.ts';
import { maxGroupsPerRun, RunWriter } from './run-writer.ts';

/** A binary mask in COCO's compressed run-length encoding: column-major, readable by pycocotools unchanged. */
export interface RunLengthMask {
  /** `[height, width]`, pixels. */
  readonly size: readonly [number, number];
  readonly counts: string;
}

/** Largest picture of H.264 level 6.2 (table A-1: 139264 macroblocks of 256 pixels). */
export const maxMaskPixels = 139_264 * 256;

const writer = new RunWriter();

/** Encodes a mask: `height` rows of `width` values, row-major, 0 outside and anything else inside. */
export function encodeRunLength(mask: Uint8Array, width: number, height: number): RunLengthMask {
  return encodeRunLengthRegion(mask, { x: 0, y: 0, width, height }, width, height);
}

/**
 * Encodes a mask that is empty outside a box, looking at the box alone.
 *
 * @param region `box.height` rows of `box.width` values, row-major, 0 outside and anything else inside
 * @param box whole pixels, inside the picture; may be empty
 * @param width of the picture, pixels
 * @param height of the picture, pixels
 * @throws RangeError for a box outside the picture, a region too short or a picture over `maxMaskPixels`
 */
export function encodeRunLengthRegion(
  region: Uint8Array,
  box: Box,
  width: number,
  height: number,
): RunLengthMask {
  checkRegion(region.length, box, width, height);
  writer.begin();
  let runStart = 0;
  let inside = false;
  const stride = box.width;
  const end = stride * box.height;
  for (let column = 0; column < box.width; column++) {
    const top = (box.x + column) * height + box.y;
    // Rows above and below the box are empty, so a run reaches the next column only in a box of full height.
    if (inside && box.height < height) {
      const bottom = top - height + box.height;
      writer.push(bottom - runStart);
      runStart = bottom;
      inside = false;
    }
    let at = column;
    while (at < end) {
      if (inside) while (at < end && region[at] !== 0) at += stride;
      else while (at < end && region[at] === 0) at += stride;
      if (at >= end) break;
      const position = top + (at - column) / stride;
      writer.push(position - runStart);
      runStart = position;
      inside = !inside;
    }
  }
  if (inside) {
    const bottom = (box.x + box.width - 1) * height + box.y + box.height;
    writer.push(bottom - runStart);
    runStart = bottom;
  }
  if (!inside || runStart < width * height) writer.push(width * height - runStart);
  return { size: [height, width], counts: writer.text() };
}

function checkRegion(length: number, box: Box, width: number, height: number): void {
  if (!isSide(width) || !isSide(height) || width * height > maxMaskPixels) {
    throw new RangeError(`a mask of ${width}x${height} cannot be encoded`);
  }
  const fits =
    isSide(box.x) &&
    isSide(box.y) &&
    isSide(box.width) &&
    isSide(box.height) &&
    box.x + box.width <= width &&
    box.y + box.height <= height;
  if (!fits) {
    throw new RangeError(
      `box ${box.x},${box.y} ${box.width}x${box.height} is not inside a picture of ${width}x${height}`,
    );
  }
  if (length < box.width * box.height) {
    throw new RangeError(`${length} values are too few for ${box.width}x${box.height}`);
  }
}

function isSide(value: number): boolean {
  return Number.isInteger(value) && value >= 0;
}

let runScratch = new Uint32Array(1024);

/**
 * Lengths of the runs, beginning with one of zeros, checked to add up to the mask's size. The result is a view
 * of a buffer that the next call overwrites, unless `into` is given.
 *
 * @param into at least as long as `mask.counts`
 * @throws TrackcastError `TRACKCAST_MASK_INVALID`
 */
export function readRuns(mask: RunLengthMask, into?: Uint32Array): Uint32Array {
  const [height, width] = mask.size;
  if (!isSide(height) || !isSide(width)) throw invalid('has a size that is not two whole numbers');
  const pixels = width * height;
  if (pixels > maxMaskPixels) throw invalid(`of ${width}x${height} is larger than ${maxMaskPixels} pixels`);
  const { counts } = mask;
  // Runs of no pixels are legal but never needed: allow some, not an endless string of them.
  if (counts.length > 2 * pixels + 2) throw invalid('has more runs than pixels');
  if (into === undefined && runScratch.length < counts.length)
    runScratch = new Uint32Array(counts.length * 2);
  const runs = into ?? runScratch;
  let total = 0;
  let length = 0;
  let at = 0;
  while (at < counts.length) {
    let value = 0;
    let groups = 0;
    for (;;) {
      const group = counts.charCodeAt(at) - 48;
      // Past the end charCodeAt is NaN, which fails this comparison too.
      if (!(group >= 0 && group < 64)) throw invalid('ends inside a run or holds a foreign character');
      if (groups === maxGroupsPerRun) throw invalid('has a run that is too long');
      value |= (group & 0x1f) << (5 * groups);
      at += 1;
      groups += 1;
      if (group & 0x20) continue;
      if (group & 0x10) value |= -1 << (5 * groups);
      break;
    }
    if (length > 2) value += runs[length - 2] ?? 0;
    if (value < 0) throw invalid('has a run of negative length');
    total += value;
    if (total > pixels) break;
    runs[length++] = value;
  }
  if (total !== pixels) throw invalid(`has runs that do not add up to ${width}x${height}`);
  return runs.subarray(0, length);
}

function invalid(what: string): TrackcastError {
  return new TrackcastError('TRACKCAST_MASK_INVALID', `the run-length mask ${what}`);
}

/**
 * Decodes to `height` rows of `width` values 0 or 1, row-major.
 *
 * @param out overwritten and returned when given; at least `width * height` long
 * @throws TrackcastError `TRACKCAST_MASK_INVALID`
 */
export function decodeRunLength(mask: RunLengthMask, out?: Uint8Array): Uint8Array {
  const [height, width] = mask.size;
  return decodeRunLengthRegion(mask, { x: 0, y: 0, width, height }, out);
}

/**
 * Decodes the part of a mask inside a box to `box.height` rows of `box.width` values 0 or 1, row-major.
 *
 * @param box whole pixels, inside the picture
 * @param out overwritten and returned when given; at least `box.width * box.height` long
 * @throws TrackcastError `TRACKCAST_MASK_INVALID`
 * @throws RangeError for a box outside the picture or an `out` that is too short
 */
export function decodeRunLengthRegion(mask: RunLengthMask, box: Box, out?: Uint8Array): Uint8Array {
  const [height, width] = mask.size;
  const runs = readRuns(mask);
  const values = box.width * box.height;
  checkRegion(out?.length ?? values, box, width, height);
  const region = out ?? new Uint8Array(values);
  if (out !== undefined) out.fill(0, 0, values);
  const bottom = box.y + box.height;
  const firstPixel = box.x * height;
  const lastPixel = (box.x + box.width) * height;
  let end = 0;
  for (let index = 0; index < runs.length; index++) {
    const start = Math.max(end, firstPixel);
    end += runs[index] ?? 0;
    if (start >= lastPixel) break;
    if ((index & 1) === 0 || end <= start) continue;
    const stop = Math.min(end, lastPixel);
    let column = Math.floor(start / height);
    let row = start - column * height;
    let left = stop - start;
    while (left > 0) {
      const inColumn = Math.min(left, height - row);
      const from = Math.max(row, box.y);
      const to = Math.min(row + inColumn, bottom);
      let at = (from - box.y) * box.width + column - box.x;
      for (let y = from; y < to; y++, at += box.width) region[at] = 1;
      left -= inColumn;
      row = 0;
      column += 1;
    }
  }
  return region;
}

/** Pixels inside. Throws `TRACKCAST_MASK_INVALID`. */
export function runLengthArea(mask: RunLengthMask): number {
  const runs = readRuns(mask);
  let area = 0;
  for (let index = 1; index < runs.length; index += 2) area += runs[index] ?? 0;
  return area;
}

/** Smallest box around the pixels inside, or null for an empty mask. Throws `TRACKCAST_MASK_INVALID`. */
export function runLengthBox(mask: RunLengthMask): Box | null {
  const [height] = mask.size;
  const runs = readRuns(mask);
  let left = Number.POSITIVE_INFINITY;
  let right = -1;
  let top = Number.POSITIVE_INFINITY;
  let bottom = -1;
  let end = 0;
  for (let index = 0; index < runs.length; index++) {
    const start = end;
    end += runs[index] ?? 0;
    if ((index & 1) === 0 || end === start) continue;
    const firstColumn = Math.floor(start / height);
    const lastColumn = Math.floor((end - 1) / height);
    left = Math.min(left, firstColumn);
    right = Math.max(right, lastColumn);
    const crosses = firstColumn !== lastColumn;
    top = Math.min(top, crosses ? 0 : start - firstColumn * height);
    bottom = Math.max(bottom, crosses ? height - 1 : end - 1 - lastColumn * height);
  }
  if (right < 0) return null;
  return { x: left, y: top, width: right - left + 1, height: bottom - top + 1 };
}
