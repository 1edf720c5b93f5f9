import { describe, expect, it } from 'vitest';
import { type MaskLogits, renderMask, resampleLogits } from '../../../src/mask/mask-logits.ts';
import { decodeRunLength } from '../../../src/mask/run-length.ts';
import { atolOf, expectClose, hasGoldens, readGolden } from './golden.ts';

function squareLogits(data: Float32Array): MaskLogits {
  const side = Math.sqrt(data.length);
  return { width: side, height: side, spanX: side, spanY: side, data };
}

function render(logits: Float32Array, width: number, height: number): Uint8Array {
  const rendered = renderMask(squareLogits(logits), width, height);
  return rendered === null ? new Uint8Array(width * height) : decodeRunLength(rendered.mask);
}

describe.skipIf(!hasGoldens)('low-resolution masks at the size of the video', () => {
  it.each([
    ['up256', 256, 256],
    ['video_120x160', 160, 120],
  ])('have the published pixels and logits (%s)', (name, width, height) => {
    const golden = readGolden('mod_resize');
    const enlarged = golden.floats(name);
    const inside = Uint8Array.from(enlarged, (logit) => (logit > 0 ? 1 : 0));
    expectClose(render(golden.floats('low'), width, height), inside, 0, `${name} > 0`);
    const grid = { width, height, spanX: width, spanY: height };
    const resampled = resampleLogits(squareLogits(golden.floats('low')), grid);
    expectClose(resampled.data, golden.get(name), atolOf('mod_resize', name), name);
  });

  it('have the published pixels on every frame of a tracked video', () => {
    const golden = readGolden('e2e_B');
    const { shape, data: packed } = golden.get('f32.video_masks_packed');
    const [frames, objects, height, rowBytes] = shape as [number, number, number, number];
    const maskBytes = height * rowBytes;
    let empty = 0;
    for (let frame = 0; frame < frames; frame++) {
      for (let object = 0; object < objects; object++) {
        const name = `f32.o${object + 1}.f${String(frame).padStart(2, '0')}.low_res_mask`;
        const mask = render(golden.floats(name), rowBytes * 8, height);
        const start = (frame * objects + object) * maskBytes;
        const expected = Uint8Array.from(
          mask,
          (_, at) => ((packed[start + (at >> 3)] as number) >> (7 - (at & 7))) & 1,
        );
        if (!expected.includes(1)) empty++;
        expectClose(mask, expected, 0, name);
      }
    }
    // Some are occluded for a while, but the test is about masks.
    expect(empty).toBeLessThan((frames * objects) / 2);
  });
});
