import { describe, expect, it } from 'vitest';
import {
  axialRotationAngles,
  rotate,
  rotationConstants,
} from '../../../../src/model/graph/pieces/axial-rope.ts';
import { atolOf, expectClose, hasGoldens, readGolden } from '../../sam2/golden.ts';
import { activation, GraphFixture } from '../../sam2/graph-fixture.ts';

const file = 'mod_memory_attention';

describe.skipIf(!hasGoldens)('axial rotary positions against the golden vectors', () => {
  const golden = hasGoldens ? readGolden(file) : undefined;

  it('has the published angles', () => {
    const { cosines, sines, shape } = axialRotationAngles(64, 16);
    expect(shape).toEqual(golden?.get('rope.cos').shape);
    expectClose(cosines, golden?.get('rope.cos') ?? [], atolOf(file, 'rope.cos'), 'cosines');
    expectClose(sines, golden?.get('rope.sin') ?? [], atolOf(file, 'rope.sin'), 'sines');
  });

  it.each(['q', 'k'])('rotates %s as published', async (name) => {
    if (golden === undefined) return;
    using fixture = new GraphFixture();
    // The keys are two memories, which the same angles rotate.
    const batch = (golden.get(`rope.${name}`).shape[2] ?? 0) / 256;
    const x = activation(golden.get(`rope.${name}`), [batch, 256, 64]);
    const { rotated } = await fixture.runPiece({ x }, (builder) => ({
      rotated: rotate(builder, 'x', rotationConstants(builder, axialRotationAngles(64, 16)), 64),
    }));
    expectClose(
      rotated?.data ?? [],
      golden.get(`rope.${name}_out`),
      atolOf(file, `rope.${name}_out`),
      `rotated ${name}`,
    );
  });
});

describe('axial rotary positions', () => {
  it('turns a token of several cells as of their centre', () => {
    const cell = Math.acos(axialRotationAngles(4, 4).cosines[2] ?? 0);
    const { cosines, shape } = axialRotationAngles(4, 4, 2);
    expect(shape).toEqual([4, 2]);
    const angles = Array.from(cosines, (cosine) => Math.acos(cosine) / cell);
    // Column and row of each token.
    [0.5, 0.5, 2.5, 0.5, 0.5, 2.5, 2.5, 2.5].forEach((angle, at) => {
      expect(angles[at]).toBeCloseTo(angle, 5);
    });
  });
});
