import { TrackcastError } from '../../errors.ts';
import type { NodeProto, TensorProto } from './onnx-format.ts';

/**
 * The nodes and constants that `outputs` depend on, each node after those it reads from, as ONNX demands.
 * Depth-first without recursion: a hostile chain of nodes must not exhaust the stack.
 *
 * @param reads values that a node needs, more than its inputs where it contains a graph
 *
 * Throws `TRACKCAST_MODEL_INVALID` when a value comes from nowhere or depends on itself.
 */
export function sortToOutputs(
  outputs: readonly string[],
  inputs: readonly string[],
  producers: ReadonlyMap<string, NodeProto>,
  constants: ReadonlyMap<string, TensorProto>,
  reads: (node: NodeProto) => readonly string[] = (node) => node.input,
): { nodes: NodeProto[]; constants: Set<string> } {
  const given = new Set(inputs);
  const nodes: NodeProto[] = [];
  const usedConstants = new Set<string>();
  const state = new Map<NodeProto, 'open' | 'done'>();
  const pending: { node: NodeProto; reads: readonly string[]; next: number }[] = [];

  const visit = (value: string) => {
    if (value === '' || given.has(value)) return;
    if (constants.has(value)) {
      usedConstants.add(value);
      return;
    }
    const node = producers.get(value);
    if (!node) throw invalid(`value '${value}' comes from nowhere`);
    if (state.get(node) === 'done') return;
    if (state.get(node) === 'open') throw invalid(`value '${value}' depends on itself`);
    state.set(node, 'open');
    pending.push({ node, reads: reads(node), next: 0 });
  };

  for (const output of outputs) {
    visit(output);
    for (let top = pending.at(-1); top; top = pending.at(-1)) {
      const value = top.reads[top.next++];
      if (value !== undefined) {
        visit(value);
        continue;
      }
      state.set(top.node, 'done');
      nodes.push(top.node);
      pending.pop();
    }
  }
  return { nodes, constants: usedConstants };
}

function invalid(reason: string): TrackcastError {
  return new TrackcastError('TRACKCAST_MODEL_INVALID', `unexpected graph: ${reason}`);
}
