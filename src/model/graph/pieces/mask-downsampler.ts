import type { GraphBuilder } from '../graph-builder.ts';
import { gelu } from './activation.ts';
import { convolution } from './convolution.ts';
import { linear } from './linear.ts';
import { layerNorm } from './normalization.ts';

/** Pixels of the enlarged mask for each low-resolution one, along both sides. */
const enlargement = 4;
/** Logits that are certain have this value in the published input. */
const publishedScale = 10;
/** Of the channel normalisation. */
const epsilon = 1e-6;
/** Far beyond where tanh is 1, yet so low that products with logits stay finite. */
const hardness = 2 ** 100;
/** Far below where tanh is -1, and far below any product with `hardness`. */
const floor = -100;

/**
 * Low-resolution logits, enlarged four times along both sides (bilinear, pixel centres at halves) and squashed:
 * mask [batch, 1, side, side] float32 -> [batch, 16, side, side] float32, where channel 4 * row + column is that
 * place in each low-resolution pixel. Values are tanh(logit / 2), which is 2 * sigmoid(logit) - 1; where `binarize`
 * [batch] float32 is 1, they are 1 for logits above 0 and -1 for others.
 */
export function squashedMaskPlaces(builder: GraphBuilder, mask: string, binarize: string): string {
  const perMask = builder.reshape(binarize, [-1, 1, 1, 1]);
  const excess = builder.add('Mul', [perMask, builder.singles([hardness - 1])]);
  const sharpness = builder.add('Add', [excess, builder.singles([1])]);
  // Beside hardened logits this counts only for those that are exactly 0, which would come out as 0.
  const offset = builder.add('Mul', [perMask, builder.singles([floor])]);
  const offsets = builder.add('Expand', [offset, builder.add('Shape', [mask])]);
  const both = builder.add('Concat', [builder.add('Mul', [mask, sharpness]), offsets], { axis: 1 });
  const around = builder.integers([0, 0, 1, 1, 0, 0, 1, 1]);
  const padded = builder.add('Pad', [both, around], { mode: { text: 'edge' } });
  const weight = builder.singles(enlargementKernel(), [enlargement ** 2, 2, 3, 3]);
  return builder.add('Tanh', [builder.add('Conv', [padded, weight], { kernel_shape: [3, 3] })]);
}

/**
 * Reduces masks to the tokens of the feature grid, as the memory encoder of SAM 2 does: four convolutions of 3 x 3
 * with strides of two, each with channel normalisation and GELU, and a projection.
 *
 * The first two see 4 x 4 and then 2 x 2 pixels of their pictures as channels of one, so that there is work for whole
 * vectors of channels; their large pictures are not rearranged for the normalisation of few channels either.
 *
 * @param mask ten times which is the published input, as `squashedMaskPlaces` gives it
 * @param prefix of the published `MaskDownSampler`
 * @param side of the low-resolution mask, a multiple of four
 * @returns [batch, (side / 4)^2, channels] of the graph's precision
 */
export function maskDownsampler(builder: GraphBuilder, mask: string, prefix: string, side: number): string {
  const layer = (index: number) => `${prefix}.encoder.${index}`;
  const enlarged = convolveCells(builder, builder.fromSingle(mask), layer(0), enlargement, publishedScale);
  const half = gelu(builder, normalizeCentred(builder, enlarged, layer(1), side));
  const quarter = convolveCells(builder, half, layer(3), enlargement / 2, 1);
  let picture = gelu(builder, normalizeCentred(builder, quarter, layer(4), side));
  for (const index of [6, 9]) {
    const reduced = convolution(builder, picture, layer(index), { strides: [2, 2], pads: [1, 1, 1, 1] });
    const channelsLast = builder.transpose(reduced, [0, 2, 3, 1]);
    const normalized = layerNorm(builder, channelsLast, layer(index + 1), epsilon);
    picture = builder.transpose(gelu(builder, normalized), [0, 3, 1, 2]);
  }
  const [channels = 0] = builder.weightShape(`${layer(9)}.weight`);
  const tokens = builder.reshape(builder.transpose(picture, [0, 2, 3, 1]), [0, (side / 4) ** 2, channels]);
  return linear(builder, tokens, layer(12));
}

/**
 * A convolution of 3 x 3 with strides of two and zeros around, whose input comes in cells of `cell` x `cell` pixels:
 * x [batch, in * cell^2, rows, columns] -> [batch, out * (cell / 2)^2, rows, columns]. What all of a pixel's channels
 * have in common is left out, as the normalisation that follows would.
 */
