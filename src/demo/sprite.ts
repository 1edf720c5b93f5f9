import { mixColours, smoothstep, toYuv } from './colour.ts';
import type { Picture } from './picture.ts';
import type { Shape } from './shapes.ts';

/** Texels per screen pixel along each side: enough that picking the nearest one looks smooth. */
const detail = 2;

/** Where and how a sprite is drawn; pixels of the screen, radians. */
export interface Pose {
  readonly x: number;
  readonly y: number;
  readonly turn: number;
  readonly scale: number;
}

/**
 * A shape made into texels once, then turned, scaled, lit and blended into pictures. Its colours turn with it,
 * the light does not.
 */
export class Sprite {
  readonly radius: number;
  readonly #size: number;
  readonly #luma: Uint8Array;
  readonly #u: Uint8Array;
  readonly #v: Uint8Array;
  readonly #alpha: Uint8Array;
  /** By place on the screen: brightness, 128 is neutral, and what shine adds. */
  readonly #gain: Uint8Array;
  readonly #shine: Uint8Array;
  /** Brightness of what lies below, 255 is unchanged. */
  readonly #shadow: Uint8Array;
  readonly #lightSize: number;
  readonly #shadowReach: number;

  /** @param radius of the shape on the screen, pixels */
  constructor(shape: Shape, radius: number) {
    this.radius = radius;
    const size = Math.ceil(radius * 2 * detail) + 2 * detail;
    this.#size = size;
    this.#luma = new Uint8Array(size * size);
    this.#u = new Uint8Array(size * size);
    this.#v = new Uint8Array(size * size);
    this.#alpha = new Uint8Array(size * size);
    this.#paint(shape);
    this.#lightSize = Math.ceil(radius * 2);
    this.#gain = new Uint8Array(this.#lightSize ** 2);
    this.#shine = new Uint8Array(this.#lightSize ** 2);
    this.#light(shape);
    this.#shadowReach = Math.ceil(radius * 1.3 * (shape.shadow ?? 1));
    this.#shadow = shadowOf(this.#shadowReach);
  }

