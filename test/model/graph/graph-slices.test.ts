import { describe, expect, it } from 'vitest';
import { GraphBuilder } from '../../../src/model/graph/graph-builder.ts';
import { GraphFixture, singles } from '../sam2/graph-fixture.ts';

const weights = new Map([
  ['matrix', { shape: [4, 2], data: [1, 2, 3, 4, 5, 6, 7, 8] }],
  ['offset', { shape: [2], data: [10, 20] }],
]);
const twoRows = singles([1, 1, 2, 2], [2, 2]);

describe('rows of a weight', () => {
  it('are read where they lie in the file', async () => {
    using fixture = new GraphFixture({ weights });
    const { y } = await fixture.runPiece({ x: twoRows }, (builder) => ({
      y: builder.add('Add', ['x', builder.weightRows('matrix', 1, 3)]),
    }));
    expect(y?.data).toEqual(Float32Array.of(4, 5, 7, 8));
  });

  it('may be seen in another shape', async () => {
    using fixture = new GraphFixture({ weights });
    const { y } = await fixture.runPiece({ x: twoRows }, (builder) => ({
      y: builder.add('Identity', [builder.weightRows('matrix', 0, 3, [3, 1, 2])]),
    }));
    expect(y).toEqual({ shape: [3, 1, 2], data: Float32Array.of(1, 2, 3, 4, 5, 6) });
  });

  it.each<[string, number, number, number[]?]>([
    ['none', 2, 2],
    ['more than there are', 2, 5],
    ['a negative first', -1, 1],
    ['a shape they do not fill', 0, 2, [5]],
  ])('cannot be %s', (_, first, end, shape) => {
    using fixture = new GraphFixture({ weights });
    const builder = new GraphBuilder('rows', fixture.weightsFile);
    expect(() => builder.weightRows('matrix', first, end, shape)).toThrow(RangeError);
  });
});

describe('slices', () => {
  it('are computed each from its own slice of every sequence, with weights and constants', async () => {
    using fixture = new GraphFixture({ weights });
    const feeds = { x: singles([1, 2, 3, 4, 5, 6], [3, 2]), y: singles([100, 200, 300], [3, 1]) };
    const { sums, doubles } = await fixture.runPiece(feeds, (builder) => {
      const results = builder.forEachSlice(['x', 'y'], (inner, [x = '', y = '']) => {
        const shifted = inner.add('Add', [x, inner.weight('offset')]);
        return [inner.add('Add', [shifted, y]), inner.add('Mul', [x, inner.floats([2])])];
      });
      return { sums: results[0] ?? '', doubles: results[1] ?? '' };
    });
    expect(sums).toEqual({ shape: [3, 2], data: Float32Array.of(111, 122, 213, 224, 315, 326) });
    expect(doubles).toEqual({ shape: [3, 2], data: Float32Array.of(2, 4, 6, 8, 10, 12) });
  });

  it('share weights with each other and with what is around them', async () => {
    using fixture = new GraphFixture({ weights });
    const { y } = await fixture.runPiece({ x: twoRows }, (builder) => {
      const addOffset = (inner: GraphBuilder, value: string) =>
        inner.add('Add', [value, inner.weight('offset')]);
      const [once = ''] = builder.forEachSlice(['x'], (inner, [x = '']) => [addOffset(inner, x)]);
      const [twice = ''] = builder.forEachSlice([once], (inner, [x = '']) => [addOffset(inner, x)]);
      return { y: addOffset(builder, twice) };
    });
    expect(y?.data).toEqual(Float32Array.of(31, 61, 32, 62));
  });

  it('may have slices themselves', async () => {
    using fixture = new GraphFixture({ weights });
    const { y } = await fixture.runPiece({ x: singles([1, 2, 3, 4], [2, 2, 1]) }, (builder) => {
      const [result = ''] = builder.forEachSlice(['x'], (inner, [rows = '']) =>
        inner.forEachSlice([rows], (innermost, [row = '']) => [
          innermost.add('Add', [row, innermost.weight('offset')]),
        ]),
      );
      return { y: result };
    });
    expect(y).toEqual({ shape: [2, 2, 2], data: Float32Array.of(11, 21, 12, 22, 13, 23, 14, 24) });
  });
});
