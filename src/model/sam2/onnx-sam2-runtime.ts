import { type InferenceSession, Tensor } from 'onnxruntime-node';
import { TrackcastError } from '../../errors.ts';
import type { Precision } from '../graph/graph-builder.ts';
import type { ExecutionProvider, RefusedProvider } from '../runtime.ts';
import type { Sam2Architecture, Sam2Geometry } from './architecture.ts';
import { EncodedFrame, encodedFrame, featureNames } from './encoded-frame.ts';
import type { GraphName } from './graph-cache.ts';
import type { MaskReduction } from './mask-reduction.ts';
import { divideIntoRuns, ObjectBatch } from './object-batch.ts';
import type { ObjectsPerRun } from './objects-per-run.ts';
import { noPoints, paddedPoints, scalar } from './prompt-feeds.ts';
import { requireSize } from './require-size.ts';
import type {
  Activations,
  DecodedObject,
  FrameFeatures,
  ObjectMemory,
  ObjectStep,
  PromptRequest,
  ProposedMasks,
  Sam2Runtime,
} from './sam2-runtime.ts';
import { releaseSessions, type Sam2Sessions } from './sam2-sessions.ts';
import { release, TensorReader } from './tensor-reader.ts';

/** Clicks decoded in one run: their masks at stride 4 take a megabyte each at 1024 pixels. */
const clicksPerRun = 16;

export interface OnnxSam2Parts {
  readonly architecture: Sam2Architecture;
  readonly geometry: Sam2Geometry;
  readonly precision: Precision;
  readonly opened: Sam2Sessions;
  readonly maskReduction: MaskReduction;
  readonly absentPointer: Activations;
  /** Whether a tracked frame is one run of the fused graph, or three runs. */
  readonly fused: boolean;
  /** Bounds the memory that a run takes. */
  readonly objectsPerRun: ObjectsPerRun;
}

/** SAM 2 by ONNX Runtime. */
export class OnnxSam2Runtime implements Sam2Runtime {
  readonly architecture: Sam2Architecture;
  readonly geometry: Sam2Geometry;
  readonly precision: Precision;
  readonly absentPointer: Activations;
  readonly provider: ExecutionProvider;
  readonly refusedProviders: readonly RefusedProvider[];
  readonly #sessions: ReadonlyMap<GraphName, InferenceSession>;
  readonly #maskReduction: MaskReduction;
  readonly #fused: boolean;
  readonly #objectsPerRun: ObjectsPerRun;
  readonly #batch: ObjectBatch;
  readonly #reader: TensorReader;
  readonly #pixels: Uint8Array<ArrayBuffer>;
  readonly #noMask: Float32Array;
  #isDisposed = false;

  constructor(parts: OnnxSam2Parts) {
    const { architecture, geometry, precision, opened } = parts;
    this.architecture = architecture;
    this.geometry = geometry;
    this.precision = precision;
    this.absentPointer = parts.absentPointer;
    this.provider = opened.provider;
    this.refusedProviders = opened.refused;
    this.#sessions = opened.sessions;
    this.#maskReduction = parts.maskReduction;
    this.#fused = parts.fused;
    this.#objectsPerRun = parts.objectsPerRun;
    this.#batch = new ObjectBatch(architecture, geometry, precision);
    this.#reader = new TensorReader(architecture, geometry, precision);
    this.#pixels = new Uint8Array(geometry.imageSize ** 2 * 3);
    this.#noMask = new Float32Array(geometry.maskSize ** 2);
  }

