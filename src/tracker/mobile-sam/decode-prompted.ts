import { TrackcastError } from '../../errors.ts';
import type {
  DecodedMasks,
  ImageEmbedding,
  MaskPrompt,
  MobileSamModel,
} from '../../model/mobile-sam/mobile-sam-model.ts';
import type {
  FoundObject,
  PromptedTarget,
  SegmentationRequest,
  SegmentationResult,
} from '../segmentation.ts';
import { clampScore } from './candidate-search.ts';

/** What a prompt shows on an encoded picture. */
export async function decodePrompted(
  model: MobileSamModel,
  embedding: ImageEmbedding,
  request: SegmentationRequest,
  target: PromptedTarget,
  grid: SegmentationResult['grid'],
): Promise<Omit<FoundObject, 'appearance' | 'descriptor'>> {
  if (target.shape.kind === 'mask') {
    return {
      objectId: target.objectId,
      logits: target.currentLogits,
      score: target.currentLogits === null ? 0 : 1,
    };
  }
  const prompt = toMaskPrompt(request, target);
  const decoded = await model.decode(embedding, prompt);
  // A single click is ambiguous: part, object or group. Anything more means one mask, the decoder's first.
  const isAmbiguous = prompt.labels.length === 1 && prompt.maskLogits === null;
  const index = isAmbiguous ? bestOf(decoded, 1) : 0;
  const size = grid.width * grid.height;
  return {
    objectId: target.objectId,
    logits: decoded.logits.slice(index * size, (index + 1) * size),
    score: clampScore(decoded.predictedIou[index] as number),
  };
}

function toMaskPrompt(request: SegmentationRequest, target: PromptedTarget): MaskPrompt {
  const { shape } = target;
  const scaleX = request.pixelSize.contentWidth / request.width;
  const scaleY = request.pixelSize.contentHeight / request.height;
  const points: number[] = [];
  const labels: number[] = [];
  if (shape.kind === 'points') {
    for (const point of shape.points) {
      points.push(point.x * scaleX, point.y * scaleY);
      labels.push(point.positive ? 1 : 0);
    }
  }
  const box = shape.kind === 'mask' ? undefined : shape.box;
  if (box !== undefined) {
    points.push(box.x * scaleX, box.y * scaleY, (box.x + box.width) * scaleX, (box.y + box.height) * scaleY);
    labels.push(2, 3);
  }
  if (labels.length === 0) {
    throw new TrackcastError(
      'TRACKCAST_PROMPT_INVALID',
      `a prompt for object ${target.objectId} shows nothing`,
      {
        streamId: request.streamId,
        frameIndex: request.frameIndex,
      },
    );
  }
  const current = target.currentLogits;
  return {
    points: Float32Array.from(points),
    labels: Float32Array.from(labels),
    maskLogits: current === null ? null : current.map((logit) => Math.max(-10, Math.min(10, logit))),
  };
}

function bestOf(decoded: DecodedMasks, first: number): number {
  let best = first;
  for (let index = first + 1; index < decoded.predictedIou.length; index++) {
    if ((decoded.predictedIou[index] as number) > (decoded.predictedIou[best] as number)) best = index;
  }
  return best;
}
