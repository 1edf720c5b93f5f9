import { Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { declareValue, GraphEditor } from '../../../src/model/graph/graph-editor.ts';
import { elementType, readModel } from '../../../src/model/graph/onnx-format.ts';
import { createSession } from '../../../src/model/runtime.ts';

const vector = (name: string) => declareValue(name, elementType.float32, ['n']);

/** y = (x + 1) * 2 */
function createChain(): GraphEditor {
  const editor = GraphEditor.create('chain', 17);
  const sum = editor.add('Add', ['x', editor.addFloats([1])], {}, 'sum');
  editor.add('Mul', [sum, editor.addFloats([2])], {}, 'y');
  editor.setInputs([vector('x')]);
  editor.setOutputs([vector('y')]);
  return editor;
}

async function evaluate(bytes: Uint8Array, output: string): Promise<number[]> {
  const options = { name: 'test', executionProviders: ['cpu'], intraOpThreads: 1 } as const;
  const { session } = await createSession(bytes, options);
  const outputs = await session.run({ x: new Tensor('float32', Float32Array.of(1, 2), [2]) });
  await session.release();
  return Array.from((outputs[output]?.data ?? []) as Float32Array);
}

const invalid = expect.objectContaining({ code: 'TRACKCAST_MODEL_INVALID' });

describe('GraphEditor', () => {
  it('builds graphs that run', async () => {
    expect(await evaluate(createChain().finish(), 'y')).toEqual([4, 6]);
  });

  it('inserts nodes between a value and its readers, in any order of edits', async () => {
    const editor = GraphEditor.open(createChain().finish(), 'chain');
    editor.redirect('sum', 'negated');
    editor.add('Neg', ['sum'], {}, 'negated');
    expect(await evaluate(editor.finish(), 'y')).toEqual([-4, -6]);
  });

  it('renames values for their readers', async () => {
    const editor = GraphEditor.open(createChain().finish(), 'chain');
    editor.renameValue('sum', 'total');
    editor.setOutputs([vector('y'), vector('total')]);
    const bytes = editor.finish();
    expect(await evaluate(bytes, 'total')).toEqual([2, 3]);
    expect(await evaluate(bytes, 'y')).toEqual([4, 6]);
  });

  it('drops nodes and constants that no output needs', () => {
    const editor = GraphEditor.open(createChain().finish(), 'chain');
    editor.setOutputs([vector('sum')]);
    const { graph } = readModel(editor.finish());
    expect(graph.node.map((node) => node.opType)).toEqual(['Add']);
    expect(graph.initializer).toHaveLength(1);
  });

  it('writes each node after those it reads from', () => {
    const editor = GraphEditor.create('backwards', 17);
    editor.add('Neg', ['b'], {}, 'c');
    editor.add('Neg', ['a'], {}, 'b');
    editor.add('Neg', ['x'], {}, 'a');
    editor.setInputs([vector('x')]);
    editor.setOutputs([vector('c')]);
    const outputs = readModel(editor.finish()).graph.node.map((node) => node.output[0]);
    expect(outputs).toEqual(['a', 'b', 'c']);
  });

  it('reads integer constants', () => {
    const editor = createChain();
    expect(editor.constantIntegers(editor.addIntegers([3, -1]))).toEqual([3, -1]);
    expect(() => editor.constantIntegers('sum')).toThrow(invalid);
    expect(() => editor.constantIntegers(editor.addFloats([1]))).toThrow('int64');
  });

  it.each<[string, (editor: GraphEditor) => unknown]>([
    ['a node of that name', (editor) => editor.node('nothing', 'Add')],
    ['a reader of the value', (editor) => editor.redirect('nothing', 'x')],
    ['a producer of the value', (editor) => editor.renameValue('x', 'z')],
    ['a free name', (editor) => editor.renameValue('sum', 'y')],
    ['a value made once', (editor) => editor.add('Neg', ['x'], {}, 'y')],
    [
      'values that come from somewhere',
      (editor) => {
        editor.redirect('sum', 'nowhere');
        editor.finish();
      },
    ],
    [
      'values that do not need themselves',
      (editor) => {
        editor.redirect('x', 'y');
        editor.finish();
      },
    ],
  ])('demands %s', (_, edit) => {
    expect(() => edit(createChain())).toThrow(invalid);
  });

  it('refuses constants that do not fill their shape', () => {
    expect(() => createChain().addFloats([1, 2, 3], [2])).toThrow(RangeError);
  });
});
