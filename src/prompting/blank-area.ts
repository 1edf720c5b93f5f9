import type { LumaPicture } from './prompt-strategy.ts';

/** Letterboxes and the surroundings of an endoscope's round picture are darker than this, grey levels. */
export const blackLevel = 14;
/** Side of the blocks that are judged as one, luma pixels. */
const blockSide = 4;

/**
 * What of a picture shows nothing: black that reaches to its border, as a letterbox does and what surrounds an
 * endoscope's round picture. Dark things inside the picture are part of it.
 */
export class BlankArea {
  readonly #columns: number;
  readonly #rows: number;
  /** 1 for blank blocks, and for those beside them: what is there shows the border's edge. */
  readonly #isAvoided: Uint8Array;
  /** Part of the picture that is not blank, 0 to 1. */
  readonly seenShare: number;

  constructor({ luma, lumaWidth, lumaHeight }: LumaPicture) {
    this.#columns = Math.max(1, Math.floor(lumaWidth / blockSide));
    this.#rows = Math.max(1, Math.floor(lumaHeight / blockSide));
    const isBlack = new Uint8Array(this.#columns * this.#rows);
    for (let block = 0; block < isBlack.length; block++) {
      const left = (block % this.#columns) * blockSide;
      const top = Math.floor(block / this.#columns) * blockSide;
      let sum = 0;
      for (let row = top; row < top + blockSide; row++) {
        for (let column = left; column < left + blockSide; column++) {
          sum += luma[row * lumaWidth + column] ?? 0;
        }
      }
      if (sum <= blackLevel * blockSide * blockSide) isBlack[block] = 1;
    }
    const isBlank = connectedToBorder(isBlack, this.#columns, this.#rows);
    this.seenShare = 1 - isBlank.reduce((sum, value) => sum + value, 0) / isBlank.length;
    this.#isAvoided = grown(isBlank, this.#columns, this.#rows);
  }

  /** Whether a point shows nothing, or no more than the edge of it. Position in parts of the picture, 0 to 1. */
  includes(x: number, y: number): boolean {
    const column = Math.max(0, Math.min(this.#columns - 1, Math.floor(x * this.#columns)));
    const row = Math.max(0, Math.min(this.#rows - 1, Math.floor(y * this.#rows)));
    return this.#isAvoided[row * this.#columns + column] === 1;
  }
}

function connectedToBorder(isBlack: Uint8Array, columns: number, rows: number): Uint8Array {
  const reached = new Uint8Array(isBlack.length);
  const open: number[] = [];
  const visit = (column: number, row: number) => {
    if (column < 0 || row < 0 || column >= columns || row >= rows) return;
    const block = row * columns + column;
    if (isBlack[block] === 0 || reached[block] === 1) return;
    reached[block] = 1;
    open.push(block);
  };
  for (let column = 0; column < columns; column++) {
    visit(column, 0);
    visit(column, rows - 1);
  }
  for (let row = 0; row < rows; row++) {
    visit(0, row);
    visit(columns - 1, row);
  }
  for (let block = open.pop(); block !== undefined; block = open.pop()) {
    const column = block % columns;
    const row = Math.floor(block / columns);
    visit(column - 1, row);
    visit(column + 1, row);
    visit(column, row - 1);
    visit(column, row + 1);
  }
  return reached;
}

/** The area and all blocks that touch it. */
function grown(area: Uint8Array, columns: number, rows: number): Uint8Array {
  const result = area.slice();
  for (let block = 0; block < area.length; block++) {
    if (area[block] === 0) continue;
    const column = block % columns;
    const row = Math.floor(block / columns);
    for (let y = Math.max(0, row - 1); y <= Math.min(rows - 1, row + 1); y++) {
      result.fill(
        1,
        y * columns + Math.max(0, column - 1),
        y * columns + Math.min(columns - 1, column + 1) + 1,
      );
    }
  }
  return result;
}
