/** Numbers from 0 to 1 that look random and are the same each time. */
function hash(x: number, y: number, seed: number): number {
  let h = Math.imul(x, 374_761_393) ^ Math.imul(y, 668_265_263) ^ Math.imul(seed, 2_147_483_647);
  h = Math.imul(h ^ (h >>> 13), 1_274_126_177);
  return ((h ^ (h >>> 16)) >>> 0) / 2 ** 32;
}

function octave(x: number, y: number, seed: number): number {
  const left = Math.floor(x);
  const top = Math.floor(y);
  const ease = (t: number) => t * t * (3 - 2 * t);
  const fx = ease(x - left);
  const fy = ease(y - top);
  const upper = hash(left, top, seed) * (1 - fx) + hash(left + 1, top, seed) * fx;
  const lower = hash(left, top + 1, seed) * (1 - fx) + hash(left + 1, top + 1, seed) * fx;
  return upper * (1 - fy) + lower * fy;
}

/**
 * A smooth surface with detail at several scales, 0 to 1: it can be sampled between pixels, so that motion by
 * fractions of a pixel is known exactly.
 */
export function texture(x: number, y: number, seed = 1): number {
  return (
    0.5 * octave(x / 17, y / 17, seed) +
    0.3 * octave(x / 7, y / 7, seed + 100) +
    0.2 * octave(x / 4, y / 4, seed + 200)
  );
}

/** A luma plane whose pixel at column `x` and row `y` has the value 0 to 1 of a function at its centre. */
export function lumaPlane(
  width: number,
  height: number,
  valueAt: (x: number, y: number) => number,
): Uint8Array {
  const luma = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) luma[y * width + x] = Math.round(255 * valueAt(x + 0.5, y + 0.5));
  }
  return luma;
}
