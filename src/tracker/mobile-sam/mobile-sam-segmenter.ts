import { monotonicMs } from '../../clock.ts';
import { TrackcastError } from '../../errors.ts';
import type {
  DecodedMasks,
  ImageEmbedding,
  MaskPrompt,
  MobileSamModel,
} from '../../model/mobile-sam/mobile-sam-model.ts';
import type { TokenAffinity } from '../../model/mobile-sam/token-affinity.ts';
import { colourGridOf, learnAppearance } from '../appearance.ts';
import {
  type FoundObject,
  type LoadedSegmenter,
  maskGrid,
  type PromptedTarget,
  type SegmentationRequest,
  type SegmentationResult,
} from '../segmentation.ts';
import { clampScore, describe, searchCandidates } from './candidate-search.ts';
import { FeatureMemory } from './feature-memory.ts';
import { ObjectSearch } from './object-search.ts';
import { tokenCoverage } from './token-grid.ts';

type MaskGrid = SegmentationResult['grid'];

/** Score below which a mask is shown but not remembered, so that doubts do not become memories. */
const minScoreToRemember = 0.5;

/**
 * One look at one picture with MobileSAM: encodes it, finds every object again by its encoder features, draws it
 * with the decoder, decodes prompts and grid points, and remembers what was seen. Owns the memories of all
 * streams on its device. Runs block their thread.
 */
export class MobileSamSegmenter implements LoadedSegmenter {
  readonly #model: MobileSamModel;
  readonly #affinity: TokenAffinity;
  readonly #memories = new Map<
    string,
    { readonly memory: FeatureMemory; readonly width: number; readonly height: number }
  >();

  constructor(model: MobileSamModel, affinity: TokenAffinity) {
    this.#model = model;
    this.#affinity = affinity;
  }

  /** Where the models run. */
  get provider(): string {
    return this.#model.provider;
  }

  /** Execution providers that were preferred and are not there. */
  get refusedProviders(): MobileSamModel['refusedProviders'] {
    return this.#model.refusedProviders;
  }

  /** Throws `TRACKCAST_INFERENCE_FAILED`. */
  async segment(request: SegmentationRequest): Promise<SegmentationResult> {
    const begun = monotonicMs();
    const memory = this.#memoryOf(request);
    const grid = maskGrid(request.pixelSize);
    const { width, height } = request.pixelSize;
    const embedding = await this.#model.encode(request.pixels, width, height);
    try {
      const encoded = monotonicMs();
      const soft = await this.#recall(request, memory, embedding);
      const matched = monotonicMs();
      const objects: FoundObject[] = [];
      const colours = colourGridOf(request.pixels, request.pixelSize);
      const coverage = new Map<number, Float32Array>();
      for (const target of request.targets) {
        const expected = soft.get(target.objectId);
        const search = new ObjectSearch(grid, {
          soft: expected ?? firstExpectation(target.prior, grid, embedding),
          prior: target.prior,
          priorSupport: target.priorSupport,
        });
        for (const prompt of search.prompts()) {
          search.consider(await this.#model.decode(embedding, prompt));
          if (search.isSettled) break;
        }
        const best = search.finish();
        const score =
          best === null
            ? 0
            : Math.min(
                1,
                0.5 * best.predictedIou + 0.5 * Math.max(1.25 * best.memoryAgreement, best.motionAgreement),
              );
        const logits = best?.logits ?? null;
        const appearance = logits === null ? null : learnAppearance(colours, logits);
        const descriptor = describe(embedding, logits, grid);
        objects.push({ objectId: target.objectId, logits, score, appearance, descriptor });
        // Where an object was not found, nothing is remembered of it: it may have been overlooked.
        if (best !== null && score >= minScoreToRemember) {
          coverage.set(target.objectId, tokenCoverage(best.logits, grid));
        }
      }
      for (const target of request.prompted) {
        const found = await this.#decodePrompted(embedding, request, target, grid);
        const appearance = found.logits === null ? null : learnAppearance(colours, found.logits);
        objects.push({ ...found, appearance, descriptor: describe(embedding, found.logits, grid) });
        if (found.logits !== null) coverage.set(target.objectId, tokenCoverage(found.logits, grid));
      }
      const settled = monotonicMs();
      const candidates = await searchCandidates(this.#model, embedding, request, grid);
      const tried = monotonicMs();
      memory.remember(request.frameIndex, embedding.tokens, coverage);
      const finished = monotonicMs();
      return {
        streamId: request.streamId,
        frameIndex: request.frameIndex,
        grid,
        objects,
        candidates,
        timing: {
          encode: encoded - begun,
          match: matched - encoded,
          decode: finished - matched,
          candidates: tried - settled,
          total: finished - begun,
        },
      };
    } finally {
      embedding.dispose();
    }
  }

  /** Forgets a stream. */
  closeStream(streamId: string): void {
    this.#memories.delete(streamId);
  }

  async dispose(): Promise<void> {
    this.#memories.clear();
    await this.#affinity.dispose();
    await this.#model.dispose();
  }

  #memoryOf(request: SegmentationRequest): FeatureMemory {
    const { width, height } = request.pixelSize;
    const known = this.#memories.get(request.streamId);
    if (known !== undefined && known.width === width && known.height === height)
      return prune(known.memory, request);
    // Tokens of another picture size cannot be compared place by place.
    const memory = new FeatureMemory();
    this.#memories.set(request.streamId, { memory, width, height });
    return memory;
  }

  /** Where memory expects each target: 0 to 1 per token. */
  async #recall(
    request: SegmentationRequest,
    memory: FeatureMemory,
    embedding: ImageEmbedding,
  ): Promise<Map<number, Float32Array>> {
    const known = request.targets.map((target) => target.objectId).filter((id) => memory.knows(id));
    const soft = new Map<number, Float32Array>();
    if (known.length === 0) return soft;
    const frames = memory.frames(embedding, known);
    if (frames.length === 0) return soft;
    const columns = known.length * 2;
    const carried = await this.#affinity.carry(embedding, frames, columns);
    const tokens = embedding.tokenColumns * embedding.tokenRows;
    known.forEach((objectId, at) => {
      const values = new Float32Array(tokens);
      for (let token = 0; token < tokens; token++) {
        const votes = carried[token * columns + at * 2 + 1] as number;
        if (votes > 0.05) values[token] = (carried[token * columns + at * 2] as number) / votes;
      }
      soft.set(objectId, values);
    });
    return soft;
  }

  async #decodePrompted(
    embedding: ImageEmbedding,
    request: SegmentationRequest,
    target: PromptedTarget,
    grid: MaskGrid,
  ): Promise<Omit<FoundObject, 'appearance' | 'descriptor'>> {
    if (target.shape.kind === 'mask') {
      return {
        objectId: target.objectId,
        logits: target.currentLogits,
        score: target.currentLogits === null ? 0 : 1,
      };
    }
    const prompt = toMaskPrompt(request, target);
    const decoded = await this.#model.decode(embedding, prompt);
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
}

/** Of an object that memory does not know yet, only motion tells where it is. */
function firstExpectation(
  prior: Float32Array | null,
  grid: MaskGrid,
  embedding: ImageEmbedding,
): Float32Array {
  if (prior === null) return new Float32Array(embedding.tokenColumns * embedding.tokenRows);
  return tokenCoverage(prior, grid);
}

/** Forgets what the request says is gone. */
function prune(memory: FeatureMemory, request: SegmentationRequest): FeatureMemory {
  if (request.forgetAll) memory.clear();
  for (const objectId of request.forgotten) memory.forget(objectId);
  return memory;
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
