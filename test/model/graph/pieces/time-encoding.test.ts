import { describe, it } from 'vitest';
import { linear } from '../../../../src/model/graph/pieces/linear.ts';
import { timeEncoding } from '../../../../src/model/graph/pieces/time-encoding.ts';
import { atolOf, expectClose, hasGoldens, readGolden } from '../../sam2/golden.ts';
import { GraphFixture, singles } from '../../sam2/graph-fixture.ts';

const file = 'mod_memory_attention';

describe.skipIf(!hasGoldens)('time code of pointers', () => {
  it('and its projection are as published', async () => {
    using fixture = new GraphFixture();
    const times = singles(Array.from({ length: 24 }, (_, distance) => distance / 15));
    const { code, projected } = await fixture.runPiece({ times }, (builder) => {
      const sine = timeEncoding(builder, 'times', 64);
      return { code: sine, projected: linear(builder, sine, 'obj_ptr_tpos_proj') };
    });
    const golden = readGolden(file);
    expectClose(code?.data ?? [], golden.get('tpos.sine'), atolOf(file, 'tpos.sine'), 'code');
    expectClose(projected?.data ?? [], golden.get('tpos.proj'), atolOf(file, 'tpos.proj'), 'projection');
  });
});
