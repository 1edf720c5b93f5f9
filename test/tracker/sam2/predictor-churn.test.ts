import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PromptShape } from '../../../src/prompting/prompt.ts';
import {
  CameraPredictor,
  type CameraPredictorOptions,
  type ObjectResult,
} from '../../../src/tracker/sam2/camera-predictor.ts';
import { memoryPolicyOf } from '../../../src/tracker/sam2/memory-policies.ts';
import { memoryPolicyNames } from '../../../src/tracker/sam2/memory-policy-names.ts';
import { FakeRuntime, fakeImageSize, fakePixels } from './fake-runtime.ts';
import { publishedOptions } from './scenario.ts';

const side = fakeImageSize;

function clickAt(x: number, positive = true): PromptShape {
  return { kind: 'points', points: [{ x: x % side, y: 3, positive }] };
}

/** What happens on one frame besides tracking. */
type Happening =
  | { readonly kind: 'prompt' | 'correct'; readonly objectId: number; readonly at: number }
  | { readonly kind: 'remove'; readonly objectId: number }
  | { readonly kind: 'skip' };

const happening: fc.Arbitrary<Happening> = fc.oneof(
  fc.record({
    kind: fc.constantFrom('prompt' as const, 'correct' as const),
    objectId: fc.nat(5),
    at: fc.nat(30),
  }),
  fc.record({ kind: fc.constant('remove' as const), objectId: fc.nat(5) }),
  fc.record({ kind: fc.constant('skip' as const) }),
);
const frames = fc.array(fc.array(happening, { maxLength: 3 }), { minLength: 1, maxLength: 60 });

/** Plays what happens to some objects, and returns all their results in order. */
async function play(
  script: readonly (readonly Happening[])[],
  isMeant: (objectId: number) => boolean,
  options: Partial<CameraPredictorOptions>,
): Promise<ObjectResult[]> {
  const runtime = new FakeRuntime();
  const predictor = new CameraPredictor(runtime, { ...publishedOptions, ...options });
  const results: ObjectResult[] = [];
  let frame = -1;
  for (const happenings of script) {
    frame += happenings.some(({ kind }) => kind === 'skip') ? 4 : 1;
    await predictor.show(frame, fakePixels(frame), side, side);
    const meant = happenings
      .filter((each) => each.kind !== 'skip')
      .filter(({ objectId }) => isMeant(objectId));
    for (const each of meant) {
      if (each.kind === 'prompt') results.push(await predictor.prompt(each.objectId, clickAt(each.at)));
    }
    results.push(...(await predictor.track()).values());
    for (const each of meant) {
      if (each.kind === 'correct')
        results.push(await predictor.prompt(each.objectId, clickAt(each.at, false)));
      if (each.kind === 'remove') predictor.remove(each.objectId);
    }
  }
  predictor.dispose();
  expect(runtime.memories.size).toBe(0);
  expect(runtime.openFeatures).toBe(0);
  return results;
}

describe('objects', () => {
  it.each(memoryPolicyNames)('leave no trace in each other, whatever happens to them (%s)', async (name) => {
    const options = { policy: memoryPolicyOf(name), maxConditioningFrames: 3 };
    await fc.assert(
      fc.asyncProperty(frames, fc.boolean(), async (script, correctionsCondition) => {
        const together = await play(script, () => true, { ...options, correctionsCondition });
        for (const alone of [0, 3]) {
          const expected = await play(script, (objectId) => objectId === alone, {
            ...options,
            correctionsCondition,
          });
          expect(together.filter(({ objectId }) => objectId === alone)).toEqual(expected);
        }
      }),
      { numRuns: 15 },
    );
  });

  it.each(memoryPolicyNames)(
    'hold no more after thousands of frames of coming and going (%s)',
    async (name) => {
      const runtime = new FakeRuntime();
      const options = { ...publishedOptions, policy: memoryPolicyOf(name), keptConditioningFrames: 5 };
      const predictor = new CameraPredictor(runtime, options);
      const objects = 4;
      let largest = 0;
      const bounds = { conditioning: 0, memories: 0, pointers: 0 };
      for (let frame = 0; frame < 2000; frame++) {
        await predictor.show(frame * 2, fakePixels(frame), side, side);
        const objectId = frame % 7;
        if (objectId < objects && frame % 3 === 0) await predictor.prompt(objectId, clickAt(frame));
        await predictor.track();
        if (objectId < objects && frame % 5 === 0) await predictor.prompt(objectId, clickAt(frame, false));
        if (frame % 97 === 0) predictor.remove(objectId);
        largest = Math.max(largest, runtime.memories.size);
        for (const { conditioning, memories, pointers } of predictor.bankSizes().values()) {
          bounds.conditioning = Math.max(bounds.conditioning, conditioning);
          bounds.memories = Math.max(bounds.memories, memories);
          bounds.pointers = Math.max(bounds.pointers, pointers);
        }
      }
      expect(bounds.conditioning).toBe(options.keptConditioningFrames);
      expect(bounds.memories).toBeLessThanOrEqual(6);
      expect(bounds.pointers).toBe(15);
      // Conditioning frames, kept frames, and the one that is looked at.
      expect(largest).toBeLessThanOrEqual(objects * (5 + 6 + 1));
      expect(runtime.openFeatures).toBe(1);
      predictor.dispose();
      expect(runtime.memories.size).toBe(0);
    },
  );
});
