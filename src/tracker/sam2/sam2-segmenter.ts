import { monotonicMs } from '../../clock.ts';
import { TrackcastError } from '../../errors.ts';
import { renderMask } from '../../mask/mask-logits.ts';
import type { OnnxSam2Runtime } from '../../model/sam2/onnx-sam2-runtime.ts';
import type { PromptShape } from '../../prompting/prompt.ts';
import { colourGridOf, learnAppearance } from '../appearance.ts';
import {
  type Candidate,
  type FoundObject,
  type LoadedSegmenter,
  maskGrid,
  type SegmentationRequest,
  type SegmentationResult,
} from '../segmentation.ts';
import { stabilityScore } from '../stability-score.ts';
import { CameraPredictor, type CameraPredictorOptions, type ObjectResult } from './camera-predictor.ts';

/** Masks that one click proposes. */
const masksPerClick = 3;

/** What is hopeless need not cross to another thread; the gates decide on the rest. */
const minPredictedIou = 0.6;
const minStability = 0.6;

/**
 * SAM 2 as a segmenter of live streams: one camera predictor per stream, all on one device. Every look at a frame
 * tracks what is known, then takes in prompts, then tries points for what is new.
 */
export class Sam2Segmenter implements LoadedSegmenter {
  readonly #runtime: OnnxSam2Runtime;
  readonly #optionsOf: () => CameraPredictorOptions;
  readonly #predictors = new Map<string, CameraPredictor>();

  /** @param optionsOf gives every stream its own, since policies remember */
  constructor(runtime: OnnxSam2Runtime, optionsOf: () => CameraPredictorOptions) {
    this.#runtime = runtime;
    this.#optionsOf = optionsOf;
  }

  get provider(): string {
    return this.#runtime.provider;
  }

  get refusedProviders(): OnnxSam2Runtime['refusedProviders'] {
    return this.#runtime.refusedProviders;
  }

  /** Runs every graph once, so that no frame pays for compilation. */
  async warmUp(): Promise<void> {
    const side = this.#runtime.geometry.imageSize;
    const predictor = new CameraPredictor(this.#runtime, this.#optionsOf());
    const pixels = new Uint8Array(side * side * 3).fill(127);
    const click = { kind: 'points', points: [{ x: side / 2, y: side / 2, positive: true }] } as const;
    try {
      await predictor.show(0, pixels, side, side);
      await predictor.prompt(1, click);
      await predictor.propose(Float32Array.of(side / 2, side / 2));
      await predictor.show(1, pixels, side, side);
      await predictor.track();
      await predictor.prompt(1, click);
    } finally {
      predictor.dispose();
    }
  }

  async segment(request: SegmentationRequest): Promise<SegmentationResult> {
    const begun = monotonicMs();
    const { pixelSize, width, height } = request;
    const side = this.#runtime.geometry.imageSize;
    if (pixelSize.contentWidth !== side || pixelSize.contentHeight !== side) {
      const message = `SAM 2 wants pictures of ${side}x${side}, not ${pixelSize.width}x${pixelSize.height}`;
      throw new TrackcastError('TRACKCAST_INFERENCE_FAILED', message, { streamId: request.streamId });
    }
    const predictor = this.#predictorOf(request);
    await predictor.show(request.frameIndex, request.pixels, width, height);
    const encoded = monotonicMs();
    const results = new Map(await predictor.track(knownObjects(request, predictor)));
    const tracked = monotonicMs();
    for (const target of request.targets) {
      if (results.has(target.objectId) || target.prior === null) continue;
      // It was found by a strategy on an earlier frame; motion tells where it is on this one.
      const grid = { ...maskGrid(pixelSize), data: target.prior };
      const rendered = renderMask(grid, width, height);
      if (rendered === null || rendered.area === 0) continue;
      const shape: PromptShape = { kind: 'mask', mask: rendered.mask };
      results.set(target.objectId, await predictor.prompt(target.objectId, shape));
    }
    for (const { objectId, shape } of request.prompted) {
      results.set(objectId, await predictor.prompt(objectId, shape));
    }
    const objects = this.#foundObjects(request, results);
    const candidates = await this.#tryGrid(request, predictor);
    const finished = monotonicMs();
    return {
      streamId: request.streamId,
      frameIndex: request.frameIndex,
      grid: maskGrid(pixelSize),
      objects,
      candidates,
      timing: {
        encode: encoded - begun,
        match: tracked - encoded,
        decode: finished - tracked,
        total: finished - begun,
      },
    };
  }

  closeStream(streamId: string): void {
    this.#predictors.get(streamId)?.dispose();
    this.#predictors.delete(streamId);
  }

  async dispose(): Promise<void> {
    for (const streamId of [...this.#predictors.keys()]) this.closeStream(streamId);
    await this.#runtime.dispose();
  }

  #predictorOf(request: SegmentationRequest): CameraPredictor {
    let predictor = this.#predictors.get(request.streamId);
    if (predictor === undefined) {
      predictor = new CameraPredictor(this.#runtime, this.#optionsOf());
      this.#predictors.set(request.streamId, predictor);
    }
    if (request.forgetAll) predictor.reset();
    for (const objectId of request.forgotten) if (predictor.has(objectId)) predictor.remove(objectId);
    return predictor;
  }

  #foundObjects(request: SegmentationRequest, results: ReadonlyMap<number, ObjectResult>): FoundObject[] {
    const colours = colourGridOf(request.pixels, request.pixelSize);
    const asked = [...request.targets, ...request.prompted].map(({ objectId }) => objectId);
    return [...new Set(asked)].map((objectId) => {
      const result = results.get(objectId);
      if (result === undefined || result.objectScore <= 0) {
        return { objectId, logits: null, score: 0, appearance: null };
      }
      const logits = result.lowResMask;
      const score = Math.max(0, Math.min(1, result.ious[result.maskIndex] as number));
      return { objectId, logits, score, appearance: learnAppearance(colours, logits) };
    });
  }

  async #tryGrid(request: SegmentationRequest, predictor: CameraPredictor): Promise<Candidate[]> {
    const { gridPoints, width, height } = request;
    if (gridPoints.length === 0) return [];
    const points = gridPoints.map((part, at) => part * (at % 2 === 0 ? width : height));
    const proposed = await predictor.propose(points);
    const size = this.#runtime.geometry.maskSize ** 2;
    const candidates: Candidate[] = [];
    for (let at = 0; at < proposed.ious.length; at++) {
      const click = Math.floor(at / masksPerClick);
      if ((proposed.objectScores[click] as number) <= 0) continue;
      const logits = proposed.masks.subarray(at * size, (at + 1) * size);
      const predictedIou = Math.max(0, Math.min(1, proposed.ious[at] as number));
      const stability = stabilityScore(logits);
      if (predictedIou < minPredictedIou || stability < minStability) continue;
      const x = gridPoints[click * 2] as number;
      const y = gridPoints[click * 2 + 1] as number;
      candidates.push({ logits: logits.slice(), predictedIou, stability, x, y });
    }
    return candidates;
  }
}

/** Objects to look for that the predictor remembers; lost ones have their turn less often than others. */
function knownObjects(request: SegmentationRequest, predictor: CameraPredictor): ReadonlySet<number> {
  const asked = [...request.targets, ...request.prompted].map(({ objectId }) => objectId);
  return new Set(asked.filter((objectId) => predictor.has(objectId)));
}
