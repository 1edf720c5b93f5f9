import type { MaskLogits } from '../../mask/mask-logits.ts';
import { bitsIou, type MaskBits, maskBits } from '../association.ts';

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

/** Intersection over union, 0 to 1. Throws `RangeError` when the grids differ. */
export function shapeIou(a: MaskShape, b: MaskShape): number {
  return bitsIou(a.bits, b.bits);
}
