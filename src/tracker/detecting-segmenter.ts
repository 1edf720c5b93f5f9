import { monotonicMs } from '../clock.ts';
import type { Box } from '../mask/box.ts';
import { type MaskLogits, positiveExtent } from '../mask/mask-logits.ts';
import { boxIou } from '../model/detector/detection.ts';
import type { Detector } from '../model/detector/detector.ts';
import { refusalReason } from '../model/runtime.ts';
import {
  type DetectedBox,
  type DetectionReport,
  type LoadedSegmenter,
  maskGrid,
  type SegmentationRequest,
  type SegmentationResult,
} from './segmentation.ts';

/** Overlap of a detected box with that of a tracked object's mask from which both are about the same thing. */
const sameThingIou = 0.5;

/**
 * A segmenter with a detector beside it. Where a look asks for it, the detector sees the frame first; what it has seen
 * and nothing tracks becomes boxes for the segmenter to try, and what is tracked learns what it is called. A detector
 * that fails costs the look nothing but its boxes.
 */
export class DetectingSegmenter implements LoadedSegmenter {
  readonly refusedProviders: LoadedSegmenter['refusedProviders'];
  readonly #segmenter: LoadedSegmenter;
  readonly #detector: Pick<Detector, 'detect' | 'dispose'>;

  /** Both belong to it from now on. */
  constructor(
    segmenter: LoadedSegmenter,
    detector: Pick<Detector, 'detect' | 'dispose' | 'provider' | 'refusedProviders'>,
  ) {
    this.#segmenter = segmenter;
    this.#detector = detector;
    this.refusedProviders = [
      ...segmenter.refusedProviders,
      ...detector.refusedProviders.map(({ provider, reason }) => ({
        provider,
        reason: `for the detector: ${reason}`,
      })),
    ];
  }

  get provider(): string {
    return this.#segmenter.provider;
  }

  async segment(request: SegmentationRequest): Promise<SegmentationResult> {
    const { pixels } = request;
    if (request.detect !== true || pixels === null) return this.#segmenter.segment(request);
    const begun = monotonicMs();
    const { seen, failure } = await this.#look(pixels, request);
    const detect = monotonicMs() - begun;
    const expected = request.targets.map(({ prior }) => boxOf(prior, request));
    const detections = seen.filter(({ box }) => !expected.some((known) => isSameThing(known, box)));
    const result = await this.#segmenter.segment({ ...request, detections });
    const detection: DetectionReport = {
      sightings: sightingsOf(seen, result, request),
      tried: detections.length,
      failure,
    };
    const { timing } = result;
    return { ...result, detection, timing: { ...timing, detect, total: timing.total + detect } };
  }

  closeStream(streamId: string): void {
    this.#segmenter.closeStream(streamId);
  }

  async dispose(): Promise<void> {
    await this.#segmenter.dispose();
    await this.#detector.dispose();
  }

  async #look(
    pixels: Uint8Array,
    { pixelSize, width, height }: SegmentationRequest,
  ): Promise<{
    readonly seen: readonly DetectedBox[];
    readonly failure: string | null;
  }> {
    const { width: rowPixels, contentWidth, contentHeight } = pixelSize;
    const picture = { pixels, rowPixels, contentWidth, contentHeight, aspectRatio: width / height };
    try {
      const seen = await this.#detector.detect(picture);
      return {
        seen: seen.map(({ box, label, score }) => ({ box: scaled(box, width, height), label, score })),
        failure: null,
      };
    } catch (error) {
      return { seen: [], failure: refusalReason(error) };
    }
  }
}

/** What each object that the look found was seen as. A detection is of the object that it fits best. */
function sightingsOf(
  seen: readonly DetectedBox[],
  { objects, grid }: SegmentationResult,
  { width, height }: SegmentationRequest,
): DetectionReport['sightings'] {
  const places = objects.map(({ objectId, logits }) => ({
    objectId,
    box: logits === null ? null : maskBox({ ...grid, data: logits }, width, height),
  }));
  const sightings: DetectionReport['sightings'][number][] = [];
  for (const { box, label, score } of seen) {
    let best: { objectId: number; iou: number } | null = null;
    for (const place of places) {
      const iou = place.box === null ? 0 : boxIou(place.box, box);
      if (iou >= sameThingIou && iou > (best?.iou ?? 0)) best = { objectId: place.objectId, iou };
    }
    const objectId = best?.objectId;
    if (objectId === undefined || sightings.some((other) => other.objectId === objectId)) continue;
    sightings.push({ objectId, label, score });
  }
  return sightings;
}

function isSameThing(known: Box | null, box: Box): boolean {
  return known !== null && boxIou(known, box) >= sameThingIou;
}

/** Where motion expects an object; null where it is not in view. */
function boxOf(prior: Float32Array | null, { pixelSize, width, height }: SegmentationRequest): Box | null {
  return prior === null ? null : maskBox({ ...maskGrid(pixelSize), data: prior }, width, height);
}

/** Bounds of a mask, source pixels; null for an empty one. */
function maskBox(logits: MaskLogits, width: number, height: number): Box | null {
  const extent = positiveExtent(logits);
  if (extent === null) return null;
  const { left: x, top: y, right, bottom } = extent;
  const cells = { x, y, width: right + 1 - x, height: bottom + 1 - y };
  return scaled(cells, width / logits.spanX, height / logits.spanY);
}

function scaled(box: Box, x: number, y: number): Box {
  return { x: box.x * x, y: box.y * y, width: box.width * x, height: box.height * y };
}
