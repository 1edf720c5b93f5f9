import { type RegionPixels, requireSameLength } from './region-similarity.ts';

/** Share of the picture's diagonal by which a contour may be off; DAVIS's own choice. */
const davisBoundaryTolerance = 0.008;

/**
 * Contour accuracy F: F-measure of boundary precision and recall (Perazzi et al., CVPR 2016, section 4.1), as the
 * DAVIS-2017 toolkit computes it: boundary pixels match when the other boundary is within a disk whose radius is
 * `tolerance` times the picture's diagonal, rounded up. Two empty boundaries agree: 1.
 *
 * @param ignored pixels set to background in both regions before their boundaries are taken
 * @throws RangeError when the lengths do not fit the size
 */
export function boundaryMeasure(
  prediction: RegionPixels,
  truth: RegionPixels,
  width: number,
  height: number,
  ignored: RegionPixels | null = null,
  tolerance: number = davisBoundaryTolerance,
): number {
  requireSameLength(prediction, truth, ignored);
  if (truth.length !== width * height) {
    throw new RangeError(`${truth.length} pixels are not a picture of ${width}x${height}`);
  }
  const predicted = boundaryPixels(prediction, width, height, ignored);
  const annotated = boundaryPixels(truth, width, height, ignored);
  if (predicted.length === 0 && annotated.length === 0) return 1;
  if (predicted.length === 0 || annotated.length === 0) return 0;

  const radius = Math.ceil(tolerance * Math.hypot(width, height));
  const near = new Uint8Array(width * height);
  dilate(annotated, radius, width, height, near);
  const precision = shareInside(predicted, near);
  near.fill(0);
  dilate(predicted, radius, width, height, near);
  const recall = shareInside(annotated, near);
  return precision + recall === 0 ? 0 : (2 * precision * recall) / (precision + recall);
}

/**
 * Positions of a region's boundary pixels: those that differ from their right, lower or lower right neighbour
 * (`seg2bmap` of the Berkeley segmentation benchmark). The last row looks only right, the last column only
 * down, the last pixel is never boundary.
 */
export function boundaryPixels(
  region: RegionPixels,
  width: number,
  height: number,
  ignored: RegionPixels | null = null,
): Int32Array {
  const inside = (at: number) => (region[at] !== 0 && (ignored === null || ignored[at] === 0) ? 1 : 0);
  const found: number[] = [];
  for (let y = 0; y < height; y++) {
    const below = y + 1 < height ? width : 0;
    for (let x = 0; x < width; x++) {
      const right = x + 1 < width ? 1 : 0;
      const at = y * width + x;
      const here = inside(at);
      if (here !== inside(at + right) || here !== inside(at + below) || here !== inside(at + below + right)) {
        found.push(at);
      }
    }
  }
  return Int32Array.from(found);
}

/** Marks every pixel of `target` within `radius` (Euclidean) of a listed pixel. */
function dilate(pixels: Int32Array, radius: number, width: number, height: number, target: Uint8Array): void {
  const halfWidths = Array.from({ length: 2 * radius + 1 }, (_, row) =>
    Math.floor(Math.sqrt(radius * radius - (row - radius) ** 2)),
  );
  for (const at of pixels) {
    const centreX = at % width;
    const centreY = (at - centreX) / width;
    for (let offset = -radius; offset <= radius; offset++) {
      const y = centreY + offset;
      if (y < 0 || y >= height) continue;
      const half = halfWidths[offset + radius] ?? 0;
      const start = Math.max(0, centreX - half);
      const end = Math.min(width - 1, centreX + half);
      target.fill(1, y * width + start, y * width + end + 1);
    }
  }
}

function shareInside(pixels: Int32Array, region: Uint8Array): number {
  let inside = 0;
  for (const at of pixels) inside += region[at] ?? 0;
  return inside / pixels.length;
}
