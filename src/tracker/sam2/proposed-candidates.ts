import { fromHalf } from '../../model/graph/half-float.ts';
import { type Activations, masksPerClick } from '../../model/sam2/sam2-runtime.ts';
import { type Descriptor, toDescriptor } from '../identity/descriptor.ts';
import type { Candidate, SegmentationRequest } from '../segmentation.ts';
import { stabilityScore } from '../stability-score.ts';
import type { CameraPredictor } from './camera-predictor.ts';

/** What is hopeless need not cross to another thread; the gates decide on the rest. */
const minPredictedIou = 0.6;
const minStability = 0.6;

/** Everything on the frame that a predictor looks at which may be a new object: what boxes hold, then what clicks propose. */
export async function proposedCandidates(
  predictor: CameraPredictor,
  request: SegmentationRequest,
): Promise<Candidate[]> {
  return [...(await tryBoxes(predictor, request)), ...(await tryPoints(predictor, request))];
}

async function tryBoxes(
  predictor: CameraPredictor,
  { detections = [], width, height }: SegmentationRequest,
): Promise<Candidate[]> {
  const decoded = await predictor.proposeBoxes(detections.map(({ box }) => box));
  return detections.flatMap((detection, at) => {
    const object = decoded[at];
    if (object === undefined || !(object.objectScore > 0)) return [];
    const { box } = detection;
    const logits = object.lowResMask;
    return {
      logits,
      predictedIou: asPart(object.ious[object.maskIndex] as number),
      stability: stabilityScore(logits),
      x: (box.x + box.width / 2) / width,
      y: (box.y + box.height / 2) / height,
      descriptor: pointerDescriptor(object.pointer),
      detection,
    };
  });
}

async function tryPoints(
  predictor: CameraPredictor,
  { gridPoints, width, height }: SegmentationRequest,
): Promise<Candidate[]> {
  if (gridPoints.length === 0) return [];
  const points = gridPoints.map((part, at) => part * (at % 2 === 0 ? width : height));
  const proposed = await predictor.propose(points);
  const count = proposed.ious.length;
  const size = proposed.masks.length / count;
  const channels = proposed.pointers.length / count;
  const candidates: Candidate[] = [];
  for (let at = 0; at < count; at++) {
    const click = Math.floor(at / masksPerClick);
    if ((proposed.objectScores[click] as number) <= 0) continue;
    const logits = proposed.masks.subarray(at * size, (at + 1) * size);
    const predictedIou = asPart(proposed.ious[at] as number);
    const stability = stabilityScore(logits);
    if (predictedIou < minPredictedIou || stability < minStability) continue;
    const x = gridPoints[click * 2] as number;
    const y = gridPoints[click * 2 + 1] as number;
    const descriptor = pointerDescriptor(proposed.pointers.subarray(at * channels, (at + 1) * channels));
    candidates.push({ logits: logits.slice(), predictedIou, stability, x, y, descriptor });
  }
  return candidates;
}

/** What an object's pointer says of its looks. */
export function pointerDescriptor(pointer: Activations): Descriptor | null {
  return toDescriptor(pointer instanceof Float32Array ? pointer : fromHalf(pointer));
}

function asPart(value: number): number {
  return Math.max(0, Math.min(1, value));
}
