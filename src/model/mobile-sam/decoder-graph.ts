import { declareValue, GraphEditor } from '../graph/graph-editor.ts';
import { elementType } from '../graph/onnx-format.ts';
import { embeddingChannels } from './encoder-graph.ts';

/** The square, in model pixels, by which SAM normalises coordinates, whatever the picture's size. */
export const coordinateSide = 1024;

/** Masks that SAM proposes per prompt: one for unambiguous prompts, then whole, part and subpart. */
export const masksPerPrompt = 4;

/**
 * SAM's prompt encoder and mask decoder for embeddings of any size, giving all four masks.
 *
 * The exported file ends by choosing one mask and scaling it to the source; a tracker wants to choose itself, at
 * low resolution, so all of that is cut off. Its position grid, a constant for 64x64 tokens, becomes an input.
 *
 * Inputs: `image_embeddings` float32 [1, 256, rows, columns]; `position_grid` float32 [rows, columns, 2] from
 * `positionGrid`; `point_coords` float32 [prompts, points, 2], model pixels; `point_labels` float32
 * [prompts, points] (1 positive, 0 negative, 2 and 3 box corners, -1 none); `mask_input` float32
 * [prompts or 1, 1, 4 rows, 4 columns], logits; `has_mask_input` float32 [1], 0 or 1.
 * Outputs: `mask_logits` float32 [prompts, 4, 4 rows, 4 columns]; `predicted_iou` float32 [prompts, 4].
 *
 * Throws `TRACKCAST_MODEL_INVALID` for another file.
 */
export function buildDecoderGraph(file: Uint8Array): Uint8Array<ArrayBuffer> {
  const editor = GraphEditor.open(file, 'mobile-sam decoder');
  editor.redirect('/pe_layer/Constant_output_0', 'position_grid');
  editor.renameValue('/Reshape_9_output_0', 'mask_logits');
  editor.renameValue('/iou_prediction_head/layers.2/Gemm_output_0', 'predicted_iou');
  const { float32 } = elementType;
  editor.setInputs([
    declareValue('image_embeddings', float32, [1, embeddingChannels, 'rows', 'columns']),
    declareValue('position_grid', float32, ['rows', 'columns', 2]),
    declareValue('point_coords', float32, ['prompts', 'points', 2]),
    declareValue('point_labels', float32, ['prompts', 'points']),
    declareValue('mask_input', float32, ['masks', 1, 'mask_rows', 'mask_columns']),
    declareValue('has_mask_input', float32, [1]),
  ]);
  editor.setOutputs([declareValue('mask_logits', float32), declareValue('predicted_iou', float32)]);
  return editor.finish();
}

/**
 * Centres of embedding tokens in SAM's coordinates, -1 to 1 over the 1024 square: a crop of the grid that the
 * model was trained with, because scaling the grid instead would tell it that tokens are of another size.
 *
 * Returns `[rows, columns, 2]`, x before y.
 */
export function positionGrid(rows: number, columns: number, stride: number): Float32Array {
  const grid = new Float32Array(rows * columns * 2);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const at = (row * columns + column) * 2;
      grid[at] = (2 * (column + 0.5) * stride) / coordinateSide - 1;
      grid[at + 1] = (2 * (row + 0.5) * stride) / coordinateSide - 1;
    }
  }
  return grid;
}
