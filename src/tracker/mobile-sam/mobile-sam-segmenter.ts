import { monotonicMs } from '../../clock.ts';
import { TrackcastError } from '../../errors.ts';
import type { ImageEmbedding, MobileSamModel } from '../../model/mobile-sam/mobile-sam-model.ts';
import type { TokenAffinity } from '../../model/mobile-sam/token-affinity.ts';
import { type ColourGrid, colourGridOf, learnAppearance } from '../appearance.ts';
import {
  type FoundObject,
  type LoadedSegmenter,
  maskGrid,
  type SegmentationRequest,
  type SegmentationResult,
} from '../segmentation.ts';
import { describe, searchCandidates } from './candidate-search.ts';
import { decodePrompted } from './decode-prompted.ts';
import { FeatureMemory } from './feature-memory.ts';
import { ObjectSearch } from './object-search.ts';
import { tokenCoverage } from './token-grid.ts';

type MaskGrid = SegmentationResult['grid'];

/** Score below which a mask is shown but not remembered, so that doubts do not become memories. */
const minScoreToRemember = 0.5;

/** What the last look at a stream has left, so that prompts can be decoded without encoding a picture. */
interface KeptLook {
  readonly frameIndex: number;
  readonly embedding: ImageEmbedding;
  readonly colours: ColourGrid;
  /** What was found there, by object. */
  readonly found: Map<number, Float32Array>;
}

/** What is known of one stream, for one size of its model pixels. */
interface StreamState {
  readonly memory: FeatureMemory;
  readonly width: number;
  readonly height: number;
  kept: KeptLook | null;
}

/**
 * One look at one picture with MobileSAM: encodes it, finds every object again by its encoder features, draws it
 * with the decoder, decodes prompts and grid points, and remembers what was seen. Owns the memories of all
 * streams on its device. Runs block their thread.
 */
export class MobileSamSegmenter implements LoadedSegmenter {
  readonly #model: MobileSamModel;
  readonly #affinity: TokenAffinity;
  readonly #streams = new Map<string, StreamState>();

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
    const stream = this.#streamOf(request);
    if (request.pixels === null) return this.#promptKept(request, stream);
    return this.#look(request, request.pixels, stream);
  }

  async #look(
    request: SegmentationRequest,
    pixels: Uint8Array,
    stream: StreamState,
  ): Promise<SegmentationResult> {
    const begun = monotonicMs();
    const { memory } = stream;
    const grid = maskGrid(request.pixelSize);
    const { width, height } = request.pixelSize;
    // The old features go first, so that never two frames of one stream are held.
    release(stream);
    const embedding = await this.#model.encode(pixels, width, height);
    try {
      const encoded = monotonicMs();
      const soft = await this.#recall(request, memory, embedding);
      const matched = monotonicMs();
      const objects: FoundObject[] = [];
      const colours = colourGridOf(pixels, request.pixelSize);
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
        objects.push({ objectId: target.objectId, logits, score, appearance, descriptor, isPresumed: true });
        // Where an object was not found, nothing is remembered of it: it may have been overlooked.
        if (best !== null && score >= minScoreToRemember) {
          coverage.set(target.objectId, tokenCoverage(best.logits, grid));
        }
      }
      for (const target of request.prompted) {
        const found = await decodePrompted(this.#model, embedding, request, target, grid);
        const appearance = found.logits === null ? null : learnAppearance(colours, found.logits);
        objects.push({ ...found, appearance, descriptor: describe(embedding, found.logits, grid) });
        if (found.logits !== null) coverage.set(target.objectId, tokenCoverage(found.logits, grid));
      }
      const settled = monotonicMs();
      const candidates = await searchCandidates(this.#model, embedding, request, grid);
      const tried = monotonicMs();
      memory.remember(request.frameIndex, embedding.tokens, coverage);
      this.#keep(request, stream, {
        frameIndex: request.frameIndex,
        embedding,
        colours,
        found: foundMasks(objects),
      });
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
      if (stream.kept?.embedding !== embedding) embedding.dispose();
    }
  }

  /** Decodes prompts on what the last look has left. */
  async #promptKept(
    request: SegmentationRequest,
    { memory, kept }: StreamState,
  ): Promise<SegmentationResult> {
    const begun = monotonicMs();
    const { streamId, frameIndex } = request;
    if (kept === null || kept.frameIndex !== frameIndex) {
      const message = `nothing is kept of frame ${frameIndex}`;
      throw new TrackcastError('TRACKCAST_INFERENCE_FAILED', message, { streamId, frameIndex });
    }
    const { embedding, colours, found } = kept;
    const grid = maskGrid(request.pixelSize);
    const objects: FoundObject[] = [];
    const coverage = new Map<number, Float32Array>();
    for (const target of request.prompted) {
      const currentLogits = found.get(target.objectId) ?? null;
      const shown = { ...target, currentLogits };
      const { logits, ...rest } = await decodePrompted(this.#model, embedding, request, shown, grid);
      const appearance = logits === null ? null : learnAppearance(colours, logits);
      objects.push({ ...rest, logits, appearance, descriptor: describe(embedding, logits, grid) });
      if (logits === null) continue;
      found.set(target.objectId, logits);
      coverage.set(target.objectId, tokenCoverage(logits, grid));
    }
    memory.rememberMore(frameIndex, embedding.tokens, coverage);
    const total = monotonicMs() - begun;
    const timing = { encode: 0, match: 0, decode: total, total };
    return { streamId, frameIndex, grid, objects, candidates: [], timing };
  }

  /** Forgets a stream. */
  closeStream(streamId: string): void {
    const stream = this.#streams.get(streamId);
    if (stream !== undefined) release(stream);
    this.#streams.delete(streamId);
  }

  async dispose(): Promise<void> {
    for (const streamId of [...this.#streams.keys()]) this.closeStream(streamId);
    await this.#affinity.dispose();
    await this.#model.dispose();
  }

  #streamOf(request: SegmentationRequest): StreamState {
    const { width, height } = request.pixelSize;
    const known = this.#streams.get(request.streamId);
    if (known !== undefined && known.width === width && known.height === height) {
      prune(known, request);
      return known;
    }
    // Tokens of another picture size cannot be compared place by place.
    if (known !== undefined) release(known);
    const stream: StreamState = { memory: new FeatureMemory(), width, height, kept: null };
    this.#streams.set(request.streamId, stream);
    return stream;
  }

  /** Keeps what a look has left, unless its stream was closed meanwhile. */
  #keep({ streamId }: SegmentationRequest, stream: StreamState, kept: KeptLook): void {
    if (this.#streams.get(streamId) === stream) stream.kept = kept;
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

function foundMasks(objects: readonly FoundObject[]): Map<number, Float32Array> {
  return new Map(objects.flatMap(({ objectId, logits }) => (logits === null ? [] : [[objectId, logits]])));
}

function release(stream: StreamState): void {
  stream.kept?.embedding.dispose();
  stream.kept = null;
}

/** Forgets what the request says is gone. */
function prune({ memory, kept }: StreamState, request: SegmentationRequest): void {
  if (request.forgetAll) {
    memory.clear();
    kept?.found.clear();
  }
  for (const objectId of request.forgotten) {
    memory.forget(objectId);
    kept?.found.delete(objectId);
  }
  for (const { objectId, frameIndex } of request.disowned ?? []) memory.disown(objectId, frameIndex);
}
