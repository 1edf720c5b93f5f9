import { beforeAll, describe, expect, it } from 'vitest';
import { selectMask, singleMaskStability } from '../../../src/model/sam2/mask-selection.ts';
import { atolOf, expectClose, type GoldenFile, hasGoldens, readGolden } from './golden.ts';
import { activation, GraphFixture, type Result, singles } from './graph-fixture.ts';

const file = 'mod_mask_decoder';

interface Case {
  readonly masks: ArrayLike<number>;
  readonly side: number;
  readonly ious: ArrayLike<number>;
  readonly score?: number;
  readonly multimask?: number;
}

/** Tokens of which each is told from the others. */
const maskTokens = Float32Array.from({ length: 4 * 64 }, (_, at) => Math.sin(at));

async function select(fixture: GraphFixture, given: Case): Promise<Record<string, Result>> {
  const feeds = {
    masks: singles(given.masks, [1, 4, given.side, given.side]),
    ious: singles(given.ious, [1, 4]),
    score: singles([given.score ?? 1], [1, 1]),
    tokens: activation({ shape: [1, 4, 64], data: maskTokens }),
    multimask: singles([given.multimask ?? 0]),
  };
  return fixture.runPiece(feeds, (builder) => {
    const predictions = { masks: 'masks', ious: 'ious', objectScore: 'score', maskTokens: 'tokens' };
    return {
      ...selectMask(builder, predictions, 'multimask'),
      stability: singleMaskStability(builder, 'masks'),
    };
  });
}

describe.skipIf(!hasGoldens)('mask selection', () => {
  let golden: GoldenFile;
  beforeAll(() => {
    golden = readGolden(file);
  });

  it.each(['stable', 'unstable', 'empty'])('judges the stability of the single mask: %s', async (name) => {
    using fixture = new GraphFixture();
    const ious = golden.floats(`stability.${name}.ious`);
    const given = { masks: golden.floats(`stability.${name}.logits`), side: 32, ious };
    const { stability, lowResMask, maskIndex } = await select(fixture, given);
    const key = `stability.${name}`;
    expectClose(
      stability?.data ?? [],
      golden.get(`${key}.score`),
      atolOf(file, `${key}.score`),
      `${key}.score`,
    );
    expectClose(
      lowResMask?.data ?? [],
      golden.get(`${key}.masks`),
      atolOf(file, `${key}.masks`),
      `${key}.masks`,
    );
    const iou = ious[maskIndex?.data[0] ?? -1];
    expectClose([iou ?? Number.NaN], golden.get(`${key}.iou`), atolOf(file, `${key}.iou`), `${key}.iou`);
  });

  const side = 2;
  const masks = Float32Array.from({ length: 16 }, (_, at) => Math.floor(at / 4) + 1);
  const ious = [0.9, 0.2, 0.5, 0.4];

  it('takes the best of three masks and its pointer when there are several readings', async () => {
    using fixture = new GraphFixture();
    const several = await select(fixture, { masks, side, ious, multimask: 1 });
    expect(several['maskIndex']?.data).toEqual(Float32Array.of(2));
    expect(several['lowResMask']).toEqual({ shape: [1, 1, 2, 2], data: Float32Array.of(3, 3, 3, 3) });
    const single = await select(fixture, { masks, side, ious });
    expect(single['maskIndex']?.data).toEqual(Float32Array.of(0));
    expect(single['lowResMask']?.data).toEqual(Float32Array.of(1, 1, 1, 1));
    expect(single['pointer']?.data).not.toEqual(several['pointer']?.data);
  });

  it('keeps the pointer of the single mask when an unstable one gives way to another', async () => {
    using fixture = new GraphFixture();
    const stable = await select(fixture, { masks, side, ious });
    const unstable = await select(fixture, { masks: masks.with(0, 0), side, ious });
    expect(unstable['maskIndex']?.data).toEqual(Float32Array.of(2));
    expect(unstable['pointer']).toEqual(stable['pointer']);
  });

  it.each([0, 1])(
    'gives an absent object no mask and the learned pointer, multimask %i',
    async (multimask) => {
      using fixture = new GraphFixture();
      const absent = await select(fixture, { masks, side, ious, multimask, score: 0 });
      expect(new Set(absent['lowResMask']?.data)).toEqual(new Set([-1024]));
      expect(absent['pointer']?.data).toEqual(readGolden('nano').floats('no_obj_ptr'));
      expect(absent['maskIndex']?.data).toEqual(Float32Array.of(multimask === 1 ? 2 : 0));
    },
  );
});
