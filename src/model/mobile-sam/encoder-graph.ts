import { TrackcastError } from '../../errors.ts';
import { declareValue, GraphEditor } from '../graph/graph-editor.ts';
import { elementType } from '../graph/onnx-format.ts';

/** Channels of an embedding token. */
export const embeddingChannels = 256;

/** Source pixels per embedding token, each way. */
export const tokenStride = 16;

/** Mean and standard deviation of ImageNet, RGB, 0 to 255, which SAM was trained with. */
const pixelMean = [123.675, 116.28, 103.53];
const pixelDeviation = [58.395, 57.12, 57.375];

/** Side of the square that the file was exported for; the constants in it are derived from it. */
const exportedSide = 1024;

/** TinyViT-5M's attention stages: tokens per side divide the input by `stride`, windows are `window` squared. */
const attentionStages = [
  { layer: 1, blocks: 2, stride: 8, window: 7 },
  { layer: 2, blocks: 6, stride: 16, window: 14 },
  { layer: 3, blocks: 2, stride: 16, window: 7 },
] as const;

/**
 * MobileSAM's image encoder for pictures of one size.
 *
 * The exported file is fixed to 1024x1024 only by constants in its reshapes, because TinyViT has no absolute
 * position embedding: they are replaced by those of the wanted size. Normalisation moves into the graph, so that
 * bytes travel to the device.
 *
 * Input `pixels` uint8 [height, width, 3], RGB. Outputs `image_embeddings` float32 [1, 256, height/16, width/16]
 * and `tokens` float32 [height/16 * width/16, 256]: the same features per token, row-major, less their mean over
 * the picture, of length 1.
 *
 * Sides are multiples of 16. Throws `RangeError` for others, `TRACKCAST_MODEL_INVALID` for another file.
 */
export function buildEncoderGraph(file: Uint8Array, width: number, height: number): Uint8Array<ArrayBuffer> {
  for (const side of [width, height]) {
    if (!Number.isInteger(side) || side < tokenStride || side % tokenStride !== 0) {
      throw new RangeError(`encoder sides are multiples of ${tokenStride}, not ${width}x${height}`);
    }
  }
  const editor = GraphEditor.open(file, 'mobile-sam encoder');
  normalisePixels(editor);
  resizeAttention(editor, width, height);
  resizeTransitions(editor, width, height);

  const rows = height / tokenStride;
  const columns = width / tokenStride;
  editor.renameValue('output', 'image_embeddings');
  addTokens(editor, rows, columns);
  editor.setInputs([declareValue('pixels', elementType.uint8, [height, width, 3])]);
  editor.setOutputs([
    declareValue('image_embeddings', elementType.float32, [1, embeddingChannels, rows, columns]),
    declareValue('tokens', elementType.float32, [rows * columns, embeddingChannels]),
  ]);
  return editor.finish();
}

/** Turns interleaved bytes into the planar, normalised picture that the first convolution reads. */
function normalisePixels(editor: GraphEditor): void {
  const values = editor.add('Cast', ['pixels'], { to: elementType.float32 });
  const centred = editor.add('Sub', [values, editor.addFloats(pixelMean)]);
  const scaled = editor.add('Div', [centred, editor.addFloats(pixelDeviation)]);
  const planar = editor.add('Transpose', [scaled], { perm: [2, 0, 1] });
  editor.redirect('input', editor.add('Unsqueeze', [planar], { axes: [0] }));
}

/**
 * Window attention pads the token grid to whole windows, cuts it into windows, attends, and puts it back. With
 * one picture at a time each of these shapes is a constant of the size, so the exported shape arithmetic goes.
 */
