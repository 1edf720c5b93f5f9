import { beforeAll, describe, expect, it } from 'vitest';
import { twoWayTransformer } from '../../../src/model/graph/pieces/two-way-block.ts';
import { arrangeFeatures, predictMasks } from '../../../src/model/sam2/mask-decoder.ts';
import {
  absentMaskEmbedding,
  absentPromptTokens,
  imagePositions,
} from '../../../src/model/sam2/prompt-encoder.ts';
import { atolOf, expectClose, type GoldenFile, hasGoldens, readGolden } from './golden.ts';
import { activation, GraphFixture, type Result, toTokens } from './graph-fixture.ts';
import { promptCases } from './prompt-cases.ts';

const file = 'mod_mask_decoder';
const channels = 64;

describe.skipIf(!hasGoldens)('mask decoder', () => {
  let golden: GoldenFile;
  let prompts: GoldenFile;
  beforeAll(() => {
    golden = readGolden(file);
    prompts = readGolden('mod_prompt_encoder');
  });

  const pictures = () => ({
    embedding: activation(toTokens(golden.get('image_embeddings'))),
    high_res_0: activation(golden.get('high_res.0')),
    high_res_1: activation(golden.get('high_res.1')),
  });
  const expectGolden = (actual: ArrayLike<number>, name: string) =>
    expectClose(actual, golden.get(name), atolOf(file, name), name);

  it('lets tokens and picture attend to each other as published', async () => {
    using fixture = new GraphFixture();
    const feeds = { ...pictures(), prompt: activation(prompts.get('pos1.sparse')) };
    const { tokens, image } = await fixture.runPiece(feeds, (builder) => {
      const own = ['obj_score_token', 'iou_token', 'mask_tokens'].map((name) =>
        builder.add('Unsqueeze', [builder.weight(`sam_mask_decoder.${name}.weight`), builder.integers([0])]),
      );
      const start = builder.add('Concat', [...own, 'prompt'], { axis: 1 });
      const picture = builder.add('Add', ['embedding', absentMaskEmbedding(builder)]);
      const positions = { tokens: start, image: imagePositions(builder, 16) };
      const prefix = 'sam_mask_decoder.transformer';
      return { ...twoWayTransformer(builder, { tokens: start, image: picture }, positions, prefix) };
    });
    expectGolden(tokens?.data ?? [], 'pos1.transformer_tokens');
    expectGolden(image?.data ?? [], 'pos1.transformer_src');
  });

  const predict = (fixture: GraphFixture, prompt: string | null): Promise<Record<string, Result>> => {
    const feeds = {
      ...pictures(),
      ...(prompt === null ? {} : { prompt: activation(prompts.get(`${prompt}.sparse`)) }),
    };
    return fixture.runPiece(feeds, (builder) => ({
      ...predictMasks(builder, {
        image: builder.add('Add', ['embedding', absentMaskEmbedding(builder)]),
        prompt: prompt === null ? absentPromptTokens(builder) : 'prompt',
        features: arrangeFeatures(builder, 'high_res_0', 'high_res_1', 16),
        gridSize: 16,
      }),
    }));
  };

  it.each(promptCases)('gives the tokens that pointers of %s are made from', async (name) => {
    using fixture = new GraphFixture();
    const { maskTokens } = await predict(fixture, name);
    expect(maskTokens?.shape).toEqual([1, 4, channels]);
    const tokens = maskTokens?.data ?? new Float32Array();
    expectGolden(tokens, `${name}.all_mask_tokens`);
    expectGolden(tokens.subarray(channels), `${name}.multimask1.sam_tokens`);
    expectGolden(tokens.subarray(0, channels), `${name}.multimask0.sam_tokens`);
  });

  it('predicts without any prompt what it predicts for no prompt', async () => {
    using fixture = new GraphFixture();
    const { masks, ious, objectScore } = await predict(fixture, null);
    expectGolden(masks?.data ?? [], 'none.all_masks');
    expectGolden(ious?.data ?? [], 'none.all_iou');
    expectGolden(objectScore?.data ?? [], 'none.object_score_logits');
  });
});