  async encode(pixels: Uint8Array): Promise<FrameFeatures> {
    const side = this.geometry.imageSize;
    requireSize(pixels.length, this.#pixels.length, `a picture of ${side}x${side} pixels`);
    // ONNX Runtime refuses shared memory.
    this.#pixels.set(pixels);
    const outputs = await this.#run('image_encoder', {
      pixels: new Tensor('uint8', this.#pixels, [1, side, side, 3]),
    });
    const tensors = Object.fromEntries(
      featureNames.map((name) => [name, this.#reader.tensor(outputs, name)]),
    ) as EncodedFrame['tensors'];
    return new EncodedFrame(side, tensors, this.provider);
  }

  async step(features: FrameFeatures, objects: readonly ObjectMemory[]): Promise<ObjectStep[]> {
    const frame = encodedFrame(features, this.provider);
    const results: ObjectStep[] = new Array(objects.length);
    for (const indices of divideIntoRuns(objects, this.#objectsPerRun)) {
      const batch = indices.map((index) => objects[index] as ObjectMemory);
      // The fused graph gives no candidates.
      const isApart = !this.#fused || batch.some(({ candidates }) => candidates === true);
      const steps = isApart ? await this.#stepApart(frame, batch) : await this.#stepFused(frame, batch);
      indices.forEach((index, at) => {
        results[index] = steps[at] as ObjectStep;
      });
    }
    return results;
  }

  async prompt(features: FrameFeatures, request: PromptRequest): Promise<DecodedObject> {
    const frame = encodedFrame(features, this.provider);
    const { ground, sparse } = request;
    const embedding =
      ground.kind === 'remembered' ? await this.#attend(frame, [ground.memory]) : frame.tensors.features;
    try {
      const outputs = await this.#run('prompt_decoder', {
        image_embedding: embedding,
        no_memory: scalar(ground.kind === 'initial' ? 1 : 0),
        high_res_0: frame.tensors.high_res_0,
        high_res_1: frame.tensors.high_res_1,
        ...paddedPoints(sparse.points, sparse.labels, 1),
        ...this.#maskFeeds(request.mask),
        multimask: scalar(request.multimask ? 1 : 0),
      });
      try {
        return this.#reader.object(outputs, 0);
      } finally {
        release(outputs);
      }
    } finally {
      if (embedding !== frame.tensors.features) embedding.dispose();
    }
  }

  async propose(features: FrameFeatures, points: Float32Array): Promise<ProposedMasks> {
    const frame = encodedFrame(features, this.provider);
    const clicks = Math.ceil(points.length / 2);
    requireSize(points.length, 2 * clicks, 'a list of clicks');
    const size = 3 * this.geometry.maskSize ** 2;
    const masks = new Float32Array(clicks * size);
    const ious = new Float32Array(clicks * 3);
    const objectScores = new Float32Array(clicks);
    for (let start = 0; start < clicks; start += clicksPerRun) {
      const count = Math.min(clicksPerRun, clicks - start);
      const labels = new Array<number>(count).fill(1);
      const outputs = await this.#run('prompt_decoder', {
        image_embedding: frame.tensors.features,
        no_memory: scalar(1),
        high_res_0: frame.tensors.high_res_0,
        high_res_1: frame.tensors.high_res_1,
        ...paddedPoints(points.subarray(start * 2, (start + count) * 2), labels, count),
        ...this.#maskFeeds(null),
        multimask: new Tensor('float32', new Float32Array(count).fill(1), [count]),
      });
      try {
        for (let at = 0; at < count; at++) {
          const click = start + at;
          this.#reader.proposals(outputs, at, masks.subarray(click * size, (click + 1) * size), ious, click);
          objectScores[click] = this.#reader.score(outputs, at);
        }
      } finally {
        release(outputs);
      }
    }
    return { masks, ious, objectScores };
  }

  async remember(
    features: FrameFeatures,
    lowResMask: Float32Array,
    objectScore: number,
    mask: 'binary' | 'soft' = 'binary',
  ): Promise<Activations> {
    const frame = encodedFrame(features, this.provider);
    const side = this.geometry.maskSize;
    requireSize(lowResMask.length, side * side, 'a low-resolution mask');
    const outputs = await this.#run('memory_encoder', {
      features: frame.tensors.features,
      frame_of_object: new Tensor('int64', new BigInt64Array(1), [1]),
      low_res_mask: new Tensor('float32', lowResMask, [1, 1, side, side]),
      binarize: scalar(mask === 'binary' ? 1 : 0),
      object_score: new Tensor('float32', Float32Array.of(objectScore), [1, 1]),
    });
    try {
      return this.#reader.memory(outputs, 0);
    } finally {
      release(outputs);
    }
  }

  recycle(memory: Activations): void {
    this.#reader.recycle(memory);
  }

  reduceMask(mask: Float32Array): Float32Array {
    const { imageSize } = this.geometry;
    requireSize(mask.length, imageSize * imageSize, 'a mask to be reduced');
    return this.#maskReduction.reduce(mask, imageSize);
  }

  async dispose(): Promise<void> {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    await releaseSessions(this.#sessions);
  }

  async #stepFused(frame: EncodedFrame, objects: readonly ObjectMemory[]): Promise<ObjectStep[]> {
    const outputs = await this.#run('track_step', { ...frame.tensors, ...this.#batch.feeds(objects) });
    try {
      return objects.map((_, at) => ({
        ...this.#reader.object(outputs, at),
        memory: this.#reader.memory(outputs, at, 'new_memory'),
      }));
    } finally {
      release(outputs);
    }
  }

  async #stepApart(frame: EncodedFrame, objects: readonly ObjectMemory[]): Promise<ObjectStep[]> {
    const count = objects.length;
    const decoded = await this.#decodeTracked(frame, objects);
    try {
      const remembered = await this.#run('memory_encoder', {
        features: frame.tensors.features,
        frame_of_object: new Tensor('int64', new BigInt64Array(count), [count]),
        low_res_mask: this.#reader.tensor(decoded, 'low_res_mask'),
        binarize: new Tensor('float32', new Float32Array(count), [count]),
        object_score: this.#reader.tensor(decoded, 'object_score'),
      });
      try {
        return objects.map(({ candidates = false }, at) => ({
          ...this.#reader.object(decoded, at),
          memory: this.#reader.memory(remembered, at),
          ...(candidates ? { candidates: this.#reader.candidates(decoded, at) } : {}),
        }));
      } finally {
        release(remembered);
      }
    } finally {
      release(decoded);
    }
  }

  async #decodeTracked(
    frame: EncodedFrame,
    objects: readonly ObjectMemory[],
  ): Promise<InferenceSession.ReturnType> {
    const count = objects.length;
    const conditioned = await this.#attend(frame, objects);
    try {
      return await this.#run('prompt_decoder', {
        image_embedding: conditioned,
        no_memory: scalar(0),
        high_res_0: frame.tensors.high_res_0,
        high_res_1: frame.tensors.high_res_1,
        ...noPoints(count),
        ...this.#maskFeeds(null),
        multimask: new Tensor('float32', new Float32Array(count).fill(1), [count]),
      });
    } finally {
      conditioned.dispose();
    }
  }

  /** Memory attention alone. The caller disposes of the result. */
  async #attend(frame: EncodedFrame, objects: readonly ObjectMemory[]): Promise<Tensor> {
    const outputs = await this.#run('memory_attention', {
      attention_start: frame.tensors.attention_start,
      ...this.#batch.feeds(objects),
    });
    return this.#reader.tensor(outputs, 'conditioned');
  }

  /** One mask, or none, for all prompts of a run. */
  #maskFeeds(mask: Float32Array | null) {
    const side = this.geometry.maskSize;
    if (mask !== null) requireSize(mask.length, side * side, 'a mask prompt');
    return {
      mask_prompt: new Tensor('float32', mask ?? this.#noMask, [1, 1, side, side]),
      has_mask: scalar(mask === null ? 0 : 1),
    };
  }

  async #run(name: GraphName, feeds: InferenceSession.FeedsType): Promise<InferenceSession.ReturnType> {
    const session = this.#sessions.get(name);
    if (session === undefined) throw new Error(`the graph ${name} is not open`);
    try {
      return await session.run(feeds);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message.split('\n', 1)[0] : String(cause);
      throw new TrackcastError('TRACKCAST_INFERENCE_FAILED', `${name} failed: ${reason}`, {}, { cause });
    }
  }
}