function resizeAttention(editor: GraphEditor, width: number, height: number): void {
  for (const { layer, blocks, stride, window } of attentionStages) {
    const rows = height / stride;
    const columns = width / stride;
    const windowRows = Math.ceil(rows / window);
    const windowColumns = Math.ceil(columns / window);
    const paddedRows = windowRows * window;
    const paddedColumns = windowColumns * window;
    for (let block = 0; block < blocks; block++) {
      const path = `/layers.${layer}/blocks.${block}`;
      const reshape = (name: string, shape: readonly number[]) =>
        editor.replaceInput(editor.node(`${path}/${name}`, 'Reshape'), 1, editor.addIntegers(shape));
      reshape('Reshape', [1, rows, columns, -1]);
      const pads = [0, 0, 0, 0, 0, paddedRows - rows, paddedColumns - columns, 0];
      editor.replaceInput(editor.node(`${path}/Pad`, 'Pad'), 1, editor.addIntegers(pads));
      const channels = windowChannels(editor, path);
      reshape('Reshape_3', [1, windowRows, window, windowColumns, window, channels]);
      reshape('Reshape_4', [windowRows * windowColumns, window * window, channels]);
      reshape('Reshape_5', [1, windowRows, windowColumns, window, window, channels]);
      reshape('Reshape_6', [1, paddedRows, paddedColumns, channels]);
      cropTo(editor, `${path}/Slice_1`, rows, exportedSide / stride);
      cropTo(editor, `${path}/Slice_2`, columns, exportedSide / stride);
      reshape('Reshape_8', [1, channels, rows, columns]);
    }
    if (editor.hasNode(`/layers.${layer}/blocks.${blocks}/Reshape`)) {
      throw new TrackcastError('TRACKCAST_MODEL_INVALID', `the encoder's stage ${layer} has too many blocks`);
    }
  }
}

/** Channels of a block, from the shape that its attention writes. */
function windowChannels(editor: GraphEditor, path: string): number {
  const concat = editor.node(`${path}/attn/Concat_1`, 'Concat');
  const [channels] = editor.constantIntegers(concat.input[2] ?? '');
  if (channels === undefined || channels < 1) {
    throw new TrackcastError('TRACKCAST_MODEL_INVALID', `the encoder's block ${path} has no channels`);
  }
  return channels;
}

function cropTo(editor: GraphEditor, name: string, end: number, exportedEnd: number): void {
  const slice = editor.node(name, 'Slice');
  const [found] = editor.constantIntegers(slice.input[2] ?? '');
  if (found !== exportedEnd) {
    throw new TrackcastError(
      'TRACKCAST_MODEL_INVALID',
      `the encoder's ${name} ends at ${found}, not ${exportedEnd}`,
    );
  }
  editor.replaceInput(slice, 2, editor.addIntegers([end]));
}

/** Between stages and before the neck, tokens become a picture again. */
function resizeTransitions(editor: GraphEditor, width: number, height: number): void {
  const transitions = [
    { name: '/layers.1/downsample/Reshape', stride: 8 },
    { name: '/layers.2/downsample/Reshape', stride: 16 },
    { name: '/Reshape', stride: tokenStride },
  ];
  for (const { name, stride } of transitions) {
    const shape = editor.addIntegers([1, height / stride, width / stride, -1]);
    editor.replaceInput(editor.node(name, 'Reshape'), 1, shape);
  }
}

/** Features per token for matching between frames: centred, so that the common part does not hide differences. */
function addTokens(editor: GraphEditor, rows: number, columns: number): void {
  const shape = editor.addIntegers([embeddingChannels, rows * columns]);
  const planes = editor.add('Reshape', ['image_embeddings', shape]);
  const mean = editor.add('ReduceMean', [planes], { axes: [1], keepdims: 1 });
  const centred = editor.add('Sub', [planes, mean]);
  const lengths = editor.add('ReduceL2', [centred], { axes: [0], keepdims: 1 });
  // A picture of one colour everywhere has no direction; it must not become NaN.
  const safe = editor.add('Max', [lengths, editor.addFloats([1e-6], [])]);
  const directions = editor.add('Div', [centred, safe]);
  editor.add('Transpose', [directions], { perm: [1, 0] }, 'tokens');
}
