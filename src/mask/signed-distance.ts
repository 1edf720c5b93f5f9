const straight = 1;
const diagonal = Math.SQRT2;
const far = 1e4;

let insideScratch = new Float32Array(0);
let outsideScratch = new Float32Array(0);

/**
 * Distance of each cell's centre to the mask's border, cells: positive inside, negative outside. Chamfer
 * distances (Borgefors 1986), within 8 percent of Euclidean ones.
 *
 * @param logits `height` rows of `width` values, positive inside
 * @param out reused if given
 */
export function signedDistance(
  logits: Float32Array,
  width: number,
  height: number,
  out: Float32Array = new Float32Array(width * height),
): Float32Array {
  const cells = width * height;
  if (insideScratch.length < cells) {
    insideScratch = new Float32Array(cells);
    outsideScratch = new Float32Array(cells);
  }
  const toOutside = insideScratch;
  const toInside = outsideScratch;
  for (let cell = 0; cell < cells; cell++) {
    const isInside = (logits[cell] as number) > 0;
    toOutside[cell] = isInside ? far : 0;
    toInside[cell] = isInside ? 0 : far;
  }
  sweep(toOutside, width, height);
  sweep(toInside, width, height);
  for (let cell = 0; cell < cells; cell++) {
    const isInside = (logits[cell] as number) > 0;
    out[cell] = isInside ? (toOutside[cell] as number) - 0.5 : 0.5 - (toInside[cell] as number);
  }
  return out;
}

/** One pass down and one pass up leave the distance to the nearest zero in every cell. */
function sweep(distance: Float32Array, width: number, height: number): void {
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const cell = y * width + x;
      let best = distance[cell] as number;
      if (best === 0) continue;
      if (x > 0) best = Math.min(best, (distance[cell - 1] as number) + straight);
      if (y > 0) {
        best = Math.min(best, (distance[cell - width] as number) + straight);
        if (x > 0) best = Math.min(best, (distance[cell - width - 1] as number) + diagonal);
        if (x < width - 1) best = Math.min(best, (distance[cell - width + 1] as number) + diagonal);
      }
      distance[cell] = best;
    }
  }
  for (let y = height - 1; y >= 0; y--) {
    for (let x = width - 1; x >= 0; x--) {
      const cell = y * width + x;
      let best = distance[cell] as number;
      if (best === 0) continue;
      if (x < width - 1) best = Math.min(best, (distance[cell + 1] as number) + straight);
      if (y < height - 1) {
        best = Math.min(best, (distance[cell + width] as number) + straight);
        if (x < width - 1) best = Math.min(best, (distance[cell + width + 1] as number) + diagonal);
        if (x > 0) best = Math.min(best, (distance[cell + width - 1] as number) + diagonal);
      }
      distance[cell] = best;
    }
  }
}
