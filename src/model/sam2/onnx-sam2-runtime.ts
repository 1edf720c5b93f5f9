import { type InferenceSession, Tensor } from 'onnxruntime-node';
import type { Precision } from '../graph/graph-builder.ts';
import type { ExecutionProvider, RefusedProvider } from '../runtime.ts';
import { alikePrompts, inParts, memoriesOf } from './alike-prompts.ts';
import type { Sam2Architecture, Sam2Geometry } from './architecture.ts';
import { BatchSizes } from './batch-sizes.ts';
import { EncodedFrame, encodedFrame, featureNames } from './encoded-frame.ts';
import { GraphRunner } from './graph-runner.ts';
import type { MaskReduction } from './mask-reduction.ts';
import { memoryFeeds, onlyFrame } from './memory-feeds.ts';
import { divideIntoRuns, ObjectBatch } from './object-batch.ts';
import type { ObjectsPerRun } from './objects-per-run.ts';
import { densePrompts, paddedPoints, positiveClick, repeated, scalar, unprompted } from './prompt-feeds.ts';
import { requireSize } from './require-size.ts';
import type {
  Activations,
  BatchSizeLists,
  DecodedObject,
  FrameFeatures,
  MaskToRemember,
  ObjectMemory,
  ObjectStep,
  PromptRequest,
  ProposedMasks,
  Sam2Runtime,
} from './sam2-runtime.ts';
import type { Sam2Sessions } from './sam2-sessions.ts';
import { release, TensorReader } from './tensor-reader.ts';

/**
 * Prompts decoded, and masks remembered, in one run: at 1024 pixels each takes some tens of megabytes meanwhile. A CPU
 * gains nothing from larger batches.
 */
