import { beforeAll, describe, expect, it } from 'vitest';
import { convNextBlock } from '../../../src/model/graph/pieces/convnext-block.ts';
import { maskDownsampler, squashedMaskPlaces } from '../../../src/model/graph/pieces/mask-downsampler.ts';
import { buildMemoryEncoder, projectedFeatures } from '../../../src/model/sam2/memory-encoder-graph.ts';
import { atolOf, expectClose, type GoldenFile, hasGoldens, readGolden } from './golden.ts';
import {
  activation,
  type Feed,
  GraphFixture,
  integers,
  nano,
  type Result,
  singles,
  toTokens,
} from './graph-fixture.ts';

const file = 'mod_memory_encoder';
const prefix = 'memory_encoder';

/** Logits that `squashedMaskPlaces` gave as one picture again, tanh undone where that loses nothing. */
function pictureOf({ shape, data }: Result): Float32Array {
  const [, , side = 0] = shape;
  const picture = new Float32Array(16 * side * side);
  for (let y = 0; y < 4 * side; y++) {
    for (let x = 0; x < 4 * side; x++) {
      const place = 4 * (y % 4) + (x % 4);
      const from = (place * side + Math.floor(y / 4)) * side + Math.floor(x / 4);
      picture[y * 4 * side + x] = data[from] as number;
    }
  }
  return picture;
}

/** Every fourth pixel of every fourth row of 256 x 256. */
function every4th(picture: Float32Array): Float32Array {
  return picture.filter((_, at) => at % 4 === 0 && Math.floor(at / 256) % 4 === 0);
}

