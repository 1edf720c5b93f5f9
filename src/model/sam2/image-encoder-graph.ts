import { GraphBuilder, type GraphOptions, type WeightsFile } from '../graph/graph-builder.ts';
import { declareValue } from '../graph/graph-editor.ts';
import { elementType } from '../graph/onnx-format.ts';
import { addToQuads, pointwiseConvolution } from '../graph/pieces/feature-pyramid.ts';
import { hieraBlock } from '../graph/pieces/hiera-block.ts';
import { reordering } from '../graph/pieces/window-order.ts';
import type { Sam2Architecture } from './architecture.ts';
import { planTrunk, type TrunkPlan } from './hiera-trunk.ts';
import { lateralPrefix, localStages, type OrderedRows } from './local-stages.ts';
import { memoryAttentionStart } from './memory-attention-start.ts';
import { geometryOf } from './recognise.ts';

/** Mean and standard deviation of ImageNet, RGB, 0 to 1, which SAM 2 was trained with. */
const pixelMean = [0.485, 0.456, 0.406];
const pixelDeviation = [0.229, 0.224, 0.225];

/**
 * Values of a slice. The widest layer's, four times as many, are 3 MiB then, about a core's second-level cache: with
 * 2 MiB of that, half or twice as many cost 1 to 3 percent, and no slices 5 percent at 512 pixels, 17 at 1024.
 */
const cachedValues = 2048 * 96;

export interface ImageEncoderOptions extends GraphOptions {
  /**
   * How many values the trunk computes with at a time. By default few enough for a processor's cache where that is
   * quicker, else Infinity, everything at once.
   */
  readonly sliceValues?: number;
}

/**
 * The image encoder of SAM 2 (Ravi et al. 2024, section 4): the trunk Hiera, a feature pyramid, what the mask decoder
 * does to a picture alone, and the beginning of memory attention.
 *
 * Input: `pixels` uint8 [frames, imageSize, imageSize, 3], RGB. Outputs, of the weights' precision, with h for a
 * sixteenth of the image size: `features` [frames, h², channels], tokens row-major; `high_res_0` [frames, channels / 8,
 * 4h, 4h] and `high_res_1` [frames, channels / 4, 2h, 2h] for the mask decoder; `attention_start` [frames, h²,
 * channels] for memory attention.
 *
 * @param imageSize side of the model's square input, pixels
 * @throws TrackcastError TRACKCAST_CONFIG_INVALID for a side that the model cannot have, TRACKCAST_MODEL_INVALID when
 * the checkpoint lacks a weight or the trunk is of an unknown kind
 */
export function buildImageEncoder(
  file: WeightsFile,
  { trunk, channels }: Sam2Architecture,
  imageSize: number,
  options: ImageEncoderOptions = {},
): Uint8Array<ArrayBuffer> {
  const { gridSize, maskSize } = geometryOf(imageSize);
  const builder = new GraphBuilder('image_encoder', file, options);
  const { sliceValues = builder.computesInSlices ? cachedValues : Number.POSITIVE_INFINITY } = options;
  const plan = planTrunk(trunk, imageSize, sliceValues);
  const { levels, rows } = localStages(builder, normalisedPicture(builder, 'pixels'), plan);
  for (const [stage, level] of levels.entries()) {
    builder.name(toPlanes(builder, level), `high_res_${stage}`);
  }
  const features = deepFeatures(builder, rows, plan, channels);
  builder.name(toRowMajor(builder, features), 'features');
  builder.name(memoryAttentionStart(builder, 'features', gridSize), 'attention_start');
  const outputs = {
    features: [gridSize ** 2, channels],
    high_res_0: [channels / 8, maskSize, maskSize],
    high_res_1: [channels / 4, maskSize / 2, maskSize / 2],
    attention_start: [gridSize ** 2, channels],
  };
  return builder.finish(
    [declareValue('pixels', elementType.uint8, ['frames', imageSize, imageSize, 3])],
    Object.entries(outputs).map(([name, shape]) =>
      declareValue(name, builder.activationType, ['frames', ...shape]),
    ),
  );
}

/** [frames, size, size, 3] of bytes -> [frames, 3, size, size] with the mean and deviation of the training pictures. */
function normalisedPicture(builder: GraphBuilder, pixels: string): string {
  // Planes first: bytes are quick to move, and a number per plane is quick to apply.
  const planes = builder.add('Cast', [builder.transpose(pixels, [0, 3, 1, 2])], { to: elementType.float32 });
  const perPlane = (values: readonly number[]) => builder.singles(values, [values.length, 1, 1]);
  const centred = builder.add('Sub', [planes, perPlane(pixelMean.map((mean) => mean * 255))]);
  const scaled = builder.add('Mul', [centred, perPlane(pixelDeviation.map((value) => 1 / (value * 255)))]);
  return builder.fromSingle(scaled);
}

/**
 * From the rows of the last local block to features of stride 16, to which the pyramid adds those of the deepest stage:
 * rows [frames * tokens, channels].
 */
function deepFeatures(
  builder: GraphBuilder,
  localRows: OrderedRows,
  plan: TrunkPlan,
  channels: number,
): OrderedRows {
  const places = builder.integers(plan.reordering);
  const width = localRows.channels;
  const pictures = builder.reshape(localRows.rows, [-1, plan.reordering.length, width]);
  let rows = builder.reshape(builder.add('Gather', [pictures, places], { axis: 1 }), [-1, width]);
  const levels: OrderedRows[] = [];
  for (const block of plan.rest) {
    rows = hieraBlock(builder, rows, block.prefix, block);
    if (!block.last) continue;
    const level = pointwiseConvolution(builder, rows, lateralPrefix(block.stage));
    levels.push({ rows: level, order: block.order, channels });
  }
  const [fine, coarse] = levels as [OrderedRows, OrderedRows];
  return { ...fine, rows: addToQuads(builder, fine.rows, coarse.rows, channels) };
}

/** -> [frames, tokens, channels], tokens row-major. */
function toRowMajor(builder: GraphBuilder, { rows, order, channels }: OrderedRows): string {
  const tokens = order.tokens.length;
  const rowMajor = Array.from({ length: tokens }, (_, token) => token);
  const places = builder.integers(reordering(order.tokens, rowMajor));
  return builder.add('Gather', [builder.reshape(rows, [-1, tokens, channels]), places], { axis: 1 });
}

/** -> [frames, channels, side, side] */
function toPlanes(builder: GraphBuilder, level: OrderedRows): string {
  const planes = builder.transpose(toRowMajor(builder, level), [0, 2, 1]);
  return builder.reshape(planes, [-1, level.channels, level.order.side, level.order.side]);
}
