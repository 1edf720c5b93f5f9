import { describe, expect, it } from 'vitest';
import type { ObjectResult } from '../../../src/tracker/sam2/camera-predictor.ts';
import { hasGoldens } from '../../model/sam2/golden.ts';
import { FakeRuntime, fakeImageSize, fakePixels } from './fake-runtime.ts';
import { playScenario, readScenario } from './scenario.ts';

/** What is attended to does not depend on numbers, so no model is needed. */
async function attendedIn(name: string, frames: number): Promise<Record<string, ObjectResult['attended']>> {
  const runtime = new FakeRuntime();
  const attended: Record<string, ObjectResult['attended']> = {};
  const pictureOf = (frame: number) => ({ pixels: fakePixels(frame), side: fakeImageSize });
  await playScenario(readScenario(name, frames), runtime, pictureOf, (result, { attended: seen }) => {
    attended[result] = seen;
  });
  expect(runtime.openFeatures).toBe(0);
  expect(runtime.memories.size).toBe(0);
  return attended;
}

describe.skipIf(!hasGoldens)('what objects attend to', () => {
  it.each([
    ['e2e_A', 24],
    ['e2e_B', 24],
    ['e2e_C', 24],
    ['e2e_C_cond', 24],
    ['fake_hiera_t_512', 8],
    ['fake_hiera_t_1024', 2],
  ])('is token for token that of the published predictor (%s)', async (name, frames) => {
    const attended = await attendedIn(name, frames);
    const { traces } = readScenario(name, frames);
    expect(Object.keys(traces).length).toBeGreaterThan(1);
    for (const [result, { mem, ptr }] of Object.entries(traces)) {
      const seen = attended[result];
      expect(
        seen?.memories.map(({ frame, row }) => [frame, row]),
        `memories of ${result}`,
      ).toEqual(mem);
      expect(
        seen?.pointers.map(({ frame }) => frame),
        `pointers of ${result}`,
      ).toEqual(ptr.map(([frame]) => frame));
      // The index has seven digits.
      for (const [at, [, time]] of ptr.entries()) expect(seen?.pointers[at]?.time).toBeCloseTo(time, 6);
    }
    for (const [result, { memories }] of Object.entries(attended)) {
      if (traces[result] === undefined) expect(memories, `${result} is seen without memory`).toEqual([]);
    }
  });
});
