import { describe, expect, it } from 'vitest';
import { rememberOne } from '../../../bench/one-object.ts';
import type { MemoryPolicy } from '../../../src/tracker/sam2/memory-policy.ts';
import { recentMemoryPolicy } from '../../../src/tracker/sam2/recent-memory-policy.ts';
import { believedOutcome } from '../../../src/tracker/sam2/tracked-outcome.ts';
import { FakeRuntime, fakeMaskSize, fakePixels } from './fake-runtime.ts';

const context = { rows: 7, maskSize: fakeMaskSize, release: () => undefined };

async function stepOf(runtime: FakeRuntime, candidates: boolean) {
  const features = await runtime.encode(fakePixels(0));
  const memory = await rememberOne(runtime, features, new Float32Array(4), 1);
  const pointers = [{ pointer: runtime.absentPointer, time: 1 }];
  const [step] = await runtime.step(features, [{ memories: [{ memory, row: 6 }], pointers, candidates }]);
  if (step === undefined) throw new Error('the step found nothing');
  return { features, step };
}

/** The published memory, with another opinion on which mask to take. */
function choosing(index: number): MemoryPolicy {
  return {
    wantsCandidates: true,
    open: (opened) => Object.assign(recentMemoryPolicy.open(opened), { choose: () => index }),
  };
}

describe('what is made of a tracked frame', () => {
  it('is what the model found, where the policy has no say', async () => {
    const runtime = new FakeRuntime();
    const { features, step } = await stepOf(runtime, false);
    const policy = recentMemoryPolicy.open(context);
    const { outcome, memory } = await believedOutcome({ policy, time: 1 }, step, features, runtime);
    expect(memory).toBe(step.memory);
    expect(outcome.lowResMask).toBe(step.lowResMask);
    expect(outcome.provenance).toBe('tracked');
    expect(runtime.remembered).toHaveLength(1);
  });

  it('is another mask with its own pointer and memory, where the policy prefers one', async () => {
    const runtime = new FakeRuntime();
    runtime.script = () => ({ objectScore: 3, maskIndex: 1 });
    const { features, step } = await stepOf(runtime, true);
    const policy = choosing(3).open(context);
    const { outcome, memory } = await believedOutcome({ policy, time: 1 }, step, features, runtime);
    const size = fakeMaskSize ** 2;
    expect(outcome.maskIndex).toBe(3);
    expect(outcome.lowResMask).toEqual(step.candidates?.masks.slice(2 * size));
    expect(outcome.pointer).toEqual(step.candidates?.pointers.slice(8));
    expect(runtime.remembered.at(-1)).toEqual({ mask: outcome.lowResMask, kind: 'soft' });
    expect(memory).not.toBe(step.memory);
    expect(runtime.memories.has(step.memory)).toBe(false);
  });

  it.each([
    ['there are no candidates', false, 3],
    ['the object is absent', true, -3],
  ])('stays what the model found where %s', async (_, candidates, objectScore) => {
    const runtime = new FakeRuntime();
    runtime.script = () => ({ objectScore, maskIndex: 1 });
    const { features, step } = await stepOf(runtime, candidates);
    const policy = choosing(3).open(context);
    const { outcome, memory } = await believedOutcome({ policy, time: 1 }, step, features, runtime);
    expect(outcome.lowResMask).toBe(step.lowResMask);
    expect(memory).toBe(step.memory);
  });
});
