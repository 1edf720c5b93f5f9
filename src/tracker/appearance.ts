import type { FittedSize } from '../buffer/frame.ts';
import { positiveExtent } from '../mask/mask-logits.ts';
import { signedDistance } from '../mask/signed-distance.ts';

/** Bins per colour channel. */
const bins = 12;
const binWidth = 256 / bins;
/** How far around the mask its surroundings are learned, logits. */
const surroundings = 20;
/** Pixels this close to the border belong to neither side: borders are blurred and masks a little wrong. */
const uncertainBorder = 0.6;
/** The band along the border in which reliability is judged, logits. */
const judgedBand = 8;
/** Largest log likelihood ratio that one colour can claim. */
const maxEvidence = 3;
const unseen = 1e-4;
/** Reliability from which colours can tell one object from another. */
const telling = 0.4;
/** Share of a sample's weight that goes to neighbouring bins, by their distance. */
const spread = [1, 0.4, 0.15, 0.06] as const;

/** Colours of a picture on its mask grid: `height` rows of `width` RGB triples. */
export interface ColourGrid {
  readonly width: number;
  readonly height: number;
  readonly colours: Uint8Array;
}

/** How an object's colours differ from those around it. Plain data: it crosses threads. */
export interface Appearance {
  /** Log likelihood ratio, object over surroundings, per colour bin; `bins` cubed values. */
  readonly evidence: Float32Array;
  /** 0 to 1: how well colour alone told the two apart where the mask was known. */
  readonly reliability: number;
}

/** Averages the middle of every 4 x 4 block of pixels. `out` is reused if it fits. */
export function colourGridOf(pixels: Uint8Array, size: FittedSize, out?: ColourGrid): ColourGrid {
  const width = size.width / 4;
  const height = size.height / 4;
  const fits = out !== undefined && out.width === width && out.height === height;
  const grid = fits ? out : { width, height, colours: new Uint8Array(width * height * 3) };
  const { colours } = grid;
  const rowBytes = size.width * 3;
  let at = 0;
  for (let y = 0; y < height; y++) {
    let source = (y * 4 + 1) * rowBytes + 3;
    for (let x = 0; x < width; x++, source += 12) {
      for (let channel = 0; channel < 3; channel++) {
        const upper = source + channel;
        const lower = upper + rowBytes;
        colours[at++] =
          ((pixels[upper] as number) +
            (pixels[upper + 3] as number) +
            (pixels[lower] as number) +
            (pixels[lower + 3] as number)) >>
          2;
      }
    }
  }
  return grid;
}

/**
 * Learns an object's colours from a picture in which its mask is known.
 *
 * @param logits of the mask, on the same grid
 */
export function learnAppearance(grid: ColourGrid, logits: Float32Array): Appearance {
  const { width, height } = grid;
  const extent = positiveExtent({ width, height, spanX: width, spanY: height, data: logits });
  if (extent === null) return { evidence: new Float32Array(bins ** 3), reliability: 0 };
  const near = neighbourhood(grid, logits, extent);
  const distance = signedDistance(near.logits, near.grid.width, near.grid.height);
  const object = histogram(near.grid, distance, uncertainBorder, Number.POSITIVE_INFINITY);
  const around = histogram(near.grid, distance, -surroundings, -uncertainBorder);
  const evidence = new Float32Array(object.length);
  for (let bin = 0; bin < evidence.length; bin++) {
    const ratio = Math.log(((object[bin] as number) + unseen) / ((around[bin] as number) + unseen));
    evidence[bin] = Math.max(-maxEvidence, Math.min(maxEvidence, ratio));
  }
  return { evidence, reliability: judge(near.grid, distance, evidence) };
}

/** The part of a picture that is near a mask; what lies further away is none of its surroundings. */
function neighbourhood(
  { width, height, colours }: ColourGrid,
  logits: Float32Array,
  extent: NonNullable<ReturnType<typeof positiveExtent>>,
): { readonly grid: ColourGrid; readonly logits: Float32Array } {
  const margin = surroundings + 1;
  const left = Math.max(0, extent.left - margin);
  const top = Math.max(0, extent.top - margin);
  const columns = Math.min(width - 1, extent.right + margin) - left + 1;
  const rows = Math.min(height - 1, extent.bottom + margin) - top + 1;
  const near = new Float32Array(columns * rows);
  const nearColours = new Uint8Array(columns * rows * 3);
  for (let row = 0; row < rows; row++) {
    const from = (top + row) * width + left;
    near.set(logits.subarray(from, from + columns), row * columns);
    nearColours.set(colours.subarray(from * 3, (from + columns) * 3), row * columns * 3);
  }
  return { grid: { width: columns, height: rows, colours: nearColours }, logits: near };
}

