import type {
  Activations,
  DecodedObject,
  FrameFeatures,
  MaskCandidates,
  MaskToRemember,
  ObjectMemory,
  ObjectStep,
  PromptRequest,
  ProposedMasks,
  Sam2Runtime,
} from '../../../src/model/sam2/sam2-runtime.ts';

const channels = 4;
const memoryLength = 8;

/** Side of the fake model's square input, pixels. */
export const fakeImageSize = 32;
/** Side of its low-resolution masks. */
export const fakeMaskSize = 8;

class FakeFeatures implements FrameFeatures {
  readonly imageSize = fakeImageSize;
  readonly seed: number;
  readonly #onDispose: () => void;
  #isDisposed = false;

  constructor(seed: number, onDispose: () => void) {
    this.seed = seed;
    this.#onDispose = onDispose;
  }

  [Symbol.dispose](): void {
    if (this.#isDisposed) throw new Error('features were released twice');
    this.#isDisposed = true;
    this.#onDispose();
  }

  check(): number {
    if (this.#isDisposed) throw new Error('features were used after their release');
    return this.seed;
  }
}

/** What a test wants of the numbers, in place of those that follow from the inputs. */
export type Scripted = Partial<Pick<DecodedObject, 'lowResMask' | 'ious' | 'maskIndex' | 'objectScore'>> & {
  readonly candidates?: MaskCandidates;
};

/**
 * A runtime whose outputs are numbers that depend on every input, bit by bit and in order, so that equal results mean
 * equal inputs. Complains of arrays and features that are used or given back after their time.
 */
export class FakeRuntime implements Sam2Runtime {
  readonly architecture = {
    family: 'fake',
    version: '2.1',
    trunk: { embedDimension: 1, heads: 1, stages: [], windows: [], globalBlocks: [] },
    channels,
    memoryChannels: 2,
    memories: 7,
    memoryLayers: 4,
    defaultImageSize: fakeImageSize,
  } as const;
  readonly geometry = { imageSize: fakeImageSize, gridSize: 2, maskSize: fakeMaskSize };
  readonly precision = 'float32';
  readonly absentPointer: Activations = new Float32Array(channels).fill(-7);
  /** Prompts in the order in which they were decoded. */
  readonly prompts: PromptRequest[] = [];
  /** How many prompts were decoded at once, in that order. */
  readonly promptBatches: number[] = [];
  /** Objects of every step. */
  readonly steps: (readonly ObjectMemory[])[] = [];
  /** Masks that became memories other than by a step. */
  readonly remembered: { readonly mask: Float32Array; readonly kind: 'binary' | 'soft' }[] = [];
  /** Memories that were handed out and not given back. */
  readonly memories = new Set<Activations>();
  openFeatures = 0;
  /** Says what steps find, by the number of the step and of the object in it. */
  script: (step: number, object: number) => Scripted = () => ({});
  /** Thrown by the next call, once. */
  failure: Error | null = null;
  /** Told of every call; may throw. */
  onCall: () => void = () => {};

  async encode(pixels: Uint8Array): Promise<FrameFeatures> {
    this.#failOnce();
    this.openFeatures++;
    return new FakeFeatures(digest(pixels), () => this.openFeatures--);
  }

  async step(features: FrameFeatures, objects: readonly ObjectMemory[]): Promise<ObjectStep[]> {
    this.#failOnce();
    const seed = seedOf(features);
    this.steps.push(objects);
    return objects.map((object, at) => {
      const random = numbers(digest([seed, ...this.#memoryNumbers(object)]));
      const scripted = this.script(this.steps.length - 1, at);
      const candidates = object.candidates ? { candidates: candidatesOf(random) } : {};
      return { ...this.#object(random, true), memory: this.#memory(random), ...candidates, ...scripted };
    });
  }

  async prompt(features: FrameFeatures, request: PromptRequest): Promise<DecodedObject> {
    this.#failOnce();
    this.prompts.push(request);
    const { ground, sparse, mask, multimask } = request;
    const seen = [seedOf(features), ground.kind.length, Number(multimask)];
    if (ground.kind === 'remembered') seen.push(...this.#memoryNumbers(ground.memory));
    seen.push(...sparse.points, ...sparse.labels, ...(mask ?? []));
    return this.#object(numbers(digest(seen)), multimask);
  }

  async promptAll(features: FrameFeatures, requests: readonly PromptRequest[]): Promise<DecodedObject[]> {
    const decoded: DecodedObject[] = [];
    for (const request of requests) decoded.push(await this.prompt(features, request));
    this.promptBatches.push(requests.length);
    return decoded;
  }

  async propose(features: FrameFeatures, points: Float32Array): Promise<ProposedMasks> {
    this.#failOnce();
    const random = numbers(digest([seedOf(features), ...points]));
    const clicks = points.length / 2;
    return {
      masks: Float32Array.from({ length: clicks * 3 * fakeMaskSize ** 2 }, random),
      ious: Float32Array.from({ length: clicks * 3 }, random),
      objectScores: Float32Array.from({ length: clicks }, random),
      pointers: Float32Array.from({ length: clicks * 3 * channels }, random),
    };
  }

  async rememberAll(features: FrameFeatures, objects: readonly MaskToRemember[]): Promise<Activations[]> {
    this.#failOnce();
    return objects.map((object) => this.#remember(features, object));
  }

  #remember(
    features: FrameFeatures,
    { lowResMask, objectScore, isSoft = false }: MaskToRemember,
  ): Activations {
    const kind = isSoft ? 'soft' : 'binary';
    this.remembered.push({ mask: lowResMask.slice(), kind });
    return this.#memory(numbers(digest([seedOf(features), ...lowResMask, objectScore, kind.length])));
  }

  recycle(memory: Activations): void {
    if (!this.memories.delete(memory)) throw new Error('a memory was given back that was not out');
    memory.fill(Number.NaN);
  }

  reduceMask(mask: Float32Array): Float32Array {
    const step = fakeImageSize / fakeMaskSize;
    return Float32Array.from({ length: fakeMaskSize ** 2 }, (_, at) => {
      const [x, y] = [at % fakeMaskSize, Math.floor(at / fakeMaskSize)];
      return mask[y * step * fakeImageSize + x * step] as number;
    });
  }

  async dispose(): Promise<void> {}

  #object(random: () => number, multimask: boolean): DecodedObject {
    const objectScore = random() * 4 + 2;
    const lowResMask = Float32Array.from({ length: fakeMaskSize ** 2 }, () =>
      objectScore > 0 ? random() * 50 : -1024,
    );
    const ious = Float32Array.from({ length: 4 }, () => random() / 2 + 0.5);
    const maskIndex = multimask ? 1 + ious.subarray(1).indexOf(Math.max(...ious.subarray(1))) : 0;
    const pointer = objectScore > 0 ? Float32Array.from({ length: channels }, random) : this.absentPointer;
    return { lowResMask, ious, maskIndex, objectScore, pointer };
  }

  #memory(random: () => number): Activations {
    const memory = Float32Array.from({ length: memoryLength }, random);
    this.memories.add(memory);
    return memory;
  }

  #memoryNumbers({ memories, pointers }: ObjectMemory): number[] {
    if (memories.length === 0 || pointers.length === 0) throw new Error('an object attends to nothing');
    for (const { memory } of memories) {
      if (!this.memories.has(memory)) throw new Error('a memory was used after it was given back');
    }
    return [
      ...memories.flatMap(({ memory, row }) => [row, ...memory]),
      ...pointers.flatMap(({ pointer, time }) => [time, ...pointer]),
    ];
  }

  #failOnce(): void {
    this.onCall();
    const { failure } = this;
    this.failure = null;
    if (failure !== null) throw failure;
  }
}

/** Pixels of a fake frame; every number gives another picture. */
export function fakePixels(frame: number): Uint8Array {
  const pixels = new Uint8Array(fakeImageSize ** 2 * 3);
  new DataView(pixels.buffer).setUint32(0, frame);
  return pixels;
}

function seedOf(features: FrameFeatures): number {
  if (!(features instanceof FakeFeatures)) throw new TypeError('features of another runtime');
  return features.check();
}

function candidatesOf(random: () => number): MaskCandidates {
  return {
    masks: Float32Array.from({ length: 3 * fakeMaskSize ** 2 }, random),
    pointers: Float32Array.from({ length: 3 * channels }, random),
  };
}

/** FNV-1a over the bits of the numbers. */
function digest(values: Iterable<number>): number {
  const bits = new Uint32Array(Float64Array.from(values).buffer);
  let hash = 0x811c9dc5;
  for (const word of bits) hash = Math.imul(hash ^ word, 0x01000193) ^ (hash >>> 15);
  return hash >>> 0;
}

/** Numbers between -1 and 1 by mulberry32. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 31 - 1;
  };
}
