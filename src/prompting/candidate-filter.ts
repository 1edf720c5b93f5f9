import type { MaskLogits } from '../mask/mask-logits.ts';

/** A mask that a prompt produced. */
export interface CandidateMask {
  /** Logits on the mask grid. */
  readonly logits: Float32Array;
  readonly predictedIou: number;
  readonly stability: number;
  /** What a detector said of the box that produced it, 0 to 1. */
  readonly detection?: { readonly score: number };
}

/** Why a candidate does not become an object. */
export type CandidateRejection =
  | 'predicted_iou'
  | 'stability'
  | 'too_small'
  | 'too_large'
  | 'frame_like'
  | 'duplicate'
  | 'covered'
  | 'limit';

export const preferredExtents = ['whole', 'part'] as const;

export type PreferredExtent = (typeof preferredExtents)[number];

export interface CandidateGates {
  readonly minPredictedIou: number;
  readonly minStability: number;
  /** Parts of the picture's area. */
  readonly minArea: number;
  readonly maxArea: number;
  /** IoU from which two candidates are the same thing. */
  readonly duplicateIou: number;
  /** Part of the smaller mask inside the larger from which one is a part of the other. */
  readonly containment: number;
  /** A candidate is new only if at least this part of it lies outside all live tracks. */
  readonly minOutside: number;
  /** Which of two candidates becomes an object where one holds the other. */
  readonly prefers: PreferredExtent;
}

export const defaultGates: CandidateGates = {
  minPredictedIou: 0.86,
  minStability: 0.88,
  minArea: 0.0008,
  maxArea: 0.4,
  duplicateIou: 0.6,
  containment: 0.8,
  minOutside: 0.6,
  prefers: 'whole',
};

/**
 * For what a detector has seen: that there is an object is known, so that it may be large or small, and one of
 * several that overlap.
 */
const detectedGates: Pick<CandidateGates, 'minPredictedIou' | 'minStability' | 'minArea' | 'maxArea'> = {
  minPredictedIou: 0.5,
  minStability: 0.5,
  minArea: 0.0001,
  maxArea: 0.95,
};

/** How much worse what is preferred may be rated and still be chosen: a whole over its part, or the other way. */
const extentAdvantage = 0.06;

/**
 * Chooses among candidates those that are new objects: good enough, of sensible size, no backdrop, not twice the
 * same thing, and mostly outside what is tracked (as SAM-Track and AutoSeg-SAM2 do). Of a whole and its part
 * the preferred one wins unless the other is clearly better; what a detector has seen wins over everything else.
 *
 * @param occupied 1 where a live track is, on the mask grid
 * @param onReject told of each candidate that is not chosen
 * @returns indices of the chosen ones, best first, at most `limit`
 */
export function chooseNewObjects(
  candidates: readonly CandidateMask[],
  grid: Pick<MaskLogits, 'width' | 'height' | 'spanX' | 'spanY'>,
  occupied: Uint8Array,
  limit: number,
  gates: CandidateGates = defaultGates,
  onReject: (reason: CandidateRejection) => void = () => undefined,
): number[] {
  const pictureArea = grid.spanX * grid.spanY;
  const viable: ViableCandidate[] = [];
  candidates.forEach((candidate, index) => {
    const shape = measure(candidate.logits, grid, occupied);
    const rejection = rejectionOf(candidate, shape, pictureArea, gates);
    if (rejection !== null) onReject(rejection);
    else viable.push({ index, area: shape.area, ...meritOf(candidate) });
  });
  viable.sort((a, b) => b.merit - a.merit);
  const chosen: typeof viable = [];
  for (const candidate of viable) {
    const rival = chosen.findIndex((other) => isSameThing(candidates, candidate, other, gates));
    if (rival < 0) {
      chosen.push(candidate);
      continue;
    }
    onReject('duplicate');
    const other = chosen[rival];
    const isPreferred =
      other !== undefined &&
      !other.isDetected &&
      (gates.prefers === 'whole' ? candidate.area > other.area * 1.2 : other.area > candidate.area * 1.2) &&
      candidate.merit > other.merit - extentAdvantage;
    const othersAgree = chosen.every(
      (third, at) => at === rival || !isSameThing(candidates, candidate, third, gates),
    );
    if (isPreferred && othersAgree) chosen[rival] = candidate;
  }
  for (let extra = limit; extra < chosen.length; extra++) onReject('limit');
  return chosen.slice(0, Math.max(0, limit)).map((candidate) => candidate.index);
}