  /** Blends the sprite into a picture. */
  draw(target: Picture, pose: Pose): void {
    const { width, height, y: luma, u, v } = target;
    const reach = this.radius * pose.scale + 1;
    const left = Math.max(0, Math.floor(pose.x - reach));
    const right = Math.min(width, Math.ceil(pose.x + reach) + 1);
    const top = Math.max(0, Math.floor(pose.y - reach));
    const bottom = Math.min(height, Math.ceil(pose.y + reach) + 1);
    const texels = this.#sampler(pose);
    const size = this.#size;
    const lightSize = this.#lightSize;
    const lightStep = 1 / pose.scale;
    for (let row = top; row < bottom; row++) {
      const lightRow = clamp(((row - pose.y) * lightStep + this.radius) | 0, lightSize) * lightSize;
      let s = texels.originX + (left - pose.x) * texels.cos + (row - pose.y) * texels.sin;
      let t = texels.originY - (left - pose.x) * texels.sin + (row - pose.y) * texels.cos;
      for (let column = left; column < right; column++, s += texels.cos, t -= texels.sin) {
        if (s < 0 || t < 0 || s >= size || t >= size) continue;
        const texel = (t | 0) * size + (s | 0);
        const alpha = this.#alpha[texel] ?? 0;
        if (alpha === 0) continue;
        const light = lightRow + clamp(((column - pose.x) * lightStep + this.radius) | 0, lightSize);
        const gain = this.#gain[light] ?? 128;
        const lit = 16 + ((((this.#luma[texel] ?? 16) - 16) * gain) >> 7) + (this.#shine[light] ?? 0);
        const at = row * width + column;
        const below = luma[at] ?? 0;
        luma[at] = below + (((Math.min(lit, 235) - below) * alpha) >> 8);
        if (((row | column) & 1) === 0) {
          const half = (row >> 1) * (width >> 1) + (column >> 1);
          const paleness = 128 - (this.#shine[light] ?? 0);
          const colourGain = (gain * Math.max(0, paleness)) >> 7;
          const cu = 128 + ((((this.#u[texel] ?? 128) - 128) * colourGain) >> 7);
          const cv = 128 + ((((this.#v[texel] ?? 128) - 128) * colourGain) >> 7);
          const belowU = u[half] ?? 128;
          const belowV = v[half] ?? 128;
          u[half] = belowU + (((cu - belowU) * alpha) >> 8);
          v[half] = belowV + (((cv - belowV) * alpha) >> 8);
        }
      }
    }
  }

  /** Darkens what lies below, down and to the right of the sprite. */
  drawShadow(target: Picture, pose: Pose): void {
    const { width, height, y: luma } = target;
    const reach = this.#shadowReach;
    const scaled = reach * pose.scale;
    const centreX = pose.x + 0.13 * this.radius;
    const centreY = pose.y + 0.2 * this.radius;
    const step = 1 / pose.scale;
    const right = Math.min(width, Math.floor(centreX + scaled));
    const bottom = Math.min(height, Math.floor(centreY + scaled));
    const left = Math.max(0, Math.ceil(centreX - scaled));
    for (let row = Math.max(0, Math.ceil(centreY - scaled)); row < bottom; row++) {
      const from = clamp(((row - centreY) * step + reach) | 0, 2 * reach) * 2 * reach;
      let s = (left - centreX) * step + reach;
      for (let at = row * width + left; at < row * width + right; at++, s += step) {
        const gain = this.#shadow[from + (s | 0)] ?? 255;
        luma[at] = 16 + ((((luma[at] ?? 16) - 16) * gain) >> 8);
      }
    }
  }

  /** Writes `id` where the sprite covers at least half of a pixel of the map, `width` by `height`. */
  mark(target: Uint8Array, width: number, height: number, pose: Pose, id: number): void {
    const reach = this.radius * pose.scale + 1;
    const texels = this.#sampler(pose);
    const bottom = Math.min(height, Math.ceil(pose.y + reach) + 1);
    const right = Math.min(width, Math.ceil(pose.x + reach) + 1);
    for (let row = Math.max(0, Math.floor(pose.y - reach)); row < bottom; row++) {
      for (let column = Math.max(0, Math.floor(pose.x - reach)); column < right; column++) {
        const s = texels.originX + (column - pose.x) * texels.cos + (row - pose.y) * texels.sin;
        const t = texels.originY - (column - pose.x) * texels.sin + (row - pose.y) * texels.cos;
        if (s < 0 || t < 0 || s >= this.#size || t >= this.#size) continue;
        if ((this.#alpha[(t | 0) * this.#size + (s | 0)] ?? 0) >= 128) target[row * width + column] = id;
      }
    }
  }

  #sampler({ turn, scale }: Pose) {
    const step = detail / scale;
    const centre = this.#size / 2;
    return { cos: Math.cos(turn) * step, sin: Math.sin(turn) * step, originX: centre, originY: centre };
  }

  #paint(shape: Shape): void {
    const size = this.#size;
    const texel = 1 / (this.radius * detail);
    for (let at = 0; at < size * size; at++) {
      const x = ((at % size) + 0.5 - size / 2) * texel;
      const y = (Math.floor(at / size) + 0.5 - size / 2) * texel;
      const distance = shape.distance(x, y);
      // Two texels, one pixel, of soft edge.
      this.#alpha[at] = Math.round(255 * smoothstep(1.2 * texel, -1.2 * texel, distance));
      if (this.#alpha[at] === 0) continue;
      const outline = smoothstep(-0.065, -0.02, distance);
      const [cy, cu, cv] = toYuv(mixColours(shape.colour(x, y), [24, 16, 30], 0.62 * outline));
      this.#luma[at] = shape.form === 'slab' ? bevelled(cy, shape, x, y, distance) : cy;
      this.#u[at] = cu;
      this.#v[at] = cv;
    }
  }

  #light(shape: Shape): void {
    const size = this.#lightSize;
    for (let at = 0; at < size * size; at++) {
      const x = ((at % size) + 0.5) / this.radius - 1;
      const y = (Math.floor(at / size) + 0.5) / this.radius - 1;
      if (shape.form === 'slab') {
        this.#gain[at] = Math.round(128 * (1.02 - 0.1 * (x + y)));
        continue;
      }
      const z = Math.sqrt(Math.max(0, 1 - x * x - y * y));
      const towardsLight = Math.max(0, -0.48 * x - 0.6 * y + 0.64 * z);
      this.#gain[at] = Math.round(128 * (0.42 + 0.82 * towardsLight));
      const reflected = Math.max(0, -0.27 * x - 0.34 * y + 0.9 * z);
      this.#shine[at] = Math.round(105 * reflected ** 60);
    }
  }
}

/** Lightens the rim of a slab where it faces up and left, darkens it on the other side. */
function bevelled(luma: number, shape: Shape, x: number, y: number, distance: number): number {
  const rim = smoothstep(-0.2, -0.04, distance);
  if (rim === 0) return luma;
  const step = 0.02;
  const slopeX = (shape.distance(x + step, y) - shape.distance(x - step, y)) / (2 * step);
  const slopeY = (shape.distance(x, y + step) - shape.distance(x, y - step)) / (2 * step);
  const facing = -(0.5 * slopeX + 0.8 * slopeY);
  return Math.min(235, Math.max(16, 16 + (luma - 16) * (1 + 0.22 * rim * facing)));
}

function shadowOf(reach: number): Uint8Array {
  const size = 2 * reach;
  const shadow = new Uint8Array(size * size);
  for (let at = 0; at < shadow.length; at++) {
    const x = ((at % size) + 0.5) / reach - 1;
    const y = (Math.floor(at / size) + 0.5) / reach - 1;
    shadow[at] = Math.round(255 * (1 - 0.5 * smoothstep(1, 0.45, Math.hypot(x, y))));
  }
  return shadow;
}

function clamp(index: number, size: number): number {
  return index < 0 ? 0 : index >= size ? size - 1 : index;
}
