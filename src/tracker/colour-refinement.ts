import { absentLogit, type MaskLogits, positiveExtent } from '../mask/mask-logits.ts';
import { signedDistance } from '../mask/signed-distance.ts';
import { type Appearance, type ColourGrid, evidenceAt } from './appearance.ts';

/** Colour may move a border by this many logits for each logit that motion is unsure of. */
const bandPerUncertainty = 0.4;
const minBand = 0.4;
const maxBand = 8;
/** Beyond this multiple of the band, motion alone decides. */
const bandReach = 2.2;
const colourGain = 1.5;
/** Below this, colour is not asked at all. */
const minReliability = 0.15;

/**
 * Lets an object's colours correct the border of a mask that motion has carried: the less certain the motion, the
 * further from the border colour may decide, and only as far as it has proved able to.
 */
export class ColourRefinement {
  #distance = new Float32Array(0);
  #evidence = new Float32Array(0);
  #columns = new Float32Array(0);

  /**
   * Refines `logits.data` in place.
   *
   * @param uncertainty of the motion since the anchor, luma pixels (two per logit at the usual sizes)
   */
  refine(logits: MaskLogits, colours: ColourGrid, appearance: Appearance, uncertainty: number): void {
    const band = Math.min(maxBand, minBand + bandPerUncertainty * uncertainty);
    if (appearance.reliability <= minReliability || band < 0.5) return;
    const { width, height, data } = logits;
    if (colours.width !== width || colours.height !== height) return;
    const extent = positiveExtent(logits);
    if (extent === null) return;
    const margin = Math.ceil(band * bandReach) + 2;
    const left = Math.max(0, extent.left - margin);
    const top = Math.max(0, extent.top - margin);
    const columns = Math.min(width - 1, extent.right + margin) - left + 1;
    const rows = Math.min(height - 1, extent.bottom + margin) - top + 1;
    this.#allocate(columns * rows);
    const window = this.#evidence;
    for (let y = 0; y < rows; y++) {
      const source = (top + y) * width + left;
      for (let x = 0; x < columns; x++) window[y * columns + x] = data[source + x] as number;
    }
    const distance = signedDistance(window, columns, rows, this.#distance);
    for (let y = 0; y < rows; y++) {
      for (let x = 0; x < columns; x++) {
        const at = y * columns + x;
        const here = distance[at] as number;
        const isNear = Math.abs(here) <= band * bandReach + 1;
        window[at] = isNear ? evidenceAt(colours, appearance, (top + y) * width + left + x) : Math.sign(here);
      }
    }
    this.#smooth(window, columns, rows);
    const share = (appearance.reliability - minReliability) / (1 - minReliability);
    const gain = colourGain * share * Math.min(1, band / 2);
    for (let y = 0; y < rows; y++) {
      for (let x = 0; x < columns; x++) {
        const at = y * columns + x;
        const here = distance[at] as number;
        const target = (top + y) * width + left + x;
        if (Math.abs(here) > band * bandReach) data[target] = here > 0 ? 6 : absentLogit;
        else {
          const refined = (2 * here) / band + gain * (window[at] as number);
          // A narrow band keeps most of the original logits, and with them their sub-cell accuracy.
          const weight = Math.min(1, band);
          data[target] = (data[target] as number) * (1 - weight) + refined * weight;
        }
      }
    }
  }

  #allocate(cells: number): void {
    if (this.#distance.length >= cells) return;
    this.#distance = new Float32Array(cells);
    this.#evidence = new Float32Array(cells);
    this.#columns = new Float32Array(cells);
  }

  /** Averages over 3 x 3 cells; cells beyond the window repeat its border. */
  #smooth(values: Float32Array, columns: number, rows: number): void {
    const sums = this.#columns;
    for (let y = 0; y < rows; y++) {
      const above = y > 0 ? -columns : 0;
      const below = y < rows - 1 ? columns : 0;
      for (let x = 0; x < columns; x++) {
        const at = y * columns + x;
        sums[at] = (values[at + above] as number) + (values[at] as number) + (values[at + below] as number);
      }
    }
    for (let y = 0; y < rows; y++) {
      for (let x = 0; x < columns; x++) {
        const at = y * columns + x;
        const before = sums[x > 0 ? at - 1 : at] as number;
        const after = sums[x < columns - 1 ? at + 1 : at] as number;
        values[at] = (before + (sums[at] as number) + after) / 9;
      }
    }
  }
}
