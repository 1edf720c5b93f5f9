import { type InferenceSession, Tensor } from 'onnxruntime-node';
import { TrackcastError } from '../../errors.ts';
import {
  createSession,
  type ExecutionProvider,
  parseExecutionProviders,
  type RefusedProvider,
} from '../runtime.ts';
import { buildDecoderGraph, masksPerPrompt, positionGrid } from './decoder-graph.ts';
import { embeddingChannels, tokenStride } from './encoder-graph.ts';
import { EncoderSessions } from './encoder-sessions.ts';
import { readModelFiles } from './model-files.ts';

export interface MobileSamOptions {
  /** Threads for one run. On a busy machine, one is often as fast as two. */
  readonly intraOpThreads: number;
  /** Tried in order; `['cpu']` by default. */
  readonly executionProviders?: readonly string[];
}

/** What the encoder made of one picture; its arrays are its own and stay valid until `dispose`. */
export interface ImageEmbedding {
  /** Model pixels. */
  readonly width: number;
  readonly height: number;
  readonly tokenColumns: number;
  readonly tokenRows: number;
  /** [tokenRows * tokenColumns, 256], row-major: centred over the picture and of length 1. */
  readonly tokens: Float32Array;
  /** float32 [1, 256, tokenRows, tokenColumns], for the decoder. */
  readonly features: Tensor;
  /** Gives the memory back; using the embedding afterwards is an error. */
  dispose(): void;
}

/** What a prompt shows of one object, in model pixels. */
export interface MaskPrompt {
  /** x, y pairs, one per label. */
  readonly points: Float32Array;
  /** 1 positive, 0 negative, 2 a box's top left corner, 3 its bottom right. */
  readonly labels: Float32Array;
  /** [height/4 * width/4] mask logits of an earlier guess, or null. */
  readonly maskLogits: Float32Array | null;
}

/** Four proposals for one prompt: one for unambiguous prompts, then whole, part and subpart. */
export interface DecodedMasks {
  /** A quarter of the picture's sides. */
  readonly width: number;
  readonly height: number;
  /** [4, height, width]; above 0 is inside. Belongs to the caller, never reused. */
  readonly logits: Float32Array;
  /** [4], predicted overlap of each with the truth, about 0 to 1. */
  readonly predictedIou: Float32Array;
}

/** Constant decoder inputs for one picture size. */
interface DecoderInputs {
  readonly positionGrid: Tensor;
  readonly emptyMask: Tensor;
}

/** Mask logits have a quarter of the picture's sides. */
const maskStride = 4;

/**
 * MobileSAM (Zhang et al., "Faster Segment Anything", 2023) for pictures of any size in multiples of 16.
 *
 * Runs block their thread: use it in a worker. Calls may overlap; they run one after another. Pictures are never
 * batched: the exported encoder declares a free batch size but is right for one only.
 */
export class MobileSamModel {
  /** Where the decoder runs. */
  readonly provider: ExecutionProvider;
  /** Providers that were preferred and are not there. */
  readonly refusedProviders: readonly RefusedProvider[];
  readonly #encoders: EncoderSessions;
  readonly #decoder: InferenceSession;
  readonly #decoderInputs = new Map<string, DecoderInputs>();
  #lastRun: Promise<unknown> = Promise.resolve();
  #disposed = false;

  private constructor(
    encoders: EncoderSessions,
    decoder: InferenceSession,
    provider: ExecutionProvider,
    refused: readonly RefusedProvider[],
  ) {
    this.#encoders = encoders;
    this.#decoder = decoder;
    this.provider = provider;
    this.refusedProviders = refused;
  }

  /**
   * Opens the decoder; encoders follow with the first picture of each size. Throws `TRACKCAST_MODEL_INVALID`,
   * `TRACKCAST_CONFIG_INVALID`.
   */
  static async load(options: MobileSamOptions): Promise<MobileSamModel> {
    const providers = parseExecutionProviders(options.executionProviders ?? ['cpu']);
    const files = await readModelFiles();
    const { session, provider, refused } = await createSession(buildDecoderGraph(files.decoder), {
      name: 'mobile-sam decoder',
      executionProviders: providers,
      intraOpThreads: options.intraOpThreads,
    });
    // What the decoder was refused, the encoder would be refused too.
    const remaining = providers.slice(refused.length);
    const encoders = new EncoderSessions(files.encoder, remaining, options.intraOpThreads);
    return new MobileSamModel(encoders, session, provider, refused);
  }

