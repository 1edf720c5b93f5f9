import { describe, expect, it } from 'vitest';
import { feedForward } from '../../../../src/model/graph/pieces/feed-forward.ts';
import { mlp } from '../../../../src/model/graph/pieces/linear.ts';
import { expectClose } from '../../sam2/golden.ts';
import { activation, GraphFixture, scattered } from '../../sam2/graph-fixture.ts';

const weights = new Map([
  ['net.layers.0.weight', scattered([5, 3], 1)],
  ['net.layers.0.bias', scattered([5], 2)],
  ['net.layers.1.weight', scattered([2, 5], 3)],
  ['net.layers.1.bias', scattered([2], 4)],
]);

describe('feed-forward layers', () => {
  it.each([1, 512, 700, 1536])('give %i tokens what they get all at once', async (count) => {
    using fixture = new GraphFixture({ weights });
    const tokens = activation(scattered([2, count, 3], 5));
    const { sliced, whole } = await fixture.runPiece({ tokens }, (builder) => {
      const [first, second] = [0, 1].map((layer) => ({
        weight: builder.weight(`net.layers.${layer}.weight`),
        bias: builder.weight(`net.layers.${layer}.bias`),
      })) as [{ weight: string; bias: string }, { weight: string; bias: string }];
      return {
        sliced: feedForward(builder, 'tokens', count, [first, second], 'relu'),
        whole: mlp(builder, 'tokens', 'net', 2, 'relu'),
      };
    });
    expect(sliced?.shape).toEqual([2, count, 2]);
    expectClose(sliced?.data ?? [], whole?.data ?? [], 1e-5, 'slices');
  });
});
