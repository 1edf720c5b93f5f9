import { describe, expect, it } from 'vitest';
import { CameraPredictor } from '../../../src/tracker/sam2/camera-predictor.ts';
import { memoryPolicyOf } from '../../../src/tracker/sam2/memory-policies.ts';
import { memoryPolicyNames } from '../../../src/tracker/sam2/memory-policy-names.ts';
import { recentMemoryPolicy } from '../../../src/tracker/sam2/recent-memory-policy.ts';
import { withWholeFrameGate } from '../../../src/tracker/sam2/whole-frame-gate.ts';
import { FakeRuntime, fakeImageSize, fakeMaskSize, fakePixels } from './fake-runtime.ts';
import { absence, maskSide, openPolicy, outcomeOf, rectangles } from './policy-fixture.ts';
import { publishedOptions } from './scenario.ts';

const small = outcomeOf(rectangles([4, 4, 8, 8]));
const whole = outcomeOf(rectangles([0, 0, maskSide, maskSide]));
const half = outcomeOf(rectangles([0, 0, maskSide, maskSide / 2]));

describe('the gate against whole-frame masks', () => {
  const opened = () => openPolicy(withWholeFrameGate(recentMemoryPolicy));

  it('does not believe in one right after an absence', () => {
    const { object, keep } = opened();
    keep(0, small);
    expect(object.believes?.(whole)).toBe(true);
    keep(1, absence);
    expect(object.believes?.(whole)).toBe(false);
    expect(object.believes?.(half)).toBe(true);
    expect(object.believes?.(absence)).toBe(true);
    keep(2, small);
    expect(object.believes?.(whole)).toBe(true);
  });

  it('believes in one of an object that was large before, or that a person shows', () => {
    const { object, keep } = opened();
    object.restart?.(0, { ...half, provenance: 'conditioned' });
    keep(1, absence);
    expect(object.believes?.(whole)).toBe(true);
    object.restart?.(2, { ...small, provenance: 'conditioned' });
    keep(3, absence);
    expect(object.believes?.(whole)).toBe(false);
  });

  it.each(memoryPolicyNames)('can be put before any policy, which decides on all else (%s)', (name) => {
    const [gated, plain] = [true, false].map((gate) => openPolicy(memoryPolicyOf(name, gate)));
    if (gated === undefined || plain === undefined) throw new Error('there are two');
    for (const { object, keep } of [gated, plain]) {
      object.restart?.(0, { ...small, provenance: 'conditioned' });
      for (let time = 1; time < 8; time++) keep(time, small);
      keep(8, absence);
    }
    expect(gated.object.believes?.(whole)).toBe(false);
    expect(gated.object.believes?.(half)).toBe(true);
    expect(plain.object.believes?.(whole) ?? true).toBe(name !== 'sam2_gated');
    expect(gated.recall(9)).toEqual(plain.recall(9));
    expect(gated.held()).toEqual(plain.held());
    expect(memoryPolicyOf(name, true).wantsCandidates).toBe(memoryPolicyOf(name).wantsCandidates);
    const chosen = [gated, plain].map(({ object }) => object.choose?.(small, 9) ?? small.maskIndex);
    expect(chosen[0]).toBe(chosen[1]);
  });

  it('makes the object absent, and keeps the frame out of its memory', async () => {
    const runtime = new FakeRuntime();
    const pixels = fakeMaskSize ** 2;
    const few = Float32Array.from({ length: pixels }, (_, at) => (at < 4 ? 3 : -3));
    runtime.script = (step) => {
      if (step === 1) return { objectScore: -2, lowResMask: new Float32Array(pixels).fill(-1024) };
      if (step === 2) return { objectScore: 8, lowResMask: new Float32Array(pixels).fill(9) };
      return { objectScore: 8, lowResMask: few };
    };
    const predictor = new CameraPredictor(runtime, {
      ...publishedOptions,
      policy: memoryPolicyOf('sam2_gated'),
    });
    const track = async (frame: number) => {
      await predictor.show(frame, fakePixels(frame), fakeImageSize, fakeImageSize);
      return (await predictor.track()).get(1);
    };
    await track(0);
    await predictor.prompt(1, { kind: 'points', points: [{ x: 3, y: 3, positive: true }] });
    await track(1);
    await track(2);
    const gated = await track(3);
    expect(gated?.objectScore).toBeLessThanOrEqual(0);
    expect([...new Set(gated?.lowResMask)]).toEqual([-1024]);
    expect(gated?.pointer).toBe(runtime.absentPointer);
    const after = await track(4);
    expect(after?.attended.memories.map(({ frame, row }) => [frame, row])).toEqual([
      [0, 6],
      [1, 2],
      [2, 1],
    ]);
    expect(after?.attended.pointers.map(({ frame }) => frame)).toEqual([0, 2, 1]);
    predictor.dispose();
    expect(runtime.memories.size).toBe(0);
  });
});
