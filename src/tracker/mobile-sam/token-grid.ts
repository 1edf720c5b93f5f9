import { sampleBilinear } from '../../mask/bilinear.ts';
import type { MaskLogits } from '../../mask/mask-logits.ts';

/** Mask logits per token and side: tokens have a stride of 16 pixels, mask logits of 4. */
const logitsPerToken = 4;

/** Share of each token's square that a mask covers, 0 to 1, row-major. */
export function tokenCoverage(
  logits: Float32Array,
  grid: Pick<MaskLogits, 'width' | 'height'>,
): Float32Array {
  const columns = grid.width / logitsPerToken;
  const coverage = new Float32Array(columns * (grid.height / logitsPerToken));
  const part = 1 / (logitsPerToken * logitsPerToken);
  for (let y = 0; y < grid.height; y++) {
    const row = ((y / logitsPerToken) | 0) * columns;
    for (let x = 0; x < grid.width; x++) {
      if ((logits[y * grid.width + x] as number) <= 0) continue;
      const token = row + ((x / logitsPerToken) | 0);
      coverage[token] = (coverage[token] as number) + part;
    }
  }
  return coverage;
}

/** Enlarges a token map to the mask grid, bilinear between the tokens' centres. */
export function enlargeTokens(
  values: Float32Array,
  grid: Pick<MaskLogits, 'width' | 'height'>,
  out: Float32Array,
): void {
  const columns = grid.width / logitsPerToken;
  const rows = grid.height / logitsPerToken;
  for (let y = 0; y < grid.height; y++) {
    const row = (y + 0.5) / logitsPerToken - 0.5;
    for (let x = 0; x < grid.width; x++) {
      const column = (x + 0.5) / logitsPerToken - 0.5;
      out[y * grid.width + x] = sampleBilinear(values, columns, column, row, 0, 0, columns - 1, rows - 1);
    }
  }
}

/** A connected set of cells and where it lies. */
export interface Component {
  /** 1 for cells of the component, 0 elsewhere. */
  readonly cells: Uint8Array;
  readonly left: number;
  readonly top: number;
  /** Inclusive. */
  readonly right: number;
  readonly bottom: number;
  /** Sum of the values over the component. */
  readonly weight: number;
}

/**
 * The 4-connected component above a threshold whose values add up to most; null when nothing is above it.
 *
 * @param values `rows` rows of `columns` values
 */
export function heaviestComponent(
  values: Float32Array,
  columns: number,
  rows: number,
  threshold: number,
): Component | null {
  const labels = new Int32Array(columns * rows);
  const stack: number[] = [];
  let best = { label: 0, weight: 0, left: 0, top: 0, right: 0, bottom: 0 };
  let label = 0;
  for (let seed = 0; seed < labels.length; seed++) {
    if ((values[seed] as number) <= threshold || labels[seed] !== 0) continue;
    label++;
    const found = { label, weight: 0, left: columns, top: rows, right: -1, bottom: -1 };
    labels[seed] = label;
    stack.push(seed);
    for (let cell = stack.pop(); cell !== undefined; cell = stack.pop()) {
      const x = cell % columns;
      const y = (cell / columns) | 0;
      found.weight += values[cell] as number;
      if (x < found.left) found.left = x;
      if (x > found.right) found.right = x;
      if (y < found.top) found.top = y;
      if (y > found.bottom) found.bottom = y;
      const visit = (next: number): void => {
        if ((values[next] as number) > threshold && labels[next] === 0) {
          labels[next] = label;
          stack.push(next);
        }
      };
      if (x > 0) visit(cell - 1);
      if (x < columns - 1) visit(cell + 1);
      if (y > 0) visit(cell - columns);
      if (y < rows - 1) visit(cell + columns);
    }
    if (found.weight > best.weight) best = found;
  }
  if (best.label === 0) return null;
  const cells = new Uint8Array(labels.length);
  for (let cell = 0; cell < labels.length; cell++) cells[cell] = labels[cell] === best.label ? 1 : 0;
  return {
    cells,
    left: best.left,
    top: best.top,
    right: best.right,
    bottom: best.bottom,
    weight: best.weight,
  };
}
