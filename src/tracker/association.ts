import { type MaskLogits, sampleLogits } from '../mask/mask-logits.ts';
import { assign } from './assignment.ts';

/** A mask as bits, 32 cells a word, row-major over its grid; masks of one grid can be compared. */
export type MaskBits = Uint32Array;

/** Which candidate continues which track. Positions in the given lists. */
export interface Association {
  readonly matches: readonly { readonly track: number; readonly candidate: number; readonly iou: number }[];
  readonly unmatchedTracks: readonly number[];
  readonly unmatchedCandidates: readonly number[];
}

/** IoU below which two masks on consecutive looks are not the same object. */
export const minAssociationIou = 0.3;

/**
 * Pairs tracks with candidates so that their masks overlap most in total (the assignment of SORT, Bewley et al.
 * 2016, on masks instead of boxes). Pairs below `minIou` are never made.
 */
export function associate(
  tracks: readonly MaskBits[],
  candidates: readonly MaskBits[],
  minIou: number = minAssociationIou,
): Association {
  const cost = new Float64Array(tracks.length * candidates.length);
  tracks.forEach((track, row) => {
    candidates.forEach((candidate, column) => {
      const iou = bitsIou(track, candidate);
      cost[row * candidates.length + column] = iou >= minIou && iou > 0 ? 1 - iou : Number.POSITIVE_INFINITY;
    });
  });
  const candidateOfTrack = assign(cost, tracks.length, candidates.length);
  const matches: { track: number; candidate: number; iou: number }[] = [];
  const unmatchedTracks: number[] = [];
  const free = new Set(candidates.keys());
  candidateOfTrack.forEach((candidate, track) => {
    if (candidate < 0) {
      unmatchedTracks.push(track);
      return;
    }
    free.delete(candidate);
    matches.push({ track, candidate, iou: 1 - (cost[track * candidates.length + candidate] ?? 1) });
  });
  return { matches, unmatchedTracks, unmatchedCandidates: [...free] };
}

/**
 * A mask as bits on `grid`. Logits of another grid are sampled at the same places of the picture; cells over
 * padding are outside.
 */
export function maskBits(
  logits: MaskLogits,
  grid: Pick<MaskLogits, 'width' | 'height' | 'spanX' | 'spanY'>,
): MaskBits {
  const { width, height, spanX, spanY } = grid;
  const bits = new Uint32Array(Math.ceil((width * height) / 32));
  const isSameGrid =
    logits.width === width && logits.height === height && logits.spanX === spanX && logits.spanY === spanY;
  for (let y = 0; y < Math.min(height, Math.ceil(spanY)); y++) {
    for (let x = 0; x < Math.min(width, Math.ceil(spanX)); x++) {
      const at = y * width + x;
      const logit = isSameGrid
        ? (logits.data[at] as number)
        : sampleLogits(logits, (x + 0.5) / spanX, (y + 0.5) / spanY);
      if (logit > 0) bits[at >>> 5] = (bits[at >>> 5] as number) | (1 << (at & 31));
    }
  }
  return bits;
}

/** Intersection over union, 0 to 1; two empty masks have 0. Throws `RangeError` when the lengths differ. */
export function bitsIou(a: MaskBits, b: MaskBits): number {
  if (a.length !== b.length) throw new RangeError(`masks of ${a.length} and ${b.length} words`);
  let intersection = 0;
  let union = 0;
  for (let word = 0; word < a.length; word++) {
    const inA = a[word] as number;
    const inB = b[word] as number;
    intersection += bitCount(inA & inB);
    union += bitCount(inA | inB);
  }
  return union === 0 ? 0 : intersection / union;
}

/** How many bits of a 32-bit word are set (Warren, Hacker's Delight, section 5-1). */
function bitCount(word: number): number {
  const pairs = word - ((word >>> 1) & 0x55555555);
  const nibbles = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333);
  return Math.imul((nibbles + (nibbles >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
