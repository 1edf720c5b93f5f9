import type { Box } from './box.ts';
import { decodeRunLengthRegion, type RunLengthMask, runLengthBox } from './run-length.ts';

/** A closed line `[x0, y0, x1, y1, ...]`; the last corner is joined to the first. */
export type Polygon = number[];

/** Steps right, down, left, up: the inside of the mask is always on the right hand. */
const stepX = [1, 0, -1, 0] as const;
const stepY = [0, 1, 0, -1] as const;

let visitedScratch = new Uint8Array(4096);

/**
 * Borders of a mask along the edges of its pixels, corners only. Outer contours run clockwise on the screen,
 * inner ones (holes) counter-clockwise, so that signed areas add up to the mask's area; an even-odd or non-zero
 * fill paints exactly the mask. Pixels that touch at a corner belong together, as in OpenCV.
 *
 * @param region `box.height` rows of `box.width` values, row-major, 0 outside and anything else inside
 * @param box where the region lies in its picture, whole pixels
 * @param tolerance furthest distance in pixels that simplification may move the border; 0 keeps every corner
 * @returns corners in the picture's coordinates; pixel (x, y) covers the square from (x, y) to (x + 1, y + 1)
 */
export function contoursOf(region: Uint8Array, box: Box, tolerance = 0): Polygon[] {
  const { width, height } = box;
  const pixels = width * height;
  if (region.length < pixels)
    throw new RangeError(`${region.length} values are too few for ${width}x${height}`);
  if (visitedScratch.length < pixels) visitedScratch = new Uint8Array(pixels);
  // Marks pixels whose upper edge already belongs to a contour; every contour has an upper edge.
  const visited = visitedScratch.fill(0, 0, pixels);
  const contours: Polygon[] = [];
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at++) {
      if (region[at] === 0 || visited[at] === 1) continue;
      if (y > 0 && region[at - width] !== 0) continue;
      const contour = follow(region, box, x, y, visited);
      contours.push(tolerance > 0 ? simplify(contour, tolerance) : contour);
    }
  }
  return contours;
}

function follow(region: Uint8Array, box: Box, startX: number, startY: number, visited: Uint8Array): Polygon {
  const { width, height } = box;
  const inside = (x: number, y: number) =>
    x >= 0 && y >= 0 && x < width && y < height && region[y * width + x] !== 0;
  const corners: Polygon = [];
  let x = startX;
  let y = startY;
  let direction = 0;
  corners.push(box.x + x, box.y + y);
  do {
    if (direction === 0) visited[y * width + x] = 1;
    const dx = stepX[direction] ?? 0;
    const dy = stepY[direction] ?? 0;
    x += dx;
    y += dy;
    // The pixels ahead, to the left and right of the line, by their upper left corners.
    const aheadX = x + (dx + dy - 1) / 2;
    const aheadY = y + (dy - dx - 1) / 2;
    let turned = direction;
    if (inside(aheadX, aheadY)) turned = (direction + 3) & 3;
    else if (!inside(aheadX - dy, aheadY + dx)) turned = (direction + 1) & 3;
    if (turned !== direction && (x !== startX || y !== startY || turned !== 0)) {
      corners.push(box.x + x, box.y + y);
    }
    direction = turned;
  } while (x !== startX || y !== startY || direction !== 0);
  return corners;
}

/** Contours of a run-length mask in the picture's coordinates, as `contoursOf`. Throws `TRACKCAST_MASK_INVALID`. */
export function runLengthContours(mask: RunLengthMask, tolerance = 0): Polygon[] {
  const box = runLengthBox(mask);
  return box === null ? [] : contoursOf(decodeRunLengthRegion(mask, box), box, tolerance);
}

/** Area by the shoelace formula: positive for outer contours, negative for holes. */
export function polygonArea(polygon: readonly number[]): number {
  let doubled = 0;
  const length = polygon.length;
  for (let at = 0; at < length; at += 2) {
    const next = at + 2 === length ? 0 : at + 2;
    doubled += (polygon[at] ?? 0) * (polygon[next + 1] ?? 0) - (polygon[next] ?? 0) * (polygon[at + 1] ?? 0);
  }
  return doubled / 2;
}

/**
 * Leaves out corners that lie within `tolerance` of the line without them (Douglas and Peucker, 1973). A contour
 * that would lose its area keeps all its corners.
 */
function simplify(polygon: Polygon, tolerance: number): Polygon {
  const corners = polygon.length / 2;
  const kept = new Uint8Array(corners);
  const opposite = furthest(polygon, 0, corners).index;
  kept[0] = 1;
  kept[opposite] = 1;
  const pending = [0, opposite, opposite, corners];
  for (;;) {
    const to = pending.pop();
    const from = pending.pop();
    if (from === undefined || to === undefined) break;
    const { index, distance } = furthest(polygon, from, to);
    if (distance <= tolerance) continue;
    kept[index] = 1;
    pending.push(from, index, index, to);
  }
  const simplified = polygon.filter((_, at) => kept[at >> 1] === 1);
  return simplified.length < 6 ? polygon : simplified;
}

/** The corner strictly between two that is furthest from the line through them; `to` may wrap around once. */
function furthest(polygon: Polygon, from: number, to: number): { index: number; distance: number } {
  const last = (to * 2) % polygon.length;
  const ax = polygon[from * 2] ?? 0;
  const ay = polygon[from * 2 + 1] ?? 0;
  const lineX = (polygon[last] ?? 0) - ax;
  const lineY = (polygon[last + 1] ?? 0) - ay;
  const length = Math.hypot(lineX, lineY);
  let index = from;
  let distance = -1;
  for (let corner = from + 1; corner < to; corner++) {
    const px = (polygon[corner * 2] ?? 0) - ax;
    const py = (polygon[corner * 2 + 1] ?? 0) - ay;
    const away = length === 0 ? Math.hypot(px, py) : Math.abs(px * lineY - py * lineX) / length;
    if (away > distance) {
      distance = away;
      index = corner;
    }
  }
  return { index, distance };
}
