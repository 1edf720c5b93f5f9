import type { CarriedMask, TrackFrame } from '../tracker/track.ts';

/** A mask with what the tracker said of it and how good it was. */
export interface CalibrationPair {
  readonly variant: string;
  readonly sequence: string;
  readonly frameIndex: number;
  readonly trackId: number;
  /** The annotated object that it was compared with. */
  readonly objectId: number;
  /** How the two were matched: the track was made for the object, or overlaps it most. */
  readonly matchedBy: 'prompt' | 'overlap';
  /** The track's score. */
  readonly score: number;
  readonly provenance: TrackFrame['provenance'];
  /** Frames since the track was made. */
  readonly age: number;
  /** Part of the picture's area. */
  readonly area: number;
  /** Since the mask was last segmented; absent where the tracker does not say. */
  readonly carried?: CarriedMask;
  /** Mask IoU with the object. */
  readonly iou: number;
}

/** Masks whose scores are alike. */
export interface ReliabilityBin {
  /** Scores from here on. */
  readonly from: number;
  /** To below here; the last bin includes its end. */
  readonly to: number;
  readonly count: number;
  /** NaN for an empty bin, as is the mean IoU. */
  readonly meanScore: number;
  readonly meanIou: number;
}

export interface Reliability {
  readonly bins: readonly ReliabilityBin[];
  /** Expected calibration error. */
  readonly expectedError: number;
}

/**
 * How far scores say what IoUs are: a reliability table of bins of equal width, and the expected calibration error,
 * the mean distance of a bin's mean score from its mean IoU, weighted by counts (Naeini et al., AAAI 2015; Guo et
 * al., ICML 2017, section 2), with the IoU in the place of correctness.
 *
 * @throws RangeError for a score outside 0 to 1
 */
export function reliability(
  pairs: readonly Pick<CalibrationPair, 'score' | 'iou'>[],
  binCount = 10,
): Reliability {
  const sums = Array.from({ length: binCount }, () => ({ count: 0, score: 0, iou: 0 }));
  for (const { score, iou } of pairs) {
    if (!(score >= 0 && score <= 1)) throw new RangeError(`${score} is no score between 0 and 1`);
    const sum = sums[Math.min(binCount - 1, Math.floor(score * binCount))];
    if (sum === undefined) continue;
    sum.count++;
    sum.score += score;
    sum.iou += iou;
  }
  const expectedError =
    sums.reduce((total, { score, iou }) => total + Math.abs(score - iou), 0) / pairs.length;
  const bins = sums.map(({ count, score, iou }, at) => ({
    from: at / binCount,
    to: (at + 1) / binCount,
    count,
    meanScore: score / count,
    meanIou: iou / count,
  }));
  return { bins, expectedError };
}