const promptsPerRun = { cpu: 4, gpu: 16 } as const;

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
  readonly slowAtFirst: BatchSizeLists;
  readonly #graphs: GraphRunner;
  readonly #sizes: BatchSizes;
  readonly #promptsPerRun: number;
  readonly #maskReduction: MaskReduction;
  readonly #fused: boolean;
  readonly #objectsPerRun: ObjectsPerRun;
  readonly #batch: ObjectBatch;
  readonly #reader: TensorReader;
  readonly #pixels: Uint8Array<ArrayBuffer>;
  readonly #noMask: Float32Array;

  constructor(parts: OnnxSam2Parts) {
    const { architecture, geometry, precision, opened } = parts;
    this.architecture = architecture;
    this.geometry = geometry;
    this.precision = precision;
    this.absentPointer = parts.absentPointer;
    this.provider = opened.provider;
    this.refusedProviders = opened.refused;
    this.#graphs = new GraphRunner(opened.sessions, opened.signal);
    this.#sizes = new BatchSizes(opened.provider);
    this.#promptsPerRun = promptsPerRun[opened.provider === 'cpu' ? 'cpu' : 'gpu'];
    this.slowAtFirst = {
      objects: this.#sizes.upTo(parts.objectsPerRun(architecture.memories)),
      prompts: this.#sizes.upTo(this.#promptsPerRun),
    };
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
    const outputs = await this.#graphs.run('image_encoder', {
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
      const wanted = indices.map((index) => objects[index] as ObjectMemory);
      const batch = this.#sizes.filled(wanted);
      // The fused graph gives no candidates.
      const isApart = !this.#fused || batch.some(({ candidates }) => candidates === true);
      const steps = isApart
        ? await this.#stepApart(frame, batch, wanted.length)
        : await this.#stepFused(frame, batch, wanted.length);
      indices.forEach((index, at) => {
        results[index] = steps[at] as ObjectStep;
      });
    }
    return results;
  }

  async promptAll(features: FrameFeatures, requests: readonly PromptRequest[]): Promise<DecodedObject[]> {
    const frame = encodedFrame(features, this.provider);
    const results: DecodedObject[] = new Array(requests.length);
    for (const indices of alikePrompts(requests, this.#promptsPerRun, this.#objectsPerRun)) {
      const run = this.#sizes.filled(indices).map((index) => requests[index] as PromptRequest);
      const outputs = await this.#decodeAlike(frame, run);
      try {
        indices.forEach((index, at) => {
          results[index] = this.#reader.object(outputs, at);
        });
      } finally {
        release(outputs);
      }
    }
    return results;
  }

  async propose(features: FrameFeatures, points: Float32Array): Promise<ProposedMasks> {
    const frame = encodedFrame(features, this.provider);
    const clicks = Math.ceil(points.length / 2);
    requireSize(points.length, 2 * clicks, 'a list of clicks');
    const proposed = this.#reader.noProposals(clicks);
    for (const run of inParts([...proposed.objectScores.keys()], this.#promptsPerRun)) {
      const outputs = await this.#decodeAlike(
        frame,
        this.#sizes.filled(run).map((click) => positiveClick(points.subarray(click * 2, click * 2 + 2))),
      );
      try {
        for (const [at, click] of run.entries()) this.#reader.copyProposals(outputs, at, proposed, click);
      } finally {
        release(outputs);
      }
    }
    return proposed;
  }

  async rememberAll(features: FrameFeatures, objects: readonly MaskToRemember[]): Promise<Activations[]> {
    const frame = encodedFrame(features, this.provider);
    const memories: Activations[] = [];
    for (const run of inParts(objects, this.#promptsPerRun)) {
      const outputs = await this.#graphs.run('memory_encoder', {
        features: frame.tensors.features,
        ...memoryFeeds(this.#sizes.filled(run), this.geometry.maskSize),
      });
      try {
        for (const at of run.keys()) memories.push(this.#reader.memory(outputs, at));
      } finally {
        release(outputs);
      }
    }
    return memories;
  }

  recycle(memory: Activations): void {
    this.#reader.recycle(memory);
  }

  reduceMask(mask: Float32Array): Float32Array {
    const { imageSize } = this.geometry;
    requireSize(mask.length, imageSize * imageSize, 'a mask to be reduced');
    return this.#maskReduction.reduce(mask, imageSize);
  }

  dispose(): Promise<void> {
    return this.#graphs.dispose();
  }

  /** @param count objects of the batch of which results are wanted, the first ones */
  async #stepFused(
    frame: EncodedFrame,
    batch: readonly ObjectMemory[],
    count: number,
  ): Promise<ObjectStep[]> {
    const outputs = await this.#graphs.run('track_step', { ...frame.tensors, ...this.#batch.feeds(batch) });
    try {
      return Array.from({ length: count }, (_, at) => ({
        ...this.#reader.object(outputs, at),
        memory: this.#reader.memory(outputs, at, 'new_memory'),
      }));
    } finally {
      release(outputs);
    }
  }

  async #stepApart(
    frame: EncodedFrame,
    batch: readonly ObjectMemory[],
    count: number,
  ): Promise<ObjectStep[]> {
    const decoded = await this.#decodeAlike(frame, batch.map(unprompted));
    try {
      const remembered = await this.#graphs.run('memory_encoder', {
        features: frame.tensors.features,
        frame_of_object: onlyFrame(batch.length),
        low_res_mask: this.#reader.tensor(decoded, 'low_res_mask'),
        binarize: repeated(0, batch.length),
        object_score: this.#reader.tensor(decoded, 'object_score'),
      });
      try {
        return batch.slice(0, count).map(({ candidates = false }, at) => ({
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

  /** Decodes prompts that are alike, as `alikePrompts` says. */
  async #decodeAlike(
    frame: EncodedFrame,
    requests: readonly PromptRequest[],
  ): Promise<InferenceSession.ReturnType> {
    const count = requests.length;
    const { features, high_res_0, high_res_1 } = frame.tensors;
    const points = paddedPoints(requests.map(({ sparse }) => sparse));
    const dense = densePrompts(
      requests.map(({ mask }) => mask),
      this.#noMask,
    );
    const multimask = Float32Array.from(requests, (request) => (request.multimask ? 1 : 0));
    const memories = memoriesOf(requests);
    const embedding = memories.length === 0 ? features : await this.#attend(frame, memories);
    try {
      return await this.#graphs.run('prompt_decoder', {
        image_embedding: embedding,
        no_memory: scalar(requests[0]?.ground.kind === 'initial' ? 1 : 0),
        high_res_0,
        high_res_1,
        ...points,
        ...dense,
        multimask: new Tensor('float32', multimask, [count]),
      });
    } finally {
      if (embedding !== features) embedding.dispose();
    }
  }

  /** Memory attention alone. The caller disposes of the result. */
  async #attend(frame: EncodedFrame, objects: readonly ObjectMemory[]): Promise<Tensor> {
    const outputs = await this.#graphs.run('memory_attention', {
      attention_start: frame.tensors.attention_start,
      ...this.#batch.feeds(objects),
    });
    return this.#reader.tensor(outputs, 'conditioned');
  }
}
