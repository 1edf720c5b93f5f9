import { TrackcastError } from '../../errors.ts';
import type { CheckpointTensor } from '../checkpoint/checkpoint.ts';
import { quoteName } from '../checkpoint/invalid-checkpoint.ts';
import type { Sam2Architecture, Sam2Geometry, TrunkArchitecture } from './architecture.ts';
import { expectedWeights, type WeightSizes } from './expected-weights.ts';

/** Names that one message lists of each kind. */
const listedNames = 6;

/** What the shapes of a trunk's weights do not tell, by family. */
const trunkFamilies: readonly (TrunkArchitecture & {
  readonly family: string;
  readonly imageSize: number;
})[] = [
  trunk('hiera_t', 96, 1, [1, 2, 7, 2], [5, 7, 9]),
  trunk('hiera_s', 96, 1, [1, 2, 11, 2], [7, 10, 13]),
  trunk('hiera_b+', 112, 2, [2, 3, 16, 3], [12, 16, 20]),
  trunk('hiera_l', 144, 2, [2, 6, 36, 4], [23, 33, 43], [8, 4, 16, 8]),
  // A toy of the same architecture, for tests: nothing was ever trained in this size.
  { ...trunk('hiera_nano', 16, 1, [1, 2, 3, 2], [5]), imageSize: 256 },
];

/**
 * Tells from names and shapes which SAM 2 architecture a checkpoint holds; fine-tunes such as MedSAM2 and
 * Surgical-SAM-2 keep those of Meta's models.
 *
 * Throws `TRACKCAST_CHECKPOINT_INVALID` when it is none of them, naming missing, unexpected and misshapen weights.
 */
export function recogniseArchitecture(tensors: ReadonlyMap<string, CheckpointTensor>): Sam2Architecture {
  const sizes = readSizes(tensors);
  const found = findFamily(tensors, sizes.trunk);
  const complete: WeightSizes = { ...sizes, trunk: found };
  compare(tensors, expectedWeights(complete));
  const { family, imageSize, ...architecture } = found;
  return {
    family,
    version: sizes.version,
    trunk: architecture,
    channels: sizes.channels,
    memoryChannels: sizes.memoryChannels,
    memories: sizes.memories,
    memoryLayers: sizes.memoryLayers,
    defaultImageSize: imageSize,
  };
}

/** Sizes for a square input. Throws `TRACKCAST_CONFIG_INVALID` for a side that the architecture does not allow. */
export function geometryOf(imageSize: number): Sam2Geometry {
  if (!Number.isInteger(imageSize) || imageSize < 64 || imageSize > 2048 || imageSize % 32 !== 0) {
    const message = `an image size of ${imageSize} is not possible: it has to be a multiple of 32 from 64 to 2048`;
    throw new TrackcastError('TRACKCAST_CONFIG_INVALID', message, { key: 'SAM2_IMAGE_SIZE' });
  }
  return { imageSize, gridSize: imageSize / 16, maskSize: imageSize / 4 };
}

function trunk(
  family: string,
  embedDimension: number,
  heads: number,
  stages: readonly number[],
  globalBlocks: readonly number[],
  windows: readonly number[] = [8, 4, 14, 7],
) {
  return { family, embedDimension, heads, stages, windows, globalBlocks, imageSize: 1024 };
}

type SizesOfShapes = Omit<WeightSizes, 'trunk'> & {
  readonly trunk: Pick<TrunkArchitecture, 'embedDimension' | 'stages'>;
};

