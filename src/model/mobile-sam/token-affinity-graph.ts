import { declareValue, GraphEditor } from '../graph/graph-editor.ts';
import { elementType } from '../graph/onnx-format.ts';
import { embeddingChannels } from './encoder-graph.ts';

/** Where in the picture a memory token may explain a token of the new frame. */
export type AffinityReach = 'anywhere' | 'window' | 'both';

export interface AffinityParameters {
  /** Memory tokens that may vote for each token of the new frame. */
  readonly neighbours: number;
  /** Of the softmax over their cosines. */
  readonly temperature: number;
}

const { float32 } = elementType;

/**
 * Carries values from remembered tokens to the tokens of a new frame, as space-time memory networks do: each new
 * token takes the mean of its nearest memory tokens' values, weighted by softmax(cosine / temperature).
 *
 * Inputs: `query` float32 [queries, 256] of length 1. For memory that counts anywhere: `memory` [tokens, 256] of
 * length 1 and `values` [tokens, columns]. For memory that counts only near its place: `window_memory`
 * [frames * grid, 256], `window_values` [frames * grid, columns] and `window` [queries, grid], which is added to
 * the cosines: 0 within reach, very negative beyond. Output: `carried` float32 [queries, columns].
 *
 * With fewer than `neighbours` memory tokens, all of them vote.
 */
export function buildTokenAffinityGraph(
  reach: AffinityReach,
  { neighbours, temperature }: AffinityParameters,
): Uint8Array<ArrayBuffer> {
  const editor = GraphEditor.create(`token affinity ${reach}`, 17);
  const wanted = editor.addIntegers([neighbours]);
  const nearest = (similarity: string) => {
    const shape = editor.add('Shape', [similarity], { start: 1, end: 2 });
    const count = editor.add('Min', [wanted, shape]);
    const outputs = [`${similarity}_best`, `${similarity}_at`] as const;
    editor.addNode('TopK', [similarity, count], { axis: 1, sorted: 0 }, outputs);
    return { cosines: outputs[0], indices: outputs[1] };
  };
  const inputs = [declareValue('query', float32, ['queries', embeddingChannels])];
  const found: { cosines: string; values: string }[] = [];

  if (reach !== 'window') {
    inputs.push(
      declareValue('memory', float32, ['tokens', embeddingChannels]),
      declareValue('values', float32, ['tokens', 'columns']),
    );
    const similarity = editor.add('Gemm', ['query', 'memory'], { transB: 1 }, 'similarity');
    const { cosines, indices } = nearest(similarity);
    found.push({ cosines, values: editor.add('Gather', ['values', indices]) });
  }
  if (reach !== 'anywhere') {
    inputs.push(
      declareValue('window_memory', float32, ['window_tokens', embeddingChannels]),
      declareValue('window_values', float32, ['window_tokens', 'columns']),
      declareValue('window', float32, ['queries', 'grid']),
    );
    const similarity = editor.add('Gemm', ['query', 'window_memory'], { transB: 1 });
    const grid = editor.add('Shape', ['window'], { start: 1, end: 2 });
    // [queries, frames, grid], so that one window serves all frames of the memory.
    const framesShape = editor.add('Concat', [editor.addIntegers([0, -1]), grid], { axis: 0 });
    const perFrame = editor.add('Reshape', [similarity, framesShape]);
    const windows = editor.add('Unsqueeze', ['window', editor.addIntegers([1])]);
    const windowed = editor.add('Add', [perFrame, windows]);
    const flat = editor.add('Reshape', [windowed, editor.addIntegers([0, -1])], {}, 'window_similarity');
    const { cosines, indices } = nearest(flat);
    found.push({ cosines, values: editor.add('Gather', ['window_values', indices]) });
  }

  let [best] = found;
  const [first, second] = found;
  if (first && second) {
    // The nearest of both are among the nearest of each: merging few beats joining the large matrices.
    const cosines = editor.add('Concat', [first.cosines, second.cosines], { axis: 1 }, 'joined');
    const values = editor.add('Concat', [first.values, second.values], { axis: 1 });
    const merged = nearest(cosines);
    // Unlike above, each query has rows of its own to gather from.
    const at = editor.add('Unsqueeze', [merged.indices, editor.addIntegers([2])]);
    best = { cosines: merged.cosines, values: editor.add('GatherND', [values, at], { batch_dims: 1 }) };
  }
  if (!best) throw new RangeError(`unknown reach ${reach}`);
  const scaled = editor.add('Mul', [best.cosines, editor.addFloats([1 / temperature], [])]);
  const weights = editor.add('Softmax', [scaled], { axis: -1 });
  const rows = editor.add('Unsqueeze', [weights, editor.addIntegers([1])]);
  const means = editor.add('MatMul', [rows, best.values]);
  editor.add('Squeeze', [means, editor.addIntegers([1])], {}, 'carried');
  editor.setInputs(inputs);
  editor.setOutputs([declareValue('carried', float32, ['queries', 'columns'])]);
  return editor.finish();
}
