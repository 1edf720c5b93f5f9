import { type Colour, mixColours, smoothstep, toYuv } from '../../../src/demo/colour.ts';
import type { Picture } from '../../../src/demo/picture.ts';
import { fractalNoise, valueNoise } from '../../../src/demo/value-noise.ts';
import type { CameraPose } from './scene.ts';

/** How a background looks. */
export interface BackdropLook {
  readonly dark: Colour;
  readonly light: Colour;
  /** Widths of the broad pattern along x and y, units of the world: unequal ones look like grain. */
  readonly pattern: readonly [number, number];
  /** Strength of the fine pattern, about 0.02 to 0.12. */
  readonly roughness: number;
  /** Chooses the pattern. */
  readonly seed: number;
}

/** Texels beyond each side of a camera at rest. Farther away the texture is mirrored. */
const margin = 224;
/** The broad pattern is smooth: one value for four by four texels is enough. */
const coarse = 4;

/** A textured plane, painted once, that a camera pans over and zooms into. */
export class Backdrop {
  readonly #width: number;
  readonly #height: number;
  readonly #luma: Uint8Array;
  readonly #u: Uint8Array;
  readonly #v: Uint8Array;

  constructor(look: BackdropLook, width: number, height: number) {
    this.#width = width + 2 * margin;
    this.#height = height + 2 * margin;
    const texels = this.#width * this.#height;
    this.#luma = new Uint8Array(texels);
    this.#u = new Uint8Array(texels / 4);
    this.#v = new Uint8Array(texels / 4);
    this.#paint(look);
  }

  /** Fills a picture with what the camera sees of the plane. */
  draw(target: Picture, camera: CameraPose): void {
    const { width, height } = target;
    const step = 1 / camera.zoom;
    const left = camera.x + margin + (0.5 - width / 2) * step - 0.5;
    const top = camera.y + margin + (0.5 - height / 2) * step - 0.5;
    this.#sample(this.#luma, this.#width, this.#height, target.y, width, height, left, top, step);
    const halfWidth = this.#width / 2;
    const halfHeight = this.#height / 2;
    this.#sample(this.#u, halfWidth, halfHeight, target.u, width / 2, height / 2, left / 2, top / 2, step);
    this.#sample(this.#v, halfWidth, halfHeight, target.v, width / 2, height / 2, left / 2, top / 2, step);
  }

  #sample(
    source: Uint8Array,
    sourceWidth: number,
    sourceHeight: number,
    target: Uint8Array,
    width: number,
    height: number,
    left: number,
    top: number,
    step: number,
  ): void {
    const columns = new Int32Array(width);
    const nextColumns = new Int32Array(width);
    const shares = new Float32Array(width);
    for (let column = 0; column < width; column++) {
      const x = left + column * step;
      columns[column] = mirrored(Math.floor(x), sourceWidth);
      nextColumns[column] = mirrored(Math.floor(x) + 1, sourceWidth);
      shares[column] = x - Math.floor(x);
    }
    for (let row = 0; row < height; row++) {
      const y = top + row * step;
      const upper = mirrored(Math.floor(y), sourceHeight) * sourceWidth;
      const lower = mirrored(Math.floor(y) + 1, sourceHeight) * sourceWidth;
      const below = y - Math.floor(y);
      for (let column = 0; column < width; column++) {
        const from = columns[column] as number;
        const next = nextColumns[column] as number;
        const right = shares[column] as number;
        const above =
          (source[upper + from] as number) * (1 - right) + (source[upper + next] as number) * right;
        const under =
          (source[lower + from] as number) * (1 - right) + (source[lower + next] as number) * right;
        target[row * width + column] = above + (under - above) * below + 0.5;
      }
    }
  }

  #paint({ dark, light, pattern, roughness, seed }: BackdropLook): void {
    const [patternX, patternY] = pattern;
    const width = this.#width;
    const coarseWidth = Math.ceil(width / coarse) + 1;
    const coarseHeight = Math.ceil(this.#height / coarse) + 1;
    const broad = new Float32Array(coarseWidth * coarseHeight);
    for (let at = 0; at < broad.length; at++) {
      const x = (at % coarseWidth) * coarse;
      const y = Math.floor(at / coarseWidth) * coarse;
      const shade = fractalNoise(x / patternX + seed * 7.3, y / patternY - seed * 3.1, 4);
      const falloff = Math.hypot(x / width - 0.4, y / this.#height - 0.35);
      broad[at] = 0.5 + 0.5 * (shade - 0.5) - 0.28 * (falloff - 0.35);
    }
    for (let row = 0; row < this.#height; row++) {
      for (let column = 0; column < width; column++) {
        const at = Math.floor(row / coarse) * coarseWidth + Math.floor(column / coarse);
        const fx = (column % coarse) / coarse;
        const fy = (row % coarse) / coarse;
        const upper = (broad[at] as number) * (1 - fx) + (broad[at + 1] as number) * fx;
        const lower =
          (broad[at + coarseWidth] as number) * (1 - fx) + (broad[at + coarseWidth + 1] as number) * fx;
        const fine = valueNoise(column / 2.4 + seed * 11, row / (2.4 * (patternY / patternX))) - 0.5;
        const speckle = valueNoise(column / 9, row / 9 + seed * 5) - 0.5;
        const brightness = upper * (1 - fy) + lower * fy + roughness * (fine + 0.6 * speckle);
        const [y, u, v] = toYuv(mixColours(dark, light, smoothstep(0.1, 0.95, brightness)));
        this.#luma[row * width + column] = y;
        if (row % 2 === 0 && column % 2 === 0) {
          const half = (row / 2) * (width / 2) + column / 2;
          this.#u[half] = u;
          this.#v[half] = v;
        }
      }
    }
  }
}

function mirrored(index: number, size: number): number {
  const period = 2 * size;
  const place = ((index % period) + period) % period;
  return place < size ? place : period - 1 - place;
}

/** Backgrounds of everyday colours: cloth, wood, stone, sand, a lawn, a blue mat. */
export const backdropLooks: readonly Omit<BackdropLook, 'seed'>[] = [
  { dark: [16, 36, 52], light: [110, 150, 162], pattern: [170, 190], roughness: 0.08 },
  { dark: [66, 42, 24], light: [196, 150, 104], pattern: [420, 36], roughness: 0.07 },
  { dark: [70, 72, 76], light: [186, 186, 182], pattern: [130, 120], roughness: 0.1 },
  { dark: [122, 104, 76], light: [222, 204, 166], pattern: [210, 150], roughness: 0.1 },
  { dark: [30, 58, 26], light: [122, 152, 78], pattern: [120, 100], roughness: 0.14 },
  { dark: [30, 44, 92], light: [108, 132, 190], pattern: [240, 220], roughness: 0.05 },
];

/** The inside of a body. */
export const tissueLook: Omit<BackdropLook, 'seed'> = {
  dark: [96, 26, 24],
  light: [232, 146, 126],
  pattern: [120, 110],
  roughness: 0.07,
};
