import { type RunLengthMask, readRuns } from './run-length.ts';

/**
 * Intersection over union of two masks of the same picture, 0 to 1; two empty masks have 0, as in pycocotools.
 *
 * @param a row-major, 0 outside and anything else inside
 * @param b as long as `a`
 * @throws RangeError when the lengths differ
 */
export function maskIou(a: Uint8Array, b: Uint8Array): number {
  if (a.length !== b.length) throw new RangeError(`masks of ${a.length} and ${b.length} pixels`);
  let intersection = 0;
  let union = 0;
  for (let index = 0; index < a.length; index++) {
    const inA = a[index] !== 0;
    const inB = b[index] !== 0;
    if (inA && inB) intersection += 1;
    if (inA || inB) union += 1;
  }
  return union === 0 ? 0 : intersection / union;
}

/** IoU of two masks given as logits on the same grid; 0 when both are empty. */
export function logitsIou(a: Float32Array, b: Float32Array): number {
  let intersection = 0;
  let union = 0;
  for (let at = 0; at < a.length; at++) {
    const inA = (a[at] as number) > 0;
    const inB = (b[at] as number) > 0;
    if (inA && inB) intersection++;
    if (inA || inB) union++;
  }
  return union === 0 ? 0 : intersection / union;
}

let runsOfB = new Uint32Array(1024);

/**
 * Intersection over union of two run-length masks without decoding them to pixels; two empty masks have 0.
 *
 * @throws TrackcastError `TRACKCAST_MASK_INVALID`
 * @throws RangeError when the sizes differ
 */
export function runLengthIou(a: RunLengthMask, b: RunLengthMask): number {
  if (a.size[0] !== b.size[0] || a.size[1] !== b.size[1]) {
    throw new RangeError(`masks of ${a.size[1]}x${a.size[0]} and ${b.size[1]}x${b.size[0]}`);
  }
  if (runsOfB.length < b.counts.length) runsOfB = new Uint32Array(b.counts.length * 2);
  const second = readRuns(b, runsOfB);
  const first = readRuns(a);
  let intersection = 0;
  let union = 0;
  let indexA = 0;
  let indexB = 0;
  let leftA = first[0] ?? 0;
  let leftB = second[0] ?? 0;
  while (indexA < first.length && indexB < second.length) {
    const step = Math.min(leftA, leftB);
    const inA = indexA & 1;
    const inB = indexB & 1;
    if (inA & inB) intersection += step;
    if (inA | inB) union += step;
    leftA -= step;
    leftB -= step;
    if (leftA === 0) leftA = first[++indexA] ?? 0;
    if (leftB === 0) leftB = second[++indexB] ?? 0;
  }
  return union === 0 ? 0 : intersection / union;
}