function convolveCells(
  builder: GraphBuilder,
  x: string,
  prefix: string,
  cell: number,
  scale: number,
): string {
  const [outputs = 0, inputs = 0] = builder.weightShape(`${prefix}.weight`);
  const weights = centreOutputs(builder.weightValues(`${prefix}.weight`), outputs);
  const biases = centreOutputs(builder.weightValues(`${prefix}.bias`), outputs);
  const half = cell / 2;
  const shape = [outputs * half ** 2, inputs * cell ** 2, 2, 2];
  const kernel = new Float32Array(shape.reduce((product, size) => product * size));
  for (const [at, weight] of weights.entries()) {
    const tapColumn = at % 3;
    const tapRow = Math.floor(at / 3) % 3;
    const input = Math.floor(at / 9) % inputs;
    const output = Math.floor(at / 9 / inputs);
    for (let row = 0; row < half; row++) {
      for (let column = 0; column < half; column++) {
        const y = placeOfTap(2 * row - 1 + tapRow, cell);
        const x = placeOfTap(2 * column - 1 + tapColumn, cell);
        const to = (output * half + row) * half + column;
        const from = (input * cell + y.within) * cell + x.within;
        kernel[((to * inputs * cell ** 2 + from) * 2 + y.cell) * 2 + x.cell] = weight * scale;
      }
    }
  }
  const bias = Float32Array.from(
    { length: outputs * half ** 2 },
    (_, i) => biases[Math.floor(i / half ** 2)] ?? 0,
  );
  const parameters = [builder.floats(kernel, shape), builder.floats(bias)];
  return builder.add('Conv', [x, ...parameters], { kernel_shape: [2, 2], pads: [1, 1, 0, 0] });
}

/** A coordinate counted from the beginning of a cell: in the cell before it (0) or in itself (1). */
function placeOfTap(coordinate: number, cell: number): { cell: 0 | 1; within: number } {
  return coordinate < 0 ? { cell: 0, within: coordinate + cell } : { cell: 1, within: coordinate };
}

/** Subtracts, from values [outputs, ...], their mean over the outputs. */
function centreOutputs(values: Float32Array, outputs: number): Float64Array {
  const size = values.length / outputs;
  const centred = Float64Array.from(values);
  for (let at = 0; at < size; at++) {
    let sum = 0;
    for (let i = at; i < values.length; i += size) sum += values[i] as number;
    for (let i = at; i < values.length; i += size) centred[i] = (values[i] as number) - sum / outputs;
  }
  return centred;
}

/**
 * Layer normalisation over channels whose mean is 0: x [batch, channels * cells, side, side] with the channel as the
 * slowest of the joined axes, and so the result. In float32, as squares are beyond half precision.
 */
function normalizeCentred(builder: GraphBuilder, x: string, prefix: string, side: number): string {
  const [channels = 0] = builder.weightShape(`${prefix}.weight`);
  const planes = builder.toSingle(builder.reshape(x, [0, channels, -1]));
  const squares = builder.add('Mul', [planes, planes]);
  // A product with equal weights, which is several times as quick as a reduction over so few planes.
  const mean = builder.singles(new Float32Array(channels).fill(1 / channels), [1, channels]);
  const variance = builder.add('MatMul', [mean, squares]);
  const deviation = builder.add('Sqrt', [builder.add('Add', [variance, builder.singles([epsilon])])]);
  const normalized = builder.fromSingle(builder.add('Mul', [planes, builder.add('Reciprocal', [deviation])]));
  const [scale, shift] = ['weight', 'bias'].map((kind) =>
    builder.reshape(builder.weight(`${prefix}.${kind}`), [channels, 1]),
  ) as [string, string];
  const scaled = builder.add('Add', [builder.add('Mul', [normalized, scale]), shift]);
  return builder.reshape(scaled, [0, -1, side, side]);
}

/**
 * Weights [16, 2, 3, 3] that interpolate each place in a low-resolution pixel from its neighbours, halved for
 * tanh; the second input channel is added as it is.
 */
function enlargementKernel(): Float32Array {
  const kernel = new Float32Array(enlargement ** 2 * 2 * 9);
  for (let row = 0; row < enlargement; row++) {
    for (let column = 0; column < enlargement; column++) {
      const to = (row * enlargement + column) * 2 * 9;
      for (let tap = 0; tap < 9; tap++) {
        const weight = tent(row, Math.floor(tap / 3)) * tent(column, tap % 3);
        kernel[to + tap] = weight / 2;
      }
      kernel[to + 9 + 4] = 1;
    }
  }
  return kernel;
}

/** How much the pixel before (0), itself (1) or the one after (2) counts at a place in a low-resolution pixel. */
function tent(place: number, tap: number): number {
  const distance = (place + 0.5) / enlargement - 0.5 - (tap - 1);
  return Math.max(0, 1 - Math.abs(distance));
}
