import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TrackcastError } from '../../../src/errors.ts';
import { declareValue, GraphEditor } from '../../../src/model/graph/graph-editor.ts';
import { elementType, integer64, readModel, writeModel } from '../../../src/model/graph/onnx-format.ts';
import { readModelFiles } from '../../../src/model/mobile-sam/model-files.ts';

function buildSmallModel(): Uint8Array<ArrayBuffer> {
  const editor = GraphEditor.create('small', 17);
  const sum = editor.add('Add', ['x', editor.addFloats([1, 2, 3])]);
  const axes = editor.addIntegers([0]);
  editor.add('Unsqueeze', [editor.add('Softmax', [sum], { axis: -1 }), axes], {}, 'y');
  editor.setInputs([declareValue('x', elementType.float32, [3])]);
  editor.setOutputs([declareValue('y', elementType.float32, [1, 3])]);
  return editor.finish();
}

/** Everything in a decoded message, with long byte strings as digests. */
function describeMessage(message: object): string {
  return JSON.stringify(message, (_, value: unknown) => {
    if (value instanceof Uint8Array) return createHash('sha256').update(value).digest('hex');
    // Buffer has a toJSON of its own, which runs before this function.
    if (
      typeof value === 'object' &&
      value !== null &&
      'type' in value &&
      value.type === 'Buffer' &&
      'data' in value
    ) {
      return createHash('sha256')
        .update(Uint8Array.from(value.data as number[]))
        .digest('hex');
    }
    return value;
  });
}

/** Field numbers that the schema does not list, anywhere in a decoded message. */
function countUnknownFields(message: unknown): number {
  if (typeof message !== 'object' || message === null || ArrayBuffer.isView(message)) return 0;
  const own = '$unknowns' in message && Array.isArray(message.$unknowns) ? message.$unknowns.length : 0;
  return Object.values(message).reduce((sum: number, value) => sum + countUnknownFields(value), own);
}

const isModelInvalid = (error: unknown) =>
  error instanceof TrackcastError && error.code === 'TRACKCAST_MODEL_INVALID';

describe('readModel and writeModel', () => {
  it.each(['encoder', 'decoder'] as const)('lose nothing of the exported %s', async (part) => {
    const file = (await readModelFiles())[part];
    const model = readModel(file);
    expect(countUnknownFields(model)).toBe(0);
    // Weights are digested apart: as JSON they would take gigabytes.
    const weights = (each: typeof model) =>
      each.graph.initializer.map(({ rawData }) =>
        createHash('sha256')
          .update(rawData ?? '')
          .digest('hex'),
      );
    const structure = (each: typeof model) =>
      describeMessage({ ...each, graph: { ...each.graph, initializer: each.graph.initializer.length } });
    const copy = readModel(writeModel(model));
    expect(weights(copy)).toEqual(weights(model));
    expect(structure(copy) === structure(model)).toBe(true);
  });

  it('leave tensor bytes where they are', async () => {
    const { decoder } = await readModelFiles();
    const model = readModel(decoder);
    expect(model.graph.initializer.every(({ rawData }) => rawData?.buffer === decoder.buffer)).toBe(true);
  });

  it('keep fields that the schema does not know', () => {
    const unknown = Uint8Array.of(0xba, 0x06, 3, 97, 98, 99);
    const bytes = Uint8Array.from([...buildSmallModel(), ...unknown]);
    expect(Buffer.from(writeModel(readModel(bytes))).includes(Buffer.from(unknown))).toBe(true);
  });

  it.each([
    ['no bytes', new Uint8Array(0), 'empty'],
    ['text', Buffer.from('version https://git-lfs.github.com/spec/v1\n'), 'encoding'],
    ['a model without a graph', Uint8Array.of(8, 8), 'no graph'],
    ['a message that ends early', buildSmallModel().subarray(0, 40), 'encoding'],
  ])('refuse %s', (_, bytes, reason) => {
    expect(() => readModel(bytes, 'some.onnx')).toThrow(reason);
    expect(() => readModel(bytes, 'some.onnx')).toThrow(
      expect.objectContaining({ code: 'TRACKCAST_MODEL_INVALID', place: { key: 'some.onnx' } }),
    );
  });

  it('answer any damage with a model or with its error', () => {
    const original = buildSmallModel();
    const damage = fc.record({
      length: fc.nat({ max: original.length }),
      changes: fc.array(fc.tuple(fc.nat({ max: original.length - 1 }), fc.nat({ max: 255 })), {
        maxLength: 6,
      }),
    });
    fc.assert(
      fc.property(damage, ({ length, changes }) => {
        const bytes = original.slice();
        for (const [at, value] of changes) bytes[at] = value;
        try {
          GraphEditor.open(bytes.subarray(0, length), 'damaged').finish();
        } catch (error) {
          if (!isModelInvalid(error)) throw error;
        }
      }),
      { numRuns: 3000 },
    );
  });

  it('answer nesting without end with its error', () => {
    // graph (7) > node (1) > attribute (5) > g (6) > node (1) > ... each level around the one before.
    let bytes = Uint8Array.of();
    const tags = [0x0a, 0x2a, 0x32];
    for (let level = 0; level < 3000; level++) {
      const length: number[] = [];
      for (let rest = bytes.length; ; rest >>= 7) {
        length.push(rest > 127 ? (rest & 127) | 128 : rest);
        if (rest <= 127) break;
      }
      const tag = level === 2999 ? 0x3a : (tags[(2998 - level) % 3] ?? 0);
      bytes = Uint8Array.from([tag, ...length, ...bytes]);
    }
    expect(() => readModel(bytes)).toThrow(expect.objectContaining({ code: 'TRACKCAST_MODEL_INVALID' }));
  });
});

describe('integer64', () => {
  it.each([
    [{ low: 5, high: 0, unsigned: false }, 5],
    [{ low: -1, high: -1, unsigned: false }, -1],
    [{ low: -2, high: 0, unsigned: true }, 2 ** 32 - 2],
    [{ low: 0, high: -2097151, unsigned: false }, -2097151 * 2 ** 32],
  ])('reads %o as %d', (value, expected) => {
    expect(integer64(value)).toBe(expected);
  });

  it('refuses values without an exact number', () => {
    expect(() => integer64({ low: -1, high: 0x7fffffff, unsigned: false })).toThrow('2^53');
  });
});
