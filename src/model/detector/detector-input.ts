import { type InferenceSession, Tensor } from 'onnxruntime-node';

/** Largest side of a detector's input, pixels. */
const maxSide = 4096;

/** The one input of a detector, and the memory in which pictures are put before it. */
export interface DetectorInput {
  readonly name: string;
  readonly width: number;
  readonly height: number;
  /** [3, height, width]; what the tensor holds. */
  readonly values: Float32Array | Uint8Array;
  readonly tensor: Tensor;
}

/**
 * Makes the input of a graph: [1, 3, height, width], float32 or uint8.
 *
 * @param freeSide taken for sides that the graph leaves open, pixels
 * @returns what is wrong with the graph's inputs, where they are not those of a detector
 */
export function detectorInputOf(
  inputs: readonly InferenceSession.ValueMetadata[],
  freeSide: number,
): DetectorInput | string {
  const [input] = inputs;
  const found = inputs.map(describe).join(', ');
  const wanted = `the input must be one float32 or uint8 tensor [1, 3, height, width]; found ${found || 'none'}`;
  if (input === undefined || inputs.length > 1 || !input.isTensor || input.shape.length !== 4) return wanted;
  const { name, type, shape } = input;
  if (type !== 'float32' && type !== 'uint8') return wanted;
  const [batch, channels, height, width] = shape.map((size, axis) =>
    sizeOf(size, [1, 3, freeSide, freeSide][axis]),
  );
  if (batch !== 1 || channels !== 3 || !isSide(height) || !isSide(width)) return wanted;
  const dims = [1, 3, height, width];
  const length = 3 * height * width;
  if (type === 'uint8') {
    const values = new Uint8Array(length);
    return { name, width, height, values, tensor: new Tensor('uint8', values, dims) };
  }
  const values = new Float32Array(length);
  return { name, width, height, values, tensor: new Tensor('float32', values, dims) };
}

/** Sizes without a number are open. */
function sizeOf(size: number | string, open: number | undefined): number | undefined {
  return typeof size === 'number' && size >= 0 ? size : open;
}

function isSide(side: number | undefined): side is number {
  return side !== undefined && side >= 1 && side <= maxSide;
}

function describe(input: InferenceSession.ValueMetadata): string {
  if (!input.isTensor) return `${input.name}, no tensor`;
  return `${input.name}: ${input.type} [${input.shape.join(', ')}]`;
}
