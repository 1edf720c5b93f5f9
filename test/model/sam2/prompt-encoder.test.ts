import { beforeAll, describe, expect, it } from 'vitest';
import {
  absentMaskEmbedding,
  absentPromptTokens,
  imagePositions,
  maskEmbedding,
  pointTokens,
} from '../../../src/model/sam2/prompt-encoder.ts';
import { atolOf, expectClose, type GoldenFile, hasGoldens, readGolden } from './golden.ts';
import { GraphFixture, integers, singles, toTokens } from './graph-fixture.ts';

const file = 'mod_prompt_encoder';

describe.skipIf(!hasGoldens)('prompt encoder', () => {
  let golden: GoldenFile;
  beforeAll(() => {
    golden = readGolden(file);
  });

  it('codes the places of the picture', async () => {
    using fixture = new GraphFixture();
    const { positions } = await fixture.runPiece({}, (builder) => ({
      positions: imagePositions(builder, 16),
    }));
    const expected = toTokens(golden.get('dense_pe'));
    expect(positions?.shape).toEqual([256, 64]);
    expectClose(positions?.data ?? [], expected.data, atolOf(file, 'dense_pe'), 'dense_pe');
  });

  it.each(['pos1', 'neg1', 'posneg', 'box', 'box_pos', 'none', 'stable3'])(
    'makes tokens of the points %s',
    async (name) => {
      using fixture = new GraphFixture();
      const coordinates = golden.floats(`${name}.coords`);
      const count = coordinates.length / 2;
      const feeds = {
        points: singles([...coordinates, 0, 0], [1, count + 1, 2]),
        labels: integers([...golden.integers(`${name}.labels`), -1], [1, count + 1]),
      };
      const { tokens } = await fixture.runPiece(feeds, (builder) => ({
        tokens: pointTokens(builder, 'points', 'labels', 256),
      }));
      const expected = `${name}.sparse`;
      expect(tokens?.shape).toEqual([1, count + 1, 64]);
      expectClose(tokens?.data ?? [], golden.get(expected), atolOf(file, expected), expected);
    },
  );

  it('makes tokens of a box as such, without padding', async () => {
    using fixture = new GraphFixture();
    const feeds = {
      points: singles(golden.floats('boxes_api.boxes'), [1, 2, 2]),
      labels: integers([2, 3], [1, 2]),
    };
    const { tokens } = await fixture.runPiece(feeds, (builder) => ({
      tokens: pointTokens(builder, 'points', 'labels', 256),
    }));
    const name = 'boxes_api.sparse';
    expectClose(tokens?.data ?? [], golden.get(name), atolOf(file, name), name);
  });

  it('knows the tokens and the embedding of no prompt without any input', async () => {
    using fixture = new GraphFixture();
    const { tokens, embedding } = await fixture.runPiece({}, (builder) => ({
      tokens: absentPromptTokens(builder),
      embedding: absentMaskEmbedding(builder),
    }));
    expectClose(tokens?.data ?? [], golden.get('none.sparse'), 0, 'none.sparse');
    const everywhere = toTokens(golden.get('none.dense')).data;
    expectClose(embedding?.data ?? [], everywhere.subarray(0, 64), 0, 'none.dense');
    expectClose(embedding?.data ?? [], everywhere.subarray(-64), 0, 'none.dense');
  });

  it.each([
    ['mask', 1],
    ['none', 0],
  ])('embeds %s', async (name, hasMask) => {
    using fixture = new GraphFixture();
    const feeds = { mask: singles(golden.floats('mask_logits'), [1, 1, 64, 64]), has: singles([hasMask]) };
    const { embedding } = await fixture.runPiece(feeds, (builder) => ({
      embedding: maskEmbedding(builder, 'mask', 'has', 16),
    }));
    const expected = `${name}.dense`;
    expect(embedding?.shape).toEqual([1, 256, 64]);
    expectClose(embedding?.data ?? [], toTokens(golden.get(expected)).data, atolOf(file, expected), expected);
  });
});