/** A candidate that passed the gates for single ones. */
interface ViableCandidate {
  readonly index: number;
  readonly area: number;
  readonly merit: number;
  readonly isDetected: boolean;
}

function meritOf({
  predictedIou,
  stability,
  detection,
}: CandidateMask): Omit<ViableCandidate, 'index' | 'area'> {
  if (detection === undefined) return { merit: predictedIou * stability, isDetected: false };
  // No other candidate's merit is above 1.
  return { merit: 2 + detection.score, isDetected: true };
}

function rejectionOf(
  candidate: CandidateMask,
  shape: MaskShape,
  pictureArea: number,
  pointGates: CandidateGates,
): CandidateRejection | null {
  const isDetected = candidate.detection !== undefined;
  const gates = isDetected ? { ...pointGates, ...detectedGates } : pointGates;
  const share = shape.area / pictureArea;
  if (candidate.predictedIou < gates.minPredictedIou) return 'predicted_iou';
  if (candidate.stability < gates.minStability) return 'stability';
  if (share < gates.minArea) return 'too_small';
  if (share > gates.maxArea) return 'too_large';
  const isFrameLike = shape.borderSides >= 3 || (shape.borderSides >= 2 && share > 0.15);
  if (isFrameLike && !isDetected) return 'frame_like';
  if (shape.outside < gates.minOutside * shape.area) return 'covered';
  return null;
}

interface MaskShape {
  readonly area: number;
  /** Area outside the occupied cells. */
  readonly outside: number;
  /** Sides of the picture along more than a third of which the mask runs. */
  readonly borderSides: number;
}

function measure(
  logits: Float32Array,
  grid: Pick<MaskLogits, 'width' | 'height' | 'spanX' | 'spanY'>,
  occupied: Uint8Array,
): MaskShape {
  const columns = Math.min(grid.width, Math.ceil(grid.spanX));
  const rows = Math.min(grid.height, Math.ceil(grid.spanY));
  let area = 0;
  let outside = 0;
  let left = 0;
  let right = 0;
  let top = 0;
  let bottom = 0;
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      const at = y * grid.width + x;
      if ((logits[at] as number) <= 0) continue;
      area++;
      if (occupied[at] === 0) outside++;
      if (x === 0) left++;
      if (x === columns - 1) right++;
      if (y === 0) top++;
      if (y === rows - 1) bottom++;
    }
  }
  const borderSides =
    Number(left > rows / 3) +
    Number(right > rows / 3) +
    Number(top > columns / 3) +
    Number(bottom > columns / 3);
  return { area, outside, borderSides };
}

function isSameThing(
  candidates: readonly CandidateMask[],
  a: ViableCandidate,
  b: ViableCandidate,
  gates: CandidateGates,
): boolean {
  const first = candidates[a.index]?.logits ?? new Float32Array(0);
  const second = candidates[b.index]?.logits ?? new Float32Array(0);
  let shared = 0;
  for (let at = 0; at < first.length; at++) {
    if ((first[at] as number) > 0 && (second[at] as number) > 0) shared++;
  }
  const iou = shared / Math.max(1, a.area + b.area - shared);
  // A detector tells a thing from what it holds.
  if (a.isDetected && b.isDetected) return iou >= gates.duplicateIou;
  return iou >= gates.duplicateIou || shared >= gates.containment * Math.min(a.area, b.area);
}
