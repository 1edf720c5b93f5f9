import type { MaskLogits } from '../../mask/mask-logits.ts';
import { bitCount, type MaskBits, maskBits } from '../association.ts';

/** A mask as identities are judged by it: its cells, its size and its middle. */
export interface MaskShape {
  readonly bits: MaskBits;
  /** Cells inside. */
  readonly cells: number;
  /** Part of the picture's area. */
  readonly area: number;
  /** Middle, parts of the picture. */
  readonly x: number;
  readonly y: number;
}

/** The shape of a mask on `grid`; null when no cell is inside. */
export function shapeOf(
  logits: MaskLogits,
  grid: Pick<MaskLogits, 'width' | 'height' | 'spanX' | 'spanY'>,
): MaskShape | null {
  const bits = maskBits(logits, grid);
  let [cells, sumX, sumY] = [0, 0, 0];
  for (let word = 0; word < bits.length; word++) {
    for (let rest = bits[word] as number; rest !== 0; rest &= rest - 1) {
      const cell = word * 32 + 31 - Math.clz32(rest & -rest);
      cells++;
      sumX += cell % grid.width;
      sumY += Math.floor(cell / grid.width);
    }
  }
  if (cells === 0) return null;
  return {
    bits,
    cells,
    area: cells / (grid.spanX * grid.spanY),
    x: (sumX / cells + 0.5) / grid.spanX,
    y: (sumY / cells + 0.5) / grid.spanY,
  };
}

/** Cells that two shapes of one grid share. Throws `RangeError` when the grids differ. */
export function sharedCells(a: MaskShape, b: MaskShape): number {
  if (a.bits.length !== b.bits.length) {
    throw new RangeError(`masks of ${a.bits.length} and ${b.bits.length} words`);
  }
  let shared = 0;
  for (let word = 0; word < a.bits.length; word++) {
    shared += bitCount((a.bits[word] as number) & (b.bits[word] as number));
  }
  return shared;
}

/** Intersection over union, 0 to 1. */
export function shapeIou(a: MaskShape, b: MaskShape): number {
  const shared = sharedCells(a, b);
  return shared / (a.cells + b.cells - shared);
}
