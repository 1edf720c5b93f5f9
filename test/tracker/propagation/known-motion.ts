import type { MaskLogits } from '../../../src/mask/mask-logits.ts';
import type { MotionInput } from '../../../src/tracker/propagation/motion-estimator.ts';
import { createMotionField, type MotionField } from '../../../src/tracker/propagation/motion-field.ts';
import { lumaPlane, texture } from '../texture.ts';

export const lumaWidth = 160;
export const lumaHeight = 96;

/** Where a point of the picture came from: backward motion, luma pixels. */
export type Motion = (x: number, y: number) => readonly [number, number];

export const shift =
  (dx: number, dy: number): Motion =>
  () => [dx, dy];

/** A picture that shows the textured world through `world`, which maps picture to world positions. */
export function picture(
  world: (x: number, y: number) => readonly [number, number],
  seed = 1,
): MotionInput & { luma: Uint8Array } {
  const luma = lumaPlane(lumaWidth, lumaHeight, (x, y) => texture(...world(x, y), seed));
  return {
    luma,
    lumaWidth,
    lumaHeight,
    // Source pixels are half as large as those of the luma plane.
    width: lumaWidth * 2,
    height: lumaHeight * 2,
    motionVectors: new Int16Array(0),
  };
}

/** The vectors that a codec might give for a motion: blocks of 16 x 16 source pixels. */
export function codecVectors(motion: Motion): Int16Array {
  const vectors: number[] = [];
  for (let y = 8; y < lumaHeight * 2; y += 16) {
    for (let x = 8; x < lumaWidth * 2; x += 16) {
      const [dx, dy] = motion(x / 2, y / 2);
      // Quarter pixels of the source.
      vectors.push(x, y, 16, 16, Math.round(dx * 8), Math.round(dy * 8));
    }
  }
  return Int16Array.from(vectors);
}

/** A field in which every cell has a motion, is trusted and fits. */
export function fieldOf(motion: Motion): MotionField {
  const field = createMotionField(lumaWidth, lumaHeight);
  for (let row = 0; row < field.rows; row++) {
    for (let column = 0; column < field.columns; column++) {
      const cell = row * field.columns + column;
      const [dx, dy] = motion((column + 0.5) * field.cellSize, (row + 0.5) * field.cellSize);
      field.dx[cell] = dx;
      field.dy[cell] = dy;
      field.weight[cell] = 1;
    }
  }
  return field;
}

/** Errors of a field against the true motion, luma pixels, over cells that are not at the border. */
export function errorsOf(field: MotionField, motion: Motion): number[] {
  const errors: number[] = [];
  for (let row = 1; row < field.rows - 1; row++) {
    for (let column = 1; column < field.columns - 1; column++) {
      const cell = row * field.columns + column;
      const [dx, dy] = motion((column + 0.5) * field.cellSize, (row + 0.5) * field.cellSize);
      errors.push(Math.hypot((field.dx[cell] as number) - dx, (field.dy[cell] as number) - dy));
    }
  }
  return errors.sort((a, b) => a - b);
}

export const median = (sorted: readonly number[]): number => sorted[sorted.length >> 1] ?? Number.NaN;

export const maskGrid = { width: 80, height: 48, spanX: 80, spanY: 48 };

/** A disc as logits that fall off smoothly; luma pixels. */
export function disc(centreX: number, centreY: number, radius: number): MaskLogits {
  const data = new Float32Array(maskGrid.width * maskGrid.height);
  for (let y = 0; y < maskGrid.height; y++) {
    for (let x = 0; x < maskGrid.width; x++) {
      const distance = Math.hypot((x + 0.5) * 2 - centreX, (y + 0.5) * 2 - centreY);
      data[y * maskGrid.width + x] = Math.max(-8, Math.min(8, radius - distance));
    }
  }
  return { ...maskGrid, data };
}
