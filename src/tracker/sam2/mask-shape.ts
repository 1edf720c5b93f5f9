import type { Box } from '../../mask/box.ts';

/** Where a mask is, on its own grid of pixels. */
export interface MaskShape {
  readonly box: Box;
  /** Pixels inside. */
  readonly area: number;
}

/**
 * Box and area of a mask; null for an empty one.
 *
 * @param logits `side` rows of `side` values, positive inside
 */
export function maskShape(logits: Float32Array, side: number): MaskShape | null {
  const extent = new Extent();
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) if ((logits[y * side + x] as number) > 0) extent.add(x, y);
  }
  return extent.shape;
}

/**
 * Box and area of a mask's largest part, whose pixels touch each other, also at corners; null for an empty mask.
 *
 * @param logits `side` rows of `side` values, positive inside
 */
export function largestPart(logits: Float32Array, side: number): MaskShape | null {
  const isOpen = Uint8Array.from(logits, (logit) => (logit > 0 ? 1 : 0));
  const open = new Int32Array(side * side);
  let largest: MaskShape | null = null;
  for (let start = 0; start < isOpen.length; start++) {
    if (isOpen[start] === 0) continue;
    const extent = new Extent();
    let count = 0;
    const push = (at: number) => {
      isOpen[at] = 0;
      open[count++] = at;
    };
    push(start);
    while (count > 0) {
      const at = open[--count] as number;
      const x = at % side;
      const y = (at - x) / side;
      extent.add(x, y);
      for (let nextY = Math.max(0, y - 1); nextY <= Math.min(side - 1, y + 1); nextY++) {
        for (let nextX = Math.max(0, x - 1); nextX <= Math.min(side - 1, x + 1); nextX++) {
          if (isOpen[nextY * side + nextX] === 1) push(nextY * side + nextX);
        }
      }
    }
    const { shape } = extent;
    if (shape !== null && shape.area > (largest?.area ?? 0)) largest = shape;
  }
  return largest;
}

/** Intersection over union of two boxes, 0 to 1. */
export function boxIou(a: Box, b: Box): number {
  const width = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
  const height = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
  if (width <= 0 || height <= 0) return 0;
  const intersection = width * height;
  return intersection / (a.width * a.height + b.width * b.height - intersection);
}

/** The smallest box around two boxes. */
export function enclosingBox(a: Box, b: Box): Box {
  const x = Math.min(a.x, b.x);
  const y = Math.min(a.y, b.y);
  const width = Math.max(a.x + a.width, b.x + b.width) - x;
  const height = Math.max(a.y + a.height, b.y + b.height) - y;
  return { x, y, width, height };
}

/** Grows with pixels. */
class Extent {
  #left = Number.POSITIVE_INFINITY;
  #top = Number.POSITIVE_INFINITY;
  #right = -1;
  #bottom = -1;
  #area = 0;

  add(x: number, y: number): void {
    if (x < this.#left) this.#left = x;
    if (x > this.#right) this.#right = x;
    if (y < this.#top) this.#top = y;
    if (y > this.#bottom) this.#bottom = y;
    this.#area++;
  }

  get shape(): MaskShape | null {
    if (this.#area === 0) return null;
    const width = this.#right - this.#left + 1;
    const height = this.#bottom - this.#top + 1;
    return { box: { x: this.#left, y: this.#top, width, height }, area: this.#area };
  }
}
