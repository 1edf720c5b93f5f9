import { embeddingChannels } from '../../model/mobile-sam/encoder-graph.ts';
import type { ImageEmbedding, MobileSamModel } from '../../model/mobile-sam/mobile-sam-model.ts';
import { type Descriptor, describeTokens } from '../identity/descriptor.ts';
import type { Candidate, DetectedBox, SegmentationRequest, SegmentationResult } from '../segmentation.ts';
import { stabilityScore } from '../stability-score.ts';
import { tokenCoverage } from './token-grid.ts';

type MaskGrid = SegmentationResult['grid'];

/** What is hopeless need not cross to another thread; the gates decide on the rest. */
const minPredictedIou = 0.6;
const minStability = 0.6;

/** Everything that may be a new object: what boxes of a detector hold, then what points propose. */
export async function searchCandidates(
  model: MobileSamModel,
  embedding: ImageEmbedding,
  request: SegmentationRequest,
  grid: MaskGrid,
): Promise<Candidate[]> {
  const candidates: Candidate[] = [];
  for (const detection of request.detections ?? []) {
    candidates.push(await decodeBox(model, embedding, request, grid, detection));
  }
  const { gridPoints } = request;
  for (let at = 0; at + 1 < gridPoints.length; at += 2) {
    const [x, y] = [gridPoints[at] as number, gridPoints[at + 1] as number];
    candidates.push(...(await decodePoint(model, embedding, request, grid, x, y)));
  }
  return candidates;
}

/** A box is not ambiguous: it has one mask, the decoder's first. */
async function decodeBox(
  model: MobileSamModel,
  embedding: ImageEmbedding,
  { width, height, pixelSize }: SegmentationRequest,
  grid: MaskGrid,
  detection: DetectedBox,
): Promise<Candidate> {
  const { box } = detection;
  const scaleX = pixelSize.contentWidth / width;
  const scaleY = pixelSize.contentHeight / height;
  const decoded = await model.decode(embedding, {
    points: Float32Array.of(
      box.x * scaleX,
      box.y * scaleY,
      (box.x + box.width) * scaleX,
      (box.y + box.height) * scaleY,
    ),
    labels: Float32Array.of(2, 3),
    maskLogits: null,
  });
  const logits = decoded.logits.slice(0, grid.width * grid.height);
  return {
    logits,
    predictedIou: clampScore(decoded.predictedIou[0] as number),
    stability: stabilityScore(logits),
    x: (box.x + box.width / 2) / width,
    y: (box.y + box.height / 2) / height,
    descriptor: describe(embedding, logits, grid),
    detection,
  };
}

/** A click may mean the whole, a part, or a part of that. */
async function decodePoint(
  model: MobileSamModel,
  embedding: ImageEmbedding,
  { pixelSize }: SegmentationRequest,
  grid: MaskGrid,
  x: number,
  y: number,
): Promise<Candidate[]> {
  const candidates: Candidate[] = [];
  const size = grid.width * grid.height;
  const decoded = await model.decode(embedding, {
    points: Float32Array.of(x * pixelSize.contentWidth, y * pixelSize.contentHeight),
    labels: Float32Array.of(1),
    maskLogits: null,
  });
  for (let index = 1; index < decoded.predictedIou.length; index++) {
    const logits = decoded.logits.subarray(index * size, (index + 1) * size);
    const predictedIou = clampScore(decoded.predictedIou[index] as number);
    const stability = stabilityScore(logits);
    if (predictedIou < minPredictedIou || stability < minStability) continue;
    const descriptor = describe(embedding, logits, grid);
    candidates.push({ logits: logits.slice(), predictedIou, stability, x, y, descriptor });
  }
  return candidates;
}

/** What the encoder says of the tokens under a mask. */
export function describe(
  { tokens }: ImageEmbedding,
  logits: Float32Array | null,
  grid: MaskGrid,
): Descriptor | null {
  return logits === null ? null : describeTokens(tokens, embeddingChannels, tokenCoverage(logits, grid));
}

/** A score of the decoder as a part of 1. */
export function clampScore(value: number): number {
  return Math.max(0, Math.min(1, value));
}
