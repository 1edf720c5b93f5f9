import type { InferenceSession } from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MaskReduction } from '../../../src/model/sam2/mask-reduction.ts';
import { buildPromptDecoder } from '../../../src/model/sam2/prompt-decoder-graph.ts';
import { atolOf, expectClose, type GoldenFile, hasGoldens, readGolden } from './golden.ts';
import { type Feed, GraphFixture, nano, type Result, singles } from './graph-fixture.ts';
import { pictureFeeds, promptCases, promptFeeds } from './prompt-cases.ts';

const file = 'mod_mask_decoder';
const area = 64 * 64;

/** The masks or values of tokens 1 to 3. */
function others({ data }: Result): Float32Array {
  return data.subarray(data.length / 4);
}

describe.skipIf(!hasGoldens)('prompt decoder', () => {
  let golden: GoldenFile;
  let prompts: GoldenFile;
  let fixture: GraphFixture;
  let session: InferenceSession;
  beforeAll(async () => {
    golden = readGolden(file);
    prompts = readGolden('mod_prompt_encoder');
    fixture = new GraphFixture();
    session = await fixture.open(buildPromptDecoder(fixture.weightsFile, nano, 256));
  });
  afterAll(async () => {
    await session.release();
    fixture[Symbol.dispose]();
  });

  const expectGolden = (actual: Result | Float32Array | undefined, name: string) =>
    expectClose(
      actual instanceof Float32Array ? actual : (actual?.data ?? []),
      golden.get(name),
      atolOf(file, name),
      name,
    );

  const decode = (feeds: Record<string, Feed>) => fixture.runSession(session, feeds);

  it.each(promptCases)('predicts the masks, IoUs and presence of %s', async (name) => {
    const results = await decode({ ...pictureFeeds(golden), ...promptFeeds(prompts, name, 1) });
    const { masks, ious, object_score: score } = results as Record<string, Result>;
    expect(masks?.shape).toEqual([1, 4, 64, 64]);
    expectGolden(masks, `${name}.all_masks`);
    expectGolden(ious, `${name}.all_iou`);
    expectGolden(score, `${name}.object_score_logits`);
    expectGolden(others(ious as Result), `${name}.multimask1.iou`);
  });

  it.each(promptCases)('falls back from the single mask of %s as published', async (name) => {
    const results = await decode({ ...pictureFeeds(golden), ...promptFeeds(prompts, name, 0) });
    const { masks, ious, mask_index: index } = results as Record<string, Result>;
    const chosen = index?.data[0] ?? Number.NaN;
    expect(chosen === 0).toBe(name === 'stable3');
    expectGolden(masks?.data.subarray(chosen * area, (chosen + 1) * area), `${name}.multimask0.masks`);
    expectGolden(ious?.data.subarray(chosen, chosen + 1), `${name}.multimask0.iou`);
  });

  it.each([
    ['pos1', 1],
    ['box', 0],
    ['none', 1],
    ['stable3', 0],
  ] as const)('reports the object of %s as the published heads do', async (name, multimask) => {
    const results = await decode({ ...pictureFeeds(golden), ...promptFeeds(prompts, name, multimask) });
    const { masks, ious, low_res_mask: mask, mask_index: index } = results as Record<string, Result>;
    expect(mask?.shape).toEqual([1, 1, 64, 64]);
    expectGolden(mask, `heads.${name}.low_res_masks`);
    expectGolden(results['pointer'], `heads.${name}.obj_ptr`);
    expectGolden(results['object_score'], `heads.${name}.object_score_logits`);
    const chosen = index?.data[0] ?? Number.NaN;
    const candidates = multimask === 1 ? others(masks as Result) : mask;
    expectGolden(candidates, `heads.${name}.low_res_multimasks`);
    const values = multimask === 1 ? others(ious as Result) : ious?.data.subarray(chosen, chosen + 1);
    expectGolden(values, `heads.${name}.ious`);
  });

  it('takes the logits of an earlier mask into account', async () => {
    const { masks, ious, ...results } = await decode({
      ...pictureFeeds(golden),
      ...promptFeeds(prompts, 'pos1', 1),
      mask_prompt: singles(prompts.floats('mask_logits'), [1, 1, 64, 64]),
      has_mask: singles([1]),
    });
    const name = 'heads.pos1_mask';
    expectGolden(others(masks as Result), `${name}.low_res_multimasks`);
    expectGolden(others(ious as Result), `${name}.ious`);
    expectGolden(results['low_res_mask'], `${name}.low_res_masks`);
    expectGolden(results['pointer'], `${name}.obj_ptr`);
    expectGolden(results['object_score'], `${name}.object_score_logits`);
  });

  it('marks a picture without memory itself', async () => {
    const marked = await decode({ ...pictureFeeds(golden), ...promptFeeds(prompts, 'pos1', 1) });
    const raw = pictureFeeds(golden, 'image_embeddings_raw');
    const unmarked = { ...raw, no_memory: singles([1]) };
    const { masks } = await decode({ ...unmarked, ...promptFeeds(prompts, 'pos1', 1) });
    expectClose(masks?.data ?? [], marked['masks']?.data ?? [], 5e-5, 'masks');
  });

  it('gives the pointer of a mask prompt on the picture without a mark', async () => {
    const weights = readGolden('nano');
    const [bias = Number.NaN] = weights.floats('mask_downsample.bias');
    const reduction = new MaskReduction(weights.floats('mask_downsample.weight'), bias);
    const reduced = reduction.reduce(golden.floats('mask_prompt'), 256);
    expectGolden(reduced, 'mask_prompt.mask_downsample');
    const { pointer } = await decode({
      ...pictureFeeds(golden, 'image_embeddings_raw'),
      ...promptFeeds(prompts, 'none', 0),
      mask_prompt: singles(reduced, [1, 1, 64, 64]),
      has_mask: singles([1]),
    });
    expectGolden(pointer, 'maskout.obj_ptr');
  });

  it('gives every object of a batch what it would get alone, whatever is shared', async () => {
    const picture = pictureFeeds(golden);
    const [box, posneg] = ['box', 'posneg'].map((name) => promptFeeds(prompts, name, 0));
    const both = (name: string): Feed => {
      const [one, two] = [box?.[name], posneg?.[name]] as [Feed, Feed];
      const shape = [2, ...one.shape.slice(1)];
      return { type: one.type, shape, data: [...Array.from(one.data), ...Array.from(two.data)] };
    };
    const batch = {
      points: both('points'),
      labels: both('labels'),
      mask_prompt: singles(new Float32Array(area), [1, 1, 64, 64]),
      has_mask: singles([0]),
      multimask: singles([0, 1]),
    };
    const alone = await Promise.all([
      decode({ ...picture, ...box }),
      decode({ ...picture, ...posneg, multimask: singles([1]) }),
    ]);
    const twice = (feed: Feed | undefined): Feed => {
      const { type, shape, data } = feed as Feed;
      return { type, shape: [2, ...shape.slice(1)], data: [...Array.from(data), ...Array.from(data)] };
    };
    const apart = {
      image_embedding: twice(picture['image_embedding']),
      high_res_0: twice(picture['high_res_0']),
      high_res_1: twice(picture['high_res_1']),
      mask_prompt: twice(batch.mask_prompt),
    };
    for (const pictures of [picture, { ...picture, ...apart }]) {
      const results = await decode({ ...batch, ...pictures });
      for (const [name, { data, shape }] of Object.entries(results)) {
        expect(shape[0], name).toBe(2);
        const half = data.length / 2;
        expectClose(data.subarray(0, half), alone[0]?.[name]?.data ?? [], 5e-5, `${name} of the first`);
        expectClose(data.subarray(half), alone[1]?.[name]?.data ?? [], 5e-5, `${name} of the second`);
      }
    }
  });

  it('stays close in half precision', async () => {
    using halves = new GraphFixture({ precision: 'float16' });
    const graph = buildPromptDecoder(halves.weightsFile, nano, 256);
    const feeds = { ...pictureFeeds(golden), ...promptFeeds(prompts, 'pos1', 1) };
    const results = await halves.run(graph, feeds);
    const near = (name: string, key: string, atol: number) =>
      expectClose(results[name]?.data ?? [], golden.get(key), atol, `${name} in half precision`);
    near('masks', 'pos1.all_masks', 0.1);
    near('ious', 'pos1.all_iou', 0.002);
    near('pointer', 'heads.pos1.obj_ptr', 0.02);
    near('object_score', 'pos1.object_score_logits', 0.05);
  });
});
