import { decodeRunLength, type RunLengthMask } from '../mask/run-length.ts';
import type { TrackFrame } from '../tracker/track.ts';
import { type Annotation, readAnnotation, regionOf } from './annotation.ts';
import { boundaryMeasure } from './boundary-measure.ts';
import { type HigherOrderAccuracy, higherOrderAccuracy } from './higher-order-accuracy.ts';
import { type IdentityMeasures, identityMeasures } from './identity-measures.ts';
import { type FrameScore, type ObjectScore, summariseObject } from './object-score.ts';
import { type AnnotatedFrame, type RecallMeasures, recallMeasures } from './recall.ts';
import { regionSimilarity } from './region-similarity.ts';
import type { Sequence } from './sequence.ts';

/** How a tracker fared on one sequence. */
export interface SequenceScore {
  /** One for each object that was shown; empty when the tracker prompted itself. */
  readonly objects: readonly ObjectScore[];
  readonly identity: IdentityMeasures;
  readonly accuracy: HigherOrderAccuracy;
  readonly recall: RecallMeasures;
  /** Masks per frame, mean over all frames. */
  readonly masksPerFrame: number;
}

/** A score with the comparisons that it was made of. */
export interface ScoredSequence {
  readonly score: SequenceScore;
  /** By frame index; annotated frames only. */
  readonly annotated: ReadonlyMap<number, AnnotatedFrame>;
}

/**
 * Compares tracks with the annotations of their frames.
 *
 * Objects that were shown are scored under their own ids on the annotated frames after the one that showed them.
 * Where every frame is annotated, the sequence's last frame is left out: with that, and one object shown on the
 * first frame, these are exactly the frames that the DAVIS semi-supervised toolkit scores. Masks may overlap and
 * are judged as they are. Identities are measured on all annotated frames, the prompted ones too.
 *
 * @param tracked one for each frame that was tracked, from the first on
 * @param shownOn frame on which each object was shown, by id; empty when the tracker prompted itself
 */
export async function scoreSequence(
  sequence: Sequence,
  tracked: readonly TrackFrame[],
  shownOn: ReadonlyMap<number, number>,
  framesPerSecond: number,
): Promise<ScoredSequence> {
  const everyFrame = tracked.every((_, index) => sequence.annotations.has(index));
  const annotated = new Map<number, AnnotatedFrame>();
  const framesOf = new Map<number, FrameScore[]>([...shownOn.keys()].map((id) => [id, []]));
  for (const [frameIndex, { tracks }] of tracked.entries()) {
    const path = sequence.annotations.get(frameIndex);
    if (path === undefined) continue;
    const annotation = await readAnnotation(path);
    const masks = new Map(tracks.flatMap(({ id, mask }) => (mask === null ? [] : [[id, mask] as const])));
    annotated.set(frameIndex, { ...overlapsOf(annotation, masks), seconds: frameIndex / framesPerSecond });
    if (everyFrame && frameIndex === tracked.length - 1) continue;
    for (const [objectId, scores] of framesOf) {
      if (frameIndex <= (shownOn.get(objectId) ?? 0)) continue;
      scores.push({ frameIndex, ...scoreObject(annotation, objectId, masks.get(objectId) ?? null) });
    }
  }
  const masks = tracked.reduce((sum, { tracks }) => sum + tracks.filter(({ mask }) => mask).length, 0);
  const frames = [...annotated.values()];
  const score = {
    objects: [...framesOf].map(([id, scores]) => summariseObject(id, shownOn.get(id) ?? 0, scores)),
    identity: identityMeasures(frames),
    accuracy: higherOrderAccuracy(frames),
    recall: recallMeasures(frames),
    masksPerFrame: tracked.length === 0 ? 0 : masks / tracked.length,
  };
  return { score, annotated };
}

function scoreObject(annotation: Annotation, objectId: number, mask: RunLengthMask | null) {
  const { width, height, ignored } = annotation;
  const truth = regionOf(annotation, objectId);
  const prediction = mask === null ? new Uint8Array(truth.length) : decodeRunLength(mask);
  return {
    j: regionSimilarity(prediction, truth, ignored),
    f: boundaryMeasure(prediction, truth, width, height, ignored),
  };
}

/** Areas, and IoU of every annotated object with every mask, without the ignored pixels. */
function overlapsOf(
  annotation: Annotation,
  masks: ReadonlyMap<number, RunLengthMask>,
): Omit<AnnotatedFrame, 'seconds'> {
  const { indices, objectIds, ignored } = annotation;
  const predictedIds = [...masks.keys()];
  const overlap = new Float64Array(objectIds.length * predictedIds.length);
  const truthArea = new Uint32Array(256);
  for (const index of indices) truthArea[index] = (truthArea[index] ?? 0) + 1;
  const shared = new Uint32Array(256);
  const pixels = new Uint8Array(indices.length);
  const predictedAreas = [...masks.values()].map((mask, column) => {
    decodeRunLength(mask, pixels);
    shared.fill(0);
    let area = 0;
    for (let at = 0; at < indices.length; at++) {
      if (pixels[at] === 0 || (ignored !== null && ignored[at] !== 0)) continue;
      const index = indices[at] ?? 0;
      shared[index] = (shared[index] ?? 0) + 1;
      area++;
    }
    objectIds.forEach((id, row) => {
      const intersection = shared[id] ?? 0;
      overlap[row * predictedIds.length + column] =
        intersection / ((truthArea[id] ?? 0) + area - intersection);
    });
    return area;
  });
  const truthAreas = objectIds.map((id) => truthArea[id] ?? 0);
  return { truthIds: objectIds, predictedIds, truthAreas, predictedAreas, overlap };
}
