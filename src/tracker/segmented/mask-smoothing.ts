import { logitsIou } from '../../mask/mask-iou.ts';

/** Beyond this a logit says no more than that it is sure. */
const sure = 8;
/** IoU below which two masks are not of one shape: the fresh one corrects the other, and is taken as it is. */
const minOverlap = 0.6;

/**
 * Steadies a fresh mask by the one that motion has carried to the same frame, in place: a weighted mean of both,
 * so that what flickers from look to look moves the border less. No lag comes of it, for both are about this very
 * frame. Masks that differ too much are left alone.
 *
 * @param fresh logits, changed
 * @param carried logits on the same grid
 * @param share weight of the carried mask, 0 to 1
 */
export function smoothMask(fresh: Float32Array, carried: Float32Array, share: number): void {
  if (share === 0 || fresh.length !== carried.length) return;
  if (logitsIou(fresh, carried) < minOverlap) return;
  for (let at = 0; at < fresh.length; at++) {
    fresh[at] = (1 - share) * limited(fresh[at] as number) + share * limited(carried[at] as number);
  }
}

function limited(logit: number): number {
  return Math.max(-sure, Math.min(sure, logit));
}