/**
 * How far two objects stand out from their surroundings by the same colours, 0 to 1; null where colour tells too
 * little about one of them. The cosine of what speaks for each.
 */
export function colourLikeness(one: Appearance, other: Appearance): number | null {
  if (one.reliability < telling || other.reliability < telling) return null;
  let [both, ofOne, ofOther] = [0, 0, 0];
  for (let bin = 0; bin < one.evidence.length; bin++) {
    const a = Math.max(0, one.evidence[bin] as number);
    const b = Math.max(0, other.evidence[bin] as number);
    both += a * b;
    ofOne += a * a;
    ofOther += b * b;
  }
  return ofOne === 0 || ofOther === 0 ? null : both / Math.sqrt(ofOne * ofOther);
}

/** Evidence of one cell's colour: positive speaks for the object. */
export function evidenceAt(grid: ColourGrid, appearance: Appearance, cell: number): number {
  return appearance.evidence[binOf(grid.colours, cell * 3)] as number;
}

function binOf(colours: Uint8Array, at: number): number {
  const red = ((colours[at] as number) / binWidth) | 0;
  const green = ((colours[at + 1] as number) / binWidth) | 0;
  const blue = ((colours[at + 2] as number) / binWidth) | 0;
  return (red * bins + green) * bins + blue;
}

/** Shares of the colours of all cells between two distances, spread over neighbouring bins. */
function histogram(grid: ColourGrid, distance: Float32Array, from: number, to: number): Float32Array {
  const counts = new Float32Array(bins * bins * bins);
  for (let cell = 0; cell < distance.length; cell++) {
    const here = distance[cell] as number;
    if (here < from || here > to) continue;
    const bin = binOf(grid.colours, cell * 3);
    counts[bin] = (counts[bin] as number) + 1;
  }
  const shares = new Float32Array(counts.length);
  let total = 0;
  for (let bin = 0; bin < counts.length; bin++) {
    const count = counts[bin] as number;
    if (count === 0) continue;
    const red = Math.floor(bin / (bins * bins));
    const green = Math.floor(bin / bins) % bins;
    const blue = bin % bins;
    for (let r = Math.max(0, red - 1); r <= Math.min(bins - 1, red + 1); r++) {
      for (let g = Math.max(0, green - 1); g <= Math.min(bins - 1, green + 1); g++) {
        for (let b = Math.max(0, blue - 1); b <= Math.min(bins - 1, blue + 1); b++) {
          const steps = Math.abs(r - red) + Math.abs(g - green) + Math.abs(b - blue);
          const share = count * (spread[steps] ?? 0);
          const at = (r * bins + g) * bins + b;
          shares[at] = (shares[at] as number) + share;
          total += share;
        }
      }
    }
  }
  if (total > 0) for (let bin = 0; bin < shares.length; bin++) shares[bin] = (shares[bin] as number) / total;
  return shares;
}

/** Share of border cells that colour alone puts on the right side, both sides counting the same; 0.6 is worth 0. */
function judge(grid: ColourGrid, distance: Float32Array, evidence: Float32Array): number {
  let inside = 0;
  let insideRight = 0;
  let outside = 0;
  let outsideRight = 0;
  for (let cell = 0; cell < distance.length; cell++) {
    const here = distance[cell] as number;
    if (Math.abs(here) > judgedBand || Math.abs(here) < uncertainBorder) continue;
    const speaksFor = evidence[binOf(grid.colours, cell * 3)] as number;
    if (here > 0) {
      inside++;
      if (speaksFor > 0) insideRight++;
    } else {
      outside++;
      if (speaksFor < 0) outsideRight++;
    }
  }
  if (inside === 0 || outside === 0) return 0;
  return Math.max(0, ((insideRight / inside + outsideRight / outside) / 2 - 0.6) / 0.4);
}
