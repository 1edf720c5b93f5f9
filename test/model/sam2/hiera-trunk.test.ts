import { beforeAll, describe, expect, it } from 'vitest';
import type { GraphBuilder } from '../../../src/model/graph/graph-builder.ts';
import { addToQuads, pointwiseConvolution } from '../../../src/model/graph/pieces/feature-pyramid.ts';
import { hieraBlock } from '../../../src/model/graph/pieces/hiera-block.ts';
import { patchEmbedding } from '../../../src/model/graph/pieces/patch-embedding.ts';
import { reordering, type WindowOrder } from '../../../src/model/graph/pieces/window-order.ts';
import { planTrunk, type TrunkBlock } from '../../../src/model/sam2/hiera-trunk.ts';
import { atolOf, expectClose, type GoldenFile, hasGoldens, readGolden } from './golden.ts';
import { activation, GraphFixture, nano, type Result, toTokens } from './graph-fixture.ts';

const file = 'mod_image_encoder';
const wholePictures = Number.POSITIVE_INFINITY;
const plan = planTrunk(nano.trunk, 256, wholePictures);
const blocks = [...plan.local, ...plan.rest];

const rowMajor = ({ tokens }: WindowOrder) => Array.from(tokens, (_, at) => at);

function reorder(builder: GraphBuilder, rows: string, channels: number, places: readonly number[]): string {
  const pictures = builder.reshape(rows, [-1, places.length, channels]);
  return builder.add('Gather', [pictures, builder.integers(places)], { axis: 1 });
}

describe('trunk plan', () => {
  it('reorders tokens once, between local blocks and the others', () => {
    expect(plan.local.map(({ stage }) => stage)).toEqual([0, 1, 1, 2]);
    expect(plan.rest.map(({ stage }) => stage)).toEqual([2, 2, 3, 3]);
    expect(blocks.map(({ order }) => order.side)).toEqual([64, 32, 32, 16, 16, 16, 8, 8]);
    expect(blocks.map(({ order }) => order.window)).toEqual([8, 4, 4, 2, 14, 14, 7, 7]);
  });

  it('lets global blocks attend to all tokens, and pooling blocks in windows of the stage before', () => {
    expect(blocks[5]?.groups).toEqual([{ windows: 1, tokens: 256, missing: 0 }]);
    expect(blocks[6]?.groups.map(({ tokens }) => tokens)).toEqual([196, 28, 4]);
    expect(blocks[7]?.groups.map(({ tokens }) => tokens)).toEqual([49, 7, 1]);
  });

  it.each([32, 96, 256, 352, 544, 1024])('slices pictures of %i pixels evenly', (size) => {
    const sliced = planTrunk(nano.trunk, size, 64 * 16 * 4);
    const windows = sliced.order.groups[0]?.windows ?? 0;
    expect(windows % (sliced.localSlices ?? 1)).toBe(0);
    for (const { sliceRows, order } of sliced.rest) expect(order.tokens.length % (sliceRows ?? 1)).toBe(0);
  });

  it.each<[string, Partial<typeof nano.trunk>]>([
    ['windows that differ from those of the stage before, pooled', { windows: [8, 8, 14, 7] }],
    ['windows that do not fill the grid', { windows: [12, 6, 14, 7] }],
    ['attention to the whole picture in early stages', { globalBlocks: [1] }],
    ['another number of stages', { stages: [1, 2, 3] }],
  ])('refuses %s', (_, change) => {
    expect(() => planTrunk({ ...nano.trunk, ...change }, 256, wholePictures)).toThrow(
      expect.objectContaining({ code: 'TRACKCAST_MODEL_INVALID' }),
    );
  });
});

describe.skipIf(!hasGoldens)('trunk and feature pyramid', () => {
  let golden: GoldenFile;
  let results: Record<string, Result>;

  /** Runs the blocks one after the other and returns the result of each with tokens row-major, as `block<n>`. */
  async function runTrunk(adapt: (block: TrunkBlock) => TrunkBlock): Promise<Record<string, Result>> {
    using fixture = new GraphFixture();
    return await fixture.runPiece({ image: activation(golden.get('image')) }, (builder) => {
      const outputs: Record<string, string> = {};
      const patches = patchEmbedding(builder, 'image', 'image_encoder.trunk.patch_embed.proj');
      outputs['patch_embed'] = patches;
      const position = builder.floats(golden.floats('trunk.pos_embed'), [64 * 64, 16]);
      const positioned = reorder(builder, builder.add('Add', [patches, position]), 16, [
        ...plan.order.tokens,
      ]);
      let rows = builder.reshape(positioned, [-1, 16]);
      const levels: string[] = [];
      for (const [index, block] of blocks.entries()) {
        const { prefix, channels, order, stage } = block;
        rows = hieraBlock(builder, rows, prefix, adapt(block));
        outputs[`block${index}`] = reorder(
          builder,
          rows,
          channels,
          reordering(order.tokens, rowMajor(order)),
        );
        if (block.last) {
          const level = pointwiseConvolution(builder, rows, `image_encoder.neck.convs.${3 - stage}.conv`);
          levels.push(level);
          outputs[`level${stage}`] = reorder(builder, level, 64, reordering(order.tokens, rowMajor(order)));
        }
        if (block === plan.local.at(-1)) {
          rows = builder.reshape(reorder(builder, rows, channels, plan.reordering), [-1, channels]);
        }
      }
      const { order } = blocks[5] as TrunkBlock;
      const joined = addToQuads(builder, levels[2] ?? '', levels[3] ?? '', 64);
      outputs['joined'] = reorder(builder, joined, 64, reordering(order.tokens, rowMajor(order)));
      return outputs;
    });
  }

  const expectGolden = (actual: Result | undefined, name: string, channelsLast: boolean) => {
    const expected = golden.get(name);
    const values = channelsLast ? expected : toTokens(expected);
    expectClose(actual?.data ?? [], values, atolOf(file, name), name);
  };

  beforeAll(async () => {
    golden = readGolden(file);
    results = await runTrunk((block) => block);
  });

  it('embeds patches', () => expectGolden(results['patch_embed'], 'trunk.patch_embed', true));

  it.each(blocks.map((_, index) => index))('computes block %i', (index) => {
    expectGolden(results[`block${index}`], `trunk.block${index}`, true);
  });

  it('computes what follows attention in slices just the same', async () => {
    const sliced = await runTrunk((block) => ({ ...block, sliceRows: block.order.tokens.length / 4 }));
    for (const index of blocks.keys()) expectGolden(sliced[`block${index}`], `trunk.block${index}`, true);
  });

  it('takes each stage into the pyramid, and adds the deepest to the one before', () => {
    expectGolden(results['level1'], 'fpn_raw.1', false);
    expectGolden(results['level3'], 'fpn_raw.3', false);
    expectGolden(results['joined'], 'fpn_raw.2', false);
    const { data } = toTokens(golden.get('fpn_raw.0.sub'));
    const subsampled = Array.from(
      { length: 16 * 16 },
      (_, at) => Math.floor(at / 16) * 4 * 64 + (at % 16) * 4,
    );
    const values = results['level0']?.data ?? new Float32Array();
    const actual = subsampled.flatMap((token) => [...values.subarray(token * 64, (token + 1) * 64)]);
    expectClose(actual, data, atolOf(file, 'fpn_raw.0.sub'), 'fpn_raw.0');
  });
});
