import { describe, expect, it } from 'vitest';
import { hieraPosition } from '../../../../src/model/graph/pieces/hiera-position.ts';
import { atolOf, expectClose, hasGoldens, readGolden } from '../../sam2/golden.ts';

describe('position embedding of Hiera', () => {
  it.skipIf(!hasGoldens)('is that of the published trunk', () => {
    const file = 'mod_image_encoder';
    const nano = readGolden('nano');
    const position = hieraPosition(
      nano.floats('image_encoder.trunk.pos_embed'),
      nano.floats('image_encoder.trunk.pos_embed_window'),
      16,
      64,
    );
    expectClose(
      position,
      readGolden(file).get('trunk.pos_embed'),
      atolOf(file, 'trunk.pos_embed'),
      'position',
    );
  });

  it('repeats the window over a background that is even', () => {
    const window = Float32Array.of(0, 1, 2, 3, 10, 20, 30, 40);
    const position = hieraPosition(Float32Array.of(5, 5, 5, 5, 7, 7, 7, 7), window, 2, 4);
    const token = (row: number, column: number) => [
      ...position.subarray((row * 4 + column) * 2).subarray(0, 2),
    ];
    expect(token(0, 0)).toEqual([5, 17]);
    expect(token(1, 3)).toEqual([8, 47]);
    expect(token(2, 0)).toEqual(token(0, 2));
  });

  it('keeps a background of its own size', () => {
    const background = Float32Array.from({ length: 16 }, (_, at) => at);
    expect(hieraPosition(background, new Float32Array(4), 1, 4)).toEqual(background);
  });
});