describe.skipIf(!hasGoldens)('memory encoder', () => {
  let golden: GoldenFile;
  let features: Feed;
  let mask: Feed;
  beforeAll(() => {
    golden = readGolden(file);
    features = activation(toTokens(golden.get('pix_feat')));
    mask = singles(golden.floats('low_res_mask'), [1, 1, 64, 64]);
  });
  const feeds = (binarize: number, score: number): Record<string, Feed> => ({
    features,
    frame_of_object: integers([0]),
    low_res_mask: mask,
    binarize: singles([binarize]),
    object_score: singles([score], [1, 1]),
  });

  it('enlarges the mask and makes sigmoids of its logits', async () => {
    using fixture = new GraphFixture();
    const { places } = await fixture.runPiece({ mask, binarize: singles([0]) }, (builder) => ({
      places: squashedMaskPlaces(builder, 'mask', 'binarize'),
    }));
    const squashed = pictureOf(places as Result);
    const name = 'mask_for_mem.sigmoid';
    expectClose(
      squashed.map((value) => 10 * value),
      golden.get(name),
      atolOf(file, name),
      name,
    );
    const logits = golden.floats('high_res_mask');
    expectClose(
      squashed,
      logits.map((logit) => Math.tanh(logit / 2)),
      2e-6,
      'squashed logits',
    );
  });

  it.each(['pos1', 'box', 'none', 'stable3', 'pos1_mask'])(
    'enlarges the mask of %s as the published heads do',
    async (name) => {
      using fixture = new GraphFixture();
      const decoder = readGolden('mod_mask_decoder');
      const given = singles(decoder.floats(`heads.${name}.low_res_masks`), [1, 1, 64, 64]);
      const { places } = await fixture.runPiece({ mask: given, binarize: singles([0]) }, (builder) => ({
        places: squashedMaskPlaces(builder, 'mask', 'binarize'),
      }));
      const expected = decoder
        .floats(`heads.${name}.high_res_masks_sub4`)
        .map((logit) => Math.tanh(logit / 2));
      expectClose(every4th(pictureOf(places as Result)), expected, 2e-6, `enlarged mask of ${name}`);
    },
  );

  it('makes each logit of a prompted mask either object or not', async () => {
    using fixture = new GraphFixture();
    const { places } = await fixture.runPiece({ mask, binarize: singles([1]) }, (builder) => ({
      places: squashedMaskPlaces(builder, 'mask', 'binarize'),
    }));
    const binary = pictureOf(places as Result);
    expect(new Set(binary)).toEqual(new Set([-1, 1]));
    const name = 'mask_for_mem.binary_sub4';
    expectClose(
      every4th(binary).map((value) => 10 * value),
      golden.get(name),
      atolOf(file, name),
      name,
    );
  });

  it('takes a logit of exactly 0 for no object', async () => {
    using fixture = new GraphFixture();
    const zeros = singles(new Float32Array(16), [1, 1, 4, 4]);
    const { places } = await fixture.runPiece({ mask: zeros, binarize: singles([1]) }, (builder) => ({
      places: squashedMaskPlaces(builder, 'mask', 'binarize'),
    }));
    expect(new Set(places?.data)).toEqual(new Set([-1]));
  });

  it('agrees with the published one after every part', async () => {
    using fixture = new GraphFixture();
    const parts = await fixture.runPiece({ mask, binarize: singles([0]), features }, (builder) => {
      const places = squashedMaskPlaces(builder, 'mask', 'binarize');
      const downsampled = maskDownsampler(builder, places, `${prefix}.mask_downsampler`, 64);
      const projected = projectedFeatures(builder, 'features');
      const sum = builder.add('Add', [downsampled, projected]);
      const fuser0 = convNextBlock(builder, sum, `${prefix}.fuser.layers.0`, 16);
      const fuser1 = convNextBlock(builder, fuser0, `${prefix}.fuser.layers.1`, 16);
      return { mask_downsampled: downsampled, pix_feat_proj: projected, fuser0, fuser1 };
    });
    for (const [part, { data }] of Object.entries(parts)) {
      const name = `mid.${part}`;
      expectClose(data, toTokens(golden.get(name)), atolOf(file, name), name);
    }
  });

  it.each([
    ['pts0.present', 0, 3],
    ['pts0.absent', 0, -1],
    ['pts1.present', 1, 3],
    ['pts1.absent', 1, -1],
  ] as const)('writes the memory %s', async (name, binarize, score) => {
    using fixture = new GraphFixture();
    const { memory } = await fixture.run(
      buildMemoryEncoder(fixture.weightsFile, nano, 256),
      feeds(binarize, score),
    );
    expect(memory?.shape).toEqual([1, 256, 16]);
    const expected = `maskmem_features.${name}`;
    expectClose(memory?.data ?? [], toTokens(golden.get(expected)), atolOf(file, expected), expected);
  });

  it('gives every object of a batch what it would get alone', async () => {
    using fixture = new GraphFixture();
    const other = features.data;
    const graph = buildMemoryEncoder(fixture.weightsFile, nano, 256);
    const shifted = Float32Array.from(other, (_, at) => (other[(at + 640) % other.length] as number) / 2);
    const secondMask = Float32Array.from(mask.data, (logit) => -logit);
    const first = await fixture.run(graph, feeds(1, -1));
    const second = await fixture.run(graph, {
      ...feeds(0, 2),
      features: activation({ shape: [1, 256, 64], data: shifted }),
      low_res_mask: singles(secondMask, [1, 1, 64, 64]),
    });
    const { memory } = await fixture.run(graph, {
      features: activation({ shape: [2, 256, 64], data: [...shifted, ...Array.from(other)] }),
      frame_of_object: integers([1, 0]),
      low_res_mask: singles([...Array.from(mask.data), ...secondMask], [2, 1, 64, 64]),
      binarize: singles([1, 0]),
      object_score: singles([-1, 2], [2, 1]),
    });
    const half = 256 * 16;
    expect(memory?.shape).toEqual([2, 256, 16]);
    expectClose(memory?.data.subarray(0, half) ?? [], first['memory']?.data ?? [], 1e-5, 'first of two');
    expectClose(memory?.data.subarray(half) ?? [], second['memory']?.data ?? [], 1e-5, 'second of two');
  });

  it('marks no absence in SAM 2.0, which has no embedding for it', async () => {
    using fixture = new GraphFixture({ without: ['no_obj_embed_spatial'] });
    const graph = buildMemoryEncoder(fixture.weightsFile, { ...nano, version: '2.0' }, 256);
    const { memory } = await fixture.run(graph, feeds(1, -1));
    const name = 'maskmem_features.pts1.present';
    expectClose(memory?.data ?? [], toTokens(golden.get(name)), atolOf(file, name), name);
  });

  it('stays close in half precision', async () => {
    using fixture = new GraphFixture({ precision: 'float16' });
    const graph = buildMemoryEncoder(fixture.weightsFile, nano, 256);
    for (const [name, binarize, score] of [
      ['pts0.present', 0, 3],
      ['pts1.absent', 1, -1],
    ] as const) {
      const { memory } = await fixture.run(graph, feeds(binarize, score));
      const expected = toTokens(golden.get(`maskmem_features.${name}`));
      expectClose(memory?.data ?? [], expected, 0.03, `${name} in half precision`);
    }
  });
});
