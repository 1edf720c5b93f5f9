import { describe, expect, it } from 'vitest';
import { convolution } from '../../../../src/model/graph/pieces/convolution.ts';
import { linear, mlp } from '../../../../src/model/graph/pieces/linear.ts';
import { layerNorm } from '../../../../src/model/graph/pieces/normalization.ts';
import { expectClose } from '../../sam2/golden.ts';
import { activation, GraphFixture, type TensorValue } from '../../sam2/graph-fixture.ts';

const tensor = (shape: readonly number[], data: readonly number[]): TensorValue => ({ shape, data });

describe('linear', () => {
  const weights = new Map([
    ['a.weight', tensor([2, 3], [1, 0, -1, 2, 2, 2])],
    ['a.bias', tensor([2], [0.5, -1])],
    ['plain.weight', tensor([1, 3], [1, 10, 100])],
    ['net.layers.0.weight', tensor([2, 3], [1, 0, 0, 0, -1, 0])],
    ['net.layers.0.bias', tensor([2], [0, 0])],
    ['net.layers.1.weight', tensor([2, 2], [-1, 0, 0, 1])],
    ['net.layers.1.bias', tensor([2], [0, 7])],
  ]);
  const x = activation(tensor([2, 2, 3], [1, 2, 3, 0, 0, 0, -1, -1, -1, 4, 0, 1]));

  it.each(['float32', 'float16'] as const)(
    'maps the last axis and keeps the others in %s',
    async (precision) => {
      using fixture = new GraphFixture({ weights, precision });
      const { y, plain } = await fixture.runPiece({ x }, (builder) => ({
        y: linear(builder, 'x', 'a'),
        plain: linear(builder, 'x', 'plain'),
      }));
      expect(y?.shape).toEqual([2, 2, 2]);
      expectClose(y?.data ?? [], [-1.5, 11, 0.5, -1, 0.5, -7, 3.5, 9], 0, 'linear');
      expect(plain?.shape).toEqual([2, 2, 1]);
      expectClose(plain?.data ?? [], [321, 0, -111, 104], 0, 'linear without bias');
    },
  );

  it('takes a matrix and a vector alike', async () => {
    using fixture = new GraphFixture({ weights });
    const feeds = {
      matrix: activation(tensor([1, 3], [1, 2, 3])),
      vector: activation(tensor([3], [1, 2, 3])),
    };
    const { fromMatrix, fromVector } = await fixture.runPiece(feeds, (builder) => ({
      fromMatrix: linear(builder, 'matrix', 'a'),
      fromVector: linear(builder, 'vector', 'a', 'relu'),
    }));
    expect(fromMatrix).toEqual({ shape: [1, 2], data: Float32Array.of(-1.5, 11) });
    expect(fromVector).toEqual({ shape: [2], data: Float32Array.of(0, 11) });
  });

  it('puts the activation between the layers of a network, not after the last', async () => {
    using fixture = new GraphFixture({ weights });
    const { y } = await fixture.runPiece({ x }, (builder) => ({ y: mlp(builder, 'x', 'net', 2, 'relu') }));
    expect(y?.shape).toEqual([2, 2, 2]);
    expectClose(y?.data ?? [], [-1, 7, 0, 7, 0, 8, -4, 7], 0, 'network');
  });

  it('computes GELU with the error function', async () => {
    const identity = new Map([['one.weight', tensor([1, 1], [1])]]);
    using fixture = new GraphFixture({ weights: identity });
    const { y } = await fixture.runPiece({ x: activation(tensor([3, 1], [-1, 0.5, 3])) }, (builder) => ({
      y: linear(builder, 'x', 'one', 'gelu'),
    }));
    // x * (1 + erf(x / sqrt 2)) / 2; the usual approximation by tanh is off by 1e-4.
    expectClose(y?.data ?? [], [-0.15865525, 0.34573123, 2.9959503], 1e-6, 'GELU');
  });
});

describe('normalisation', () => {
  const weights = new Map([
    ['n.weight', tensor([2], [1, 10])],
    ['n.bias', tensor([2], [0, 5])],
  ]);

  it('normalises the last axis with the epsilon that it is given', async () => {
    using fixture = new GraphFixture({ weights });
    const { y } = await fixture.runPiece({ x: activation(tensor([1, 2, 2], [1, 3, 8, 8])) }, (builder) => ({
      y: layerNorm(builder, 'x', 'n', 3),
    }));
    expectClose(y?.data ?? [], [-0.5, 10, 0, 5], 1e-6, 'layer norm');
  });

  it('does not overflow half precision on the way', async () => {
    using fixture = new GraphFixture({ weights, precision: 'float16' });
    const { y } = await fixture.runPiece({ x: activation(tensor([1, 2], [6000, -6000])) }, (builder) => ({
      y: layerNorm(builder, 'x', 'n', 1e-6),
    }));
    expectClose(y?.data ?? [], [1, -5], 1e-3, 'layer norm of large values');
  });
});

describe('convolution', () => {
  const weights = new Map([
    ['c.weight', tensor([1, 1, 2, 2], [1, 2, 3, 4])],
    ['c.bias', tensor([1], [0.5])],
    ['each.weight', tensor([2, 1, 1, 1], [2, -1])],
  ]);

  it('passes strides, zeros around the picture and groups on', async () => {
    using fixture = new GraphFixture({ weights });
    const feeds = {
      x: activation(tensor([1, 1, 2, 2], [1, 2, 3, 4])),
      pair: activation(tensor([1, 2, 1, 1], [3, 4])),
    };
    const results = await fixture.runPiece(feeds, (builder) => ({
      strided: convolution(builder, 'x', 'c', { strides: [2, 2] }),
      padded: convolution(builder, 'x', 'c', { strides: [2, 2], pads: [1, 1, 1, 1] }),
      grouped: convolution(builder, 'pair', 'each', { group: 2 }),
    }));
    expect(results['strided']).toEqual({ shape: [1, 1, 1, 1], data: Float32Array.of(30.5) });
    expect(results['padded']).toEqual({ shape: [1, 1, 2, 2], data: Float32Array.of(4.5, 6.5, 6.5, 4.5) });
    expect(results['grouped']).toEqual({ shape: [1, 2, 1, 1], data: Float32Array.of(6, -4) });
  });
});
