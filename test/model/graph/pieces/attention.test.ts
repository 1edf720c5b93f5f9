import { describe, expect, it } from 'vitest';
import { attention, attentionToFew, attentionToMany } from '../../../../src/model/graph/pieces/attention.ts';
import { expectClose } from '../../sam2/golden.ts';
import { activation, type Feed, GraphFixture, scattered } from '../../sam2/graph-fixture.ts';

const [channels, inner, heads] = [12, 8, 2];
const layer = { prefix: 'layer', heads };

const weights = new Map(
  ['q_proj', 'k_proj', 'v_proj', 'out_proj'].flatMap((name, at) => {
    const [outputs, inputs] = name === 'out_proj' ? [channels, inner] : [inner, channels];
    return [
      [`layer.${name}.weight`, scattered([outputs, inputs], at)],
      [`layer.${name}.bias`, scattered([outputs], at + 10)],
    ] as const;
  }),
);

describe('attention with projections on the side of few tokens', () => {
  const few = activation(scattered([2, 3, channels], 20));
  const many = activation(scattered([2, 7, channels], 21));
  const placed = activation(scattered([2, 7, channels], 22));

  it('equals plain attention of few queries', async () => {
    using fixture = new GraphFixture({ weights });
    const feeds = { few, many, placed };
    const { quick, plain } = await fixture.runPiece(feeds, (builder) => {
      const tokens = { query: 'few', key: 'placed', value: 'many' };
      return { quick: attentionToMany(builder, tokens, layer), plain: attention(builder, tokens, layer) };
    });
    expect(quick?.shape).toEqual([2, 3, channels]);
    expectClose(quick?.data ?? [], plain?.data ?? [], 1e-4, 'few queries');
  });

  it('equals plain attention to few keys', async () => {
    using fixture = new GraphFixture({ weights });
    const feeds = { few, many, placed: activation(scattered([2, 3, channels], 23)) };
    const { quick, plain } = await fixture.runPiece(feeds, (builder) => {
      const tokens = { query: 'many', key: 'placed', value: 'few' };
      return { quick: attentionToFew(builder, tokens, layer), plain: attention(builder, tokens, layer) };
    });
    expect(quick?.shape).toEqual([2, 7, channels]);
    expectClose(quick?.data ?? [], plain?.data ?? [], 1e-4, 'few keys');
  });

  it('lets one of a batch count for all others', async () => {
    using fixture = new GraphFixture({ weights });
    const first = (feed: Feed): Feed => ({
      ...feed,
      shape: [1, ...feed.shape.slice(1)],
      data: Array.from(feed.data).slice(0, feed.data.length / 2),
    });
    const repeated = (feed: Feed): Feed => {
      const half = Array.from(first(feed).data);
      return { ...feed, data: [...half, ...half] };
    };
    const feeds = {
      few,
      many,
      oneFew: first(few),
      oneMany: first(many),
      twoFew: repeated(few),
      twoMany: repeated(many),
    };
    const results = await fixture.runPiece(feeds, (builder) => {
      const toMany = (query: string, key: string) =>
        attentionToMany(builder, { query, key, value: key }, layer);
      const toFew = (query: string, key: string) =>
        attentionToFew(builder, { query, key, value: key }, layer);
      return {
        manyOfOne: toMany('few', 'oneMany'),
        manyOfTwo: toMany('few', 'twoMany'),
        queryOfOne: toMany('oneFew', 'many'),
        queryOfTwo: toMany('twoFew', 'many'),
        fewOfOne: toFew('many', 'oneFew'),
        fewOfTwo: toFew('many', 'twoFew'),
        pictureOfOne: toFew('oneMany', 'few'),
        pictureOfTwo: toFew('twoMany', 'few'),
      };
    });
    for (const name of ['many', 'query', 'few', 'picture']) {
      const [one, two] = [results[`${name}OfOne`], results[`${name}OfTwo`]];
      expect(one?.shape).toEqual(two?.shape);
      expectClose(one?.data ?? [], two?.data ?? [], 1e-5, name);
    }
  });
});
