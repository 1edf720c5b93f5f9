import { writeFile } from 'node:fs/promises';
import { type WritableTensor, writeSafetensors } from '../src/model/checkpoint/safetensors-writer.ts';
import { expectedWeights, type WeightSizes } from '../src/model/sam2/expected-weights.ts';
import { torchFile } from '../test/model/checkpoint/checkpoint-samples.ts';
import { dictionary, pickle, tensor } from '../test/model/checkpoint/pickle-writer.ts';

/** Families of which a checkpoint of random weights can be made. */
export type RandomFamily = 'hiera_nano' | 'hiera_t';

const published = { channels: 256, memoryChannels: 64, memoryFeedForward: 2048 };
const shared = {
  memories: 7,
  memoryLayers: 4,
  version: '2.1',
  decoderFeedForward: 2048,
  headHidden: 256,
  positionGrid: 7,
  positionWindow: 8,
} as const;

const families: Readonly<Record<RandomFamily, WeightSizes>> = {
  hiera_nano: {
    ...shared,
    trunk: { embedDimension: 16, heads: 1, stages: [1, 2, 3, 2], windows: [8, 4, 14, 7], globalBlocks: [5] },
    channels: 64,
    memoryChannels: 16,
    memoryFeedForward: 256,
  },
  hiera_t: {
    ...shared,
    ...published,
    trunk: {
      embedDimension: 96,
      heads: 1,
      stages: [1, 2, 7, 2],
      windows: [8, 4, 14, 7],
      globalBlocks: [5, 7, 9],
    },
  },
};

export interface RandomSam2Options {
  readonly seed?: number;
  /** Without what 2.1 added for 2.0; 2.1 by default. */
  readonly version?: WeightSizes['version'];
  /** Values of weights that are to be others, by key. */
  readonly replaced?: Readonly<Record<string, readonly number[]>>;
}

/** Gains of matrices other than one: what a model is shown and remembers has to show in what it answers. */
const gains: readonly (readonly [RegExp, number])[] = [
  // Attention that tells tokens apart, and to memories before all.
  [/\.[qk]_proj\.weight$/, 1.5],
  [/cross_attn_image\.out_proj\.weight$/, 1.5],
  // Residual sums have grown by the depth of the trunk.
  [/^image_encoder\.neck\.convs\.\d\.conv\.weight$/, 0.4],
  [/^memory_encoder\.mask_downsampler\.encoder\.12\.weight$/, 2],
  [/^obj_ptr_proj\.layers\.2\.weight$/, 2],
  // Logits far from zero, and masks of which one is clearly the best.
  [/output_hypernetworks_mlps\.\d\.layers\.2\.weight$/, 8],
  [/iou_prediction_head\.layers\.2\.weight$/, 5],
];

/**
 * Writes a checkpoint of SAM 2's architecture, `.pt` or `.safetensors` by the path's ending. Its weights come from a
 * generator of numbers: the same on every machine, as quick and as large as trained ones, and of no use for anything
 * but tests and measurements.
 */
export async function writeRandomSam2(
  path: string,
  family: RandomFamily,
  { seed = 1, version = '2.1', replaced = {} }: RandomSam2Options = {},
): Promise<void> {
  const tensors: WritableTensor[] = [];
  for (const [name, shape] of expectedWeights({ ...families[family], version })) {
    const given = replaced[name];
    const values = given === undefined ? randomWeight(name, shape, seed) : Float32Array.from(given);
    tensors.push({ name, type: 'F32', shape, data: new Uint8Array(values.buffer) });
  }
  if (path.endsWith('.pt')) await writeFile(path, torchCheckpoint(tensors));
  else await writeSafetensors(path, tensors);
}

/** As `torch.save({'model': state_dict})` writes it. */
function torchCheckpoint(tensors: readonly WritableTensor[]): Uint8Array {
  const pickled = tensors.map(({ name, shape }, at): [string, Uint8Array] => {
    const strides = shape.map((_, axis) =>
      shape.slice(axis + 1).reduce((product, size) => product * size, 1),
    );
    const length = shape.reduce((product, size) => product * size, 1);
    return [name, tensor({ storage: 'torch.FloatStorage', key: String(at), length, shape, strides })];
  });
  return torchFile({
    pickle: pickle([dictionary({ model: dictionary(Object.fromEntries(pickled)) })]),
    storages: Object.fromEntries(tensors.map(({ data }, at) => [String(at), data])),
    aligned: true,
  });
}

function randomWeight(name: string, shape: readonly number[], seed: number): Float32Array<ArrayBuffer> {
  const values = new Float32Array(shape.reduce((product, size) => product * size, 1));
  const random = generator(hash(name) ^ seed);
  const spread = spreadOf(name, shape);
  const centre = isScale(name, shape) ? 1 : 0;
  for (let at = 0; at < values.length; at++) values[at] = spread * (2 * random() - 1) + centre;
  // An object that a prompt shows is seen: presence is likely, though a picture may deny it.
  if (name === 'sam_mask_decoder.pred_obj_score_head.layers.2.bias') values.fill(2);
  return values;
}

/** How far uniform values lie from their centre: such that activations keep their size through any depth. */
function spreadOf(name: string, shape: readonly number[]): number {
  if (isScale(name, shape)) return 0.2;
  if (name.endsWith('.bias')) return 0.1;
  if (!name.endsWith('.weight') || /(tokens?|embed|embeddings\.\d)\.weight$/.test(name)) return 1.4;
  const inputs = shape.slice(1).reduce((product, size) => product * size, 1);
  const gain = gains.find(([pattern]) => pattern.test(name))?.[1] ?? 1;
  return gain * Math.sqrt(3 / inputs);
}

function isScale(name: string, shape: readonly number[]): boolean {
  return name.endsWith('.gamma') || (name.endsWith('.weight') && shape.length === 1);
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  return value >>> 0;
}

/** Mulberry32: 0 to 1. */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
