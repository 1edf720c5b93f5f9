import { mixColours, smoothstep, toYuv } from './colour.ts';
import type { Picture } from './picture.ts';
import { fractalNoise, valueNoise } from './value-noise.ts';

/** Steps per pixel in which the background can move: a slow pan in whole pixels would jerk. */
const phases = 4;

/** A cloth under soft light, wider than the screen, that pans without ever being computed again. */
export class Background {
  readonly #width: number;
  readonly #height: number;
  readonly #chroma: readonly [Uint8Array, Uint8Array];
  /** The luma plane shifted by quarter pixels, `phases * phases` times. */
  readonly #luma: readonly Uint8Array[];

  /**
   * @param width of the whole cloth, pixels, even
   * @param scale 1 for a screen 1280 pixels wide
   */
  constructor(width: number, height: number, scale: number) {
    this.#width = width;
    this.#height = height;
    const { luma, u, v } = paint(width, height, scale);
    this.#chroma = [u, v];
    this.#luma = Array.from({ length: phases * phases }, (_, phase) =>
      shifted(luma, width, height, (phase % phases) / phases, Math.floor(phase / phases) / phases),
    );
  }

  /** Fills a picture with the part of the cloth whose top left corner is at `x`, `y`. */
  draw(target: Picture, x: number, y: number): void {
    const stepX = Math.round(x * phases);
    const stepY = Math.round(y * phases);
    const phase = (stepY % phases) * phases + (stepX % phases);
    const luma = this.#luma[phase];
    if (luma === undefined) throw new RangeError(`the background has no place ${x}, ${y}`);
    const left = Math.floor(stepX / phases);
    const top = Math.floor(stepY / phases);
    copyRows(luma, this.#width, left, top, target.y, target.width, target.height);
    const [u, v] = this.#chroma;
    const halfWidth = target.width / 2;
    const halfHeight = target.height / 2;
    copyRows(u, this.#width / 2, left >> 1, top >> 1, target.u, halfWidth, halfHeight);
    copyRows(v, this.#width / 2, left >> 1, top >> 1, target.v, halfWidth, halfHeight);
  }

  get width(): number {
    return this.#width;
  }

  get height(): number {
    return this.#height;
  }
}

function copyRows(
  source: Uint8Array,
  sourceWidth: number,
  left: number,
  top: number,
  target: Uint8Array,
  width: number,
  height: number,
): void {
  for (let row = 0; row < height; row++) {
    const from = (top + row) * sourceWidth + left;
    target.set(source.subarray(from, from + width), row * width);
  }
}

function paint(width: number, height: number, scale: number) {
  const luma = new Uint8Array(width * height);
  const u = new Uint8Array(luma.length / 4);
  const v = new Uint8Array(luma.length / 4);
  // Broad shapes are smooth, so one value for four by four pixels is enough.
  const coarse = 4;
  const coarseWidth = Math.ceil(width / coarse) + 2;
  const broad = new Float32Array(coarseWidth * (Math.ceil(height / coarse) + 2));
  for (let i = 0; i < broad.length; i++) {
    const x = ((i % coarseWidth) * coarse) / scale;
    const y = (Math.floor(i / coarseWidth) * coarse) / scale;
    const warp = fractalNoise(x / 420, y / 420, 3);
    const folds = Math.sin(x / 150 + y / 260 + warp * 7);
    const light = 1 - Math.hypot(x - 600, y - 320) / 1500;
    broad[i] = 0.32 * light + 0.045 * folds + 0.16 * (fractalNoise(x / 130 + 9, y / 130, 4) - 0.5);
  }
  const deep = [14, 30, 44] as const;
  const lit = [96, 146, 158] as const;
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const x = column / scale;
      const y = row / scale;
      const at = (row >> 2) * coarseWidth + (column >> 2);
      const fx = (column & 3) / coarse;
      const fy = (row & 3) / coarse;
      const upper = value(broad, at) * (1 - fx) + value(broad, at + 1) * fx;
      const lower = value(broad, at + coarseWidth) * (1 - fx) + value(broad, at + coarseWidth + 1) * fx;
      const weave = 0.016 * Math.sin(x * 1.05) * Math.sin(y * 1.05);
      const fibre = 0.05 * (valueNoise(x / 2.5, y / 7) - 0.5);
      const brightness = upper * (1 - fy) + lower * fy + weave + fibre;
      const [cy, cu, cv] = toYuv(mixColours(deep, lit, smoothstep(-0.05, 0.75, brightness)));
      luma[row * width + column] = cy;
      if (row % 2 === 0 && column % 2 === 0) {
        u[(row >> 1) * (width / 2) + (column >> 1)] = cu;
        v[(row >> 1) * (width / 2) + (column >> 1)] = cv;
      }
    }
  }
  return { luma, u, v };
}

function value(array: Float32Array, index: number): number {
  return array[index] ?? 0;
}

/** The plane moved left and up by a fraction of a pixel, bilinear. */
function shifted(plane: Uint8Array, width: number, height: number, byX: number, byY: number): Uint8Array {
  if (byX === 0 && byY === 0) return plane;
  const result = new Uint8Array(plane.length);
  for (let row = 0; row < height; row++) {
    const below = row + 1 < height ? width : 0;
    for (let column = 0; column < width; column++) {
      const at = row * width + column;
      const right = column + 1 < width ? 1 : 0;
      const upper = (plane[at] ?? 0) * (1 - byX) + (plane[at + right] ?? 0) * byX;
      const lower = (plane[at + below] ?? 0) * (1 - byX) + (plane[at + below + right] ?? 0) * byX;
      result[at] = Math.round(upper * (1 - byY) + lower * byY);
    }
  }
  return result;
}
