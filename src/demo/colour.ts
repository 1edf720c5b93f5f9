/** Red, green, blue, 0 to 255. */
export type Colour = readonly [number, number, number];

/**
 * Luma and chroma of limited range, 16 to 235 and 16 to 240 (ITU-R BT.601 section 2.5), which is what decoders
 * assume of a stream that names no colour matrix.
 */
export function toYuv([red, green, blue]: Colour): [number, number, number] {
  const luma = (0.299 * red + 0.587 * green + 0.114 * blue) / 255;
  const u = (blue / 255 - luma) / 1.772;
  const v = (red / 255 - luma) / 1.402;
  return [Math.round(16 + 219 * luma), Math.round(128 + 224 * u), Math.round(128 + 224 * v)];
}

export function mixColours(a: Colour, b: Colour, share: number): Colour {
  return [a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share, a[2] + (b[2] - a[2]) * share];
}

/** 0 below `from`, 1 above `to`, smooth in between. */
export function smoothstep(from: number, to: number, value: number): number {
  const t = Math.min(1, Math.max(0, (value - from) / (to - from)));
  return t * t * (3 - 2 * t);
}
