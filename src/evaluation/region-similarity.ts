/** A picture region: row-major, one byte per pixel, 0 outside and anything else inside. */
export type RegionPixels = Uint8Array;

/**
 * Region similarity J: the Jaccard index of two regions (Perazzi et al., CVPR 2016, section 4.1). Two empty
 * regions agree: 1.
 *
 * @param ignored pixels that count for neither side, same layout; DAVIS calls them void
 * @throws RangeError when the lengths differ
 */
export function regionSimilarity(
  prediction: RegionPixels,
  truth: RegionPixels,
  ignored: RegionPixels | null = null,
): number {
  requireSameLength(prediction, truth, ignored);
  let intersection = 0;
  let union = 0;
  for (let at = 0; at < truth.length; at++) {
    if (ignored !== null && ignored[at] !== 0) continue;
    const inPrediction = prediction[at] === 0 ? 0 : 1;
    const inTruth = truth[at] === 0 ? 0 : 1;
    intersection += inPrediction & inTruth;
    union += inPrediction | inTruth;
  }
  return union === 0 ? 1 : intersection / union;
}

/** @throws RangeError when the regions are not of one picture size */
export function requireSameLength(
  prediction: RegionPixels,
  truth: RegionPixels,
  ignored: RegionPixels | null,
): void {
  if (prediction.length !== truth.length || (ignored !== null && ignored.length !== truth.length)) {
    throw new RangeError('the regions compared are of different sizes');
  }
}