  /**
   * Encodes a picture: RGB, interleaved, row-major, sides in multiples of 16, the long one best 1024. `pixels` may
   * be shared memory, and must not change until the promise settles.
   *
   * Throws `RangeError` for wrong sizes, `TRACKCAST_INFERENCE_FAILED`.
   */
  encode(pixels: Uint8Array, width: number, height: number): Promise<ImageEmbedding> {
    return this.#enqueue(async () => {
      if (pixels.length !== width * height * 3) {
        throw new RangeError(`${pixels.length} bytes are no RGB picture of ${width}x${height}`);
      }
      const encoder = await this.#encoders.take(width, height);
      // ONNX Runtime refuses shared memory.
      encoder.pixels.set(pixels);
      const outputs = await run(encoder.session, { pixels: encoder.pixelTensor }, 'encoder');
      return createEmbedding(width, height, output(outputs, 'image_embeddings'), output(outputs, 'tokens'));
    });
  }

  /**
   * Proposes masks for one prompt about an encoded picture.
   *
   * Throws `RangeError` for a prompt without points or of wrong sizes, `TRACKCAST_INFERENCE_FAILED`.
   */
  decode(embedding: ImageEmbedding, prompt: MaskPrompt): Promise<DecodedMasks> {
    return this.#enqueue(async () => {
      const width = embedding.width / maskStride;
      const height = embedding.height / maskStride;
      const { maskLogits } = prompt;
      if (maskLogits && maskLogits.length !== width * height) {
        throw new RangeError(`${maskLogits.length} logits are no mask of ${width}x${height}`);
      }
      const constant = this.#constantInputs(embedding);
      const { points, labels } = terminatePoints(prompt);
      const feeds = {
        image_embeddings: embedding.features,
        position_grid: constant.positionGrid,
        point_coords: new Tensor('float32', points, [1, labels.length, 2]),
        point_labels: new Tensor('float32', labels, [1, labels.length]),
        mask_input: maskLogits
          ? new Tensor('float32', maskLogits, [1, 1, height, width])
          : constant.emptyMask,
        has_mask_input: new Tensor('float32', Float32Array.of(maskLogits ? 1 : 0), [1]),
      };
      const outputs = await run(this.#decoder, feeds, 'decoder');
      const logits = floats(output(outputs, 'mask_logits'), masksPerPrompt * height * width);
      const predictedIou = floats(output(outputs, 'predicted_iou'), masksPerPrompt);
      return { width, height, logits, predictedIou };
    });
  }

  /** Releases all sessions after the runs that were asked for. May be called twice. */
  async dispose(): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    await this.#lastRun;
    await this.#encoders.release();
    await this.#decoder.release();
    this.#decoderInputs.clear();
  }

  /** One run at a time: a session must not be released, or its input overwritten, while it runs. */
  #enqueue<Result>(task: () => Promise<Result>): Promise<Result> {
    if (this.#disposed) {
      return Promise.reject(
        new TrackcastError('TRACKCAST_INFERENCE_FAILED', 'the model has been disposed of'),
      );
    }
    const result = this.#lastRun.then(task);
    this.#lastRun = result.catch(() => undefined);
    return result;
  }

  #constantInputs(embedding: ImageEmbedding): DecoderInputs {
    const { width, height, tokenRows, tokenColumns } = embedding;
    const key = `${width}x${height}`;
    let inputs = this.#decoderInputs.get(key);
    if (!inputs) {
      const grid = positionGrid(tokenRows, tokenColumns, tokenStride);
      const maskShape = [1, 1, height / maskStride, width / maskStride];
      const emptyMask = new Float32Array((height / maskStride) * (width / maskStride));
      inputs = {
        positionGrid: new Tensor('float32', grid, [tokenRows, tokenColumns, 2]),
        emptyMask: new Tensor('float32', emptyMask, maskShape),
      };
      // Sizes come from sources, so that there may be many; one at a time is what matters.
      if (this.#decoderInputs.size >= 16) this.#decoderInputs.clear();
      this.#decoderInputs.set(key, inputs);
    }
    return inputs;
  }
}

/** The decoder was trained with one point of label -1 after points without a box. */
function terminatePoints({ points, labels }: MaskPrompt): { points: Float32Array; labels: Float32Array } {
  if (labels.length === 0 || points.length !== labels.length * 2) {
    throw new RangeError(`${points.length} coordinates do not fit ${labels.length} labels`);
  }
  if (labels.includes(2)) return { points, labels };
  const terminated = {
    points: new Float32Array(points.length + 2),
    labels: new Float32Array(labels.length + 1),
  };
  terminated.points.set(points);
  terminated.labels.set(labels);
  terminated.labels[labels.length] = -1;
  return terminated;
}

function createEmbedding(width: number, height: number, features: Tensor, tokens: Tensor): ImageEmbedding {
  const tokenColumns = width / tokenStride;
  const tokenRows = height / tokenStride;
  return {
    width,
    height,
    tokenColumns,
    tokenRows,
    tokens: floats(tokens, tokenRows * tokenColumns * embeddingChannels),
    features,
    dispose: () => {
      features.dispose();
      tokens.dispose();
    },
  };
}

async function run(session: InferenceSession, feeds: InferenceSession.FeedsType, part: string) {
  try {
    return await session.run(feeds);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split('\n', 1)[0] : String(cause);
    throw new TrackcastError('TRACKCAST_INFERENCE_FAILED', `the ${part} failed: ${reason}`, {}, { cause });
  }
}

function output(outputs: InferenceSession.ReturnType, name: string): Tensor {
  const tensor = outputs[name];
  if (tensor instanceof Tensor) return tensor;
  throw new TrackcastError('TRACKCAST_INFERENCE_FAILED', `the model gave no '${name}'`);
}

function floats(tensor: Tensor, length: number): Float32Array {
  const { data } = tensor;
  if (data instanceof Float32Array && data.length === length) return data;
  throw new TrackcastError(
    'TRACKCAST_INFERENCE_FAILED',
    `the model gave ${data.length} values, not ${length}`,
  );
}
