import type { TrackState } from '../track.ts';

/** What speaks for a sighting being a known object. */
export interface PairEvidence {
  /** Cosine of what both look like, -1 to 1; null where it is not known of one of them. */
  readonly cosine: number | null;
  /** IoU of the sighting with the place where the object is expected, 0 to 1. */
  readonly overlap: number;
  /** Distance of the middles, in diagonals of the picture. */
  readonly distance: number;
  /** Area of the sighting over that of the object. */
  readonly sizeRatio: number;
  /** Seconds since the object was last seen. */
  readonly hiddenSeconds: number;
}

/** Cosine from which looks begin to speak for an object, and from which they say all that they can. */
const [unlike, alike] = [0.5, 0.85] as const;
/** Below this cosine a sighting is something else, wherever it is. */
const otherThing = 0.4;
/** Areas that differ by more than this factor are not of one object. */
const maxSizeRatio = 4;
/** Standard deviation of the logarithm of the size ratio. */
const sizeSpread = 0.6;
/** How far an object may have moved unseen, diagonals of the picture: at once, and per second. */
const reachAtOnce = 0.06;
const reachPerSecond = 0.12;
/** Seconds after which the last place says half as much. */
const placeHalfLife = 3;

const appearanceWeight = 0.55;
const sizeWeight = 0.15;
const placeWeight = 0.3;

/** Likeness from which a sighting is taken for an object, by the object's state: the longer gone, the surer. */
export const minLikeness: Readonly<Record<TrackState, number>> = { active: 0.55, occluded: 0.6, lost: 0.72 };

/**
 * How likely a sighting is a known object, 0 to 1: the weighted mean of what looks, place and size say. The longer
 * the object has been hidden, the less its last place counts. 0 where one of them rules it out.
 */
export function likeness(evidence: PairEvidence): number {
  const { cosine, overlap, distance, sizeRatio, hiddenSeconds } = evidence;
  if (!(sizeRatio <= maxSizeRatio) || sizeRatio < 1 / maxSizeRatio) return 0;
  if (cosine !== null && cosine < otherThing) return 0;
  const reach = reachAtOnce + reachPerSecond * hiddenSeconds;
  const place = Math.max(overlap, Math.exp(-((distance / reach) ** 2)));
  const size = Math.exp(-(Math.log(sizeRatio) ** 2) / (2 * sizeSpread ** 2));
  const trustInPlace = placeWeight * 0.5 ** (hiddenSeconds / placeHalfLife);
  // Without looks only an overlapping place tells one thing from another.
  if (cosine === null) return overlap * size * 0.5 ** (hiddenSeconds / placeHalfLife);
  const looks = Math.max(0, Math.min(1, (cosine - unlike) / (alike - unlike)));
  return (
    (appearanceWeight * looks + sizeWeight * size + trustInPlace * place) /
    (appearanceWeight + sizeWeight + trustInPlace)
  );
}
