/** A well-mixed 32-bit hash of a grid point, as a number from 0 to 1 (finaliser of MurmurHash3). */
function hashed(x: number, y: number): number {
  let h = Math.imul(x, 0x9e3779b1) ^ Math.imul(y, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return ((h ^ (h >>> 16)) >>> 0) / 0xffffffff;
}

/** Smooth deterministic noise from 0 to 1; features are about one unit wide. */
export function valueNoise(x: number, y: number): number {
  const left = Math.floor(x);
  const top = Math.floor(y);
  const fx = x - left;
  const fy = y - top;
  const sx = fx * fx * (3 - 2 * fx);
  const sy = fy * fy * (3 - 2 * fy);
  const upper = hashed(left, top) * (1 - sx) + hashed(left + 1, top) * sx;
  const lower = hashed(left, top + 1) * (1 - sx) + hashed(left + 1, top + 1) * sx;
  return upper * (1 - sy) + lower * sy;
}

/** Sum of noise at halving scales, from 0 to 1. */
export function fractalNoise(x: number, y: number, octaves: number): number {
  let sum = 0;
  let weight = 0;
  for (let octave = 0; octave < octaves; octave++) {
    const amplitude = 0.5 ** octave;
    sum += amplitude * valueNoise(x * 2 ** octave + octave * 17, y * 2 ** octave - octave * 31);
    weight += amplitude;
  }
  return sum / weight;
}
