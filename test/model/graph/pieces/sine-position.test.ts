import { describe, expect, it } from 'vitest';
import { sinePosition } from '../../../../src/model/graph/pieces/sine-position.ts';
import { expectClose, hasGoldens, readGolden } from '../../sam2/golden.ts';

describe('sine position code', () => {
  it.skipIf(!hasGoldens)('is that of the published features', () => {
    const golden = readGolden('mod_memory_attention').get('case1.curr_pos');
    expectClose(sinePosition(64, 16), golden.data, 2e-6, 'position');
  });

  it('codes rows in the first half of the channels and columns in the second', () => {
    const code = sinePosition(8, 3);
    const token = (row: number, column: number) =>
      code.subarray((row * 3 + column) * 8, (row * 3 + column) * 8 + 8);
    expect(token(1, 0).subarray(0, 4)).toEqual(token(1, 2).subarray(0, 4));
    expect(token(0, 1).subarray(4)).toEqual(token(2, 1).subarray(4));
    expect(token(1, 0).subarray(0, 4)).toEqual(token(0, 1).subarray(4));
  });
});