/** Reads every size off the weight that shows it; sizes that a damaged file does not show become 0. */
function readSizes(tensors: ReadonlyMap<string, CheckpointTensor>): SizesOfShapes {
  const size = (name: string, axis: number): number => tensors.get(name)?.shape[axis] ?? 0;
  const embedDimension = size('image_encoder.trunk.patch_embed.proj.weight', 0);
  const channels = size('no_mem_embed', 2);
  if (embedDimension === 0 || channels === 0) {
    throw invalid('it is no SAM 2 model: there is neither a Hiera image encoder nor a memory in it');
  }
  const isNewer = tensors.has('no_obj_embed_spatial') || tensors.has('obj_ptr_tpos_proj.weight');
  return {
    trunk: { embedDimension, stages: readStages(tensors) },
    channels,
    memoryChannels: size('maskmem_tpos_enc', 3),
    memories: size('maskmem_tpos_enc', 0),
    memoryLayers: countUp((layer) => tensors.has(`memory_attention.layers.${layer}.norm1.weight`)),
    version: isNewer ? '2.1' : '2.0',
    memoryFeedForward: size('memory_attention.layers.0.linear1.weight', 0),
    decoderFeedForward: size('sam_mask_decoder.transformer.layers.0.mlp.layers.0.weight', 0),
    headHidden: size('sam_mask_decoder.iou_prediction_head.layers.0.weight', 0),
    positionGrid: size('image_encoder.trunk.pos_embed', 2),
    positionWindow: size('image_encoder.trunk.pos_embed_window', 2),
  };
}

/** Blocks per stage: the first block of each later stage has a projection of its own. */
function readStages(tensors: ReadonlyMap<string, CheckpointTensor>): number[] {
  const stages = [0];
  const blocks = countUp((block) => tensors.has(`image_encoder.trunk.blocks.${block}.norm1.weight`));
  for (let block = 0; block < blocks; block++) {
    if (tensors.has(`image_encoder.trunk.blocks.${block}.proj.weight`)) stages.push(0);
    stages[stages.length - 1] = (stages.at(-1) ?? 0) + 1;
  }
  return stages;
}

function findFamily(tensors: ReadonlyMap<string, CheckpointTensor>, shape: SizesOfShapes['trunk']) {
  const stages = shape.stages.join(', ');
  const found = trunkFamilies.find(
    (each) => each.embedDimension === shape.embedDimension && each.stages.join(', ') === stages,
  );
  if (found !== undefined) return found;
  const blocks = [...tensors.keys()].filter((name) =>
    /^image_encoder\.trunk\.blocks\.\d+\.norm1\.weight$/.test(name),
  );
  throw invalid(
    `its image encoder has ${shape.embedDimension} channels and stages of ${quoteName(stages)} blocks (${blocks.length} in all), which is none of ${trunkFamilies.map(({ family }) => family).join(', ')}`,
  );
}

function compare(
  tensors: ReadonlyMap<string, CheckpointTensor>,
  expected: ReadonlyMap<string, readonly number[]>,
): void {
  const missing = [...expected.keys()].filter((name) => !tensors.has(name));
  const unexpected = [...tensors.keys()].filter((name) => !expected.has(name));
  const misshapen: string[] = [];
  for (const [name, shape] of expected) {
    const tensor = tensors.get(name);
    if (tensor === undefined) continue;
    if (tensor.shape.join() !== shape.join()) {
      misshapen.push(`${name} [${tensor.shape.join(', ')}] instead of [${shape.join(', ')}]`);
    } else if (!['F32', 'F16', 'BF16', 'F64'].includes(tensor.type)) {
      misshapen.push(`${name} of type ${tensor.type}`);
    }
  }
  const faults = [
    ...describe('missing', missing),
    ...describe('unexpected', unexpected),
    ...describe('misshapen', misshapen),
  ];
  if (faults.length > 0) throw invalid(`its weights are not those of a SAM 2 model: ${faults.join('; ')}`);
}

function describe(kind: string, names: readonly string[]): string[] {
  if (names.length === 0) return [];
  // Names come from the file: a hostile one could fill a log, or steer a terminal.
  const listed = names.slice(0, listedNames).map(quoteName);
  const rest = names.length - listed.length;
  return [`${kind}: ${listed.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`];
}

function countUp(exists: (index: number) => boolean): number {
  let count = 0;
  while (exists(count)) count++;
  return count;
}

function invalid(message: string): TrackcastError {
  return new TrackcastError('TRACKCAST_CHECKPOINT_INVALID', message);
}
