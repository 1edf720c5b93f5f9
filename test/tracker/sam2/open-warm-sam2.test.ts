import { describe, expect, it } from 'vitest';
import { TrackcastError } from '../../../src/errors.ts';
import type { ExecutionProvider, RefusedProvider } from '../../../src/model/runtime.ts';
import { openWarmSam2 } from '../../../src/tracker/sam2/open-warm-sam2.ts';
import { FakeRuntime } from './fake-runtime.ts';
import { publishedOptions } from './scenario.ts';

/** A runtime on a device, which opens and may be unable to run. */
class PlacedRuntime extends FakeRuntime {
  readonly provider: ExecutionProvider;
  readonly refusedProviders: readonly RefusedProvider[];
  isDisposed = false;

  constructor(provider: ExecutionProvider, refusedProviders: readonly RefusedProvider[] = []) {
    super();
    this.provider = provider;
    this.refusedProviders = refusedProviders;
  }

  override async dispose(): Promise<void> {
    this.isDisposed = true;
  }
}

function unable(provider: ExecutionProvider, message: string): PlacedRuntime {
  const runtime = new PlacedRuntime(provider);
  runtime.failure = new TrackcastError('TRACKCAST_INFERENCE_FAILED', message);
  return runtime;
}

/** Opens these, one after the other; an error stands for providers that can open nothing. */
function open(providers: readonly ExecutionProvider[], ...outcomes: readonly (PlacedRuntime | Error)[]) {
  const asked: (readonly string[])[] = [];
  const opened = openWarmSam2(providers, publishedOptions, async (untried) => {
    const outcome = outcomes[asked.push(untried) - 1];
    if (outcome instanceof PlacedRuntime) return outcome;
    throw outcome;
  });
  return { opened, asked };
}

describe('opening SAM 2 warm', () => {
  it('runs everything once, and keeps nothing of it', async () => {
    const runtime = new PlacedRuntime('cpu');
    expect(await open(['cpu'], runtime).opened).toEqual({ runtime, refused: [] });
    expect(runtime.prompts.map(({ ground }) => ground.kind)).toEqual(['initial', 'remembered']);
    expect(runtime.steps).toHaveLength(1);
    expect({ memories: runtime.memories.size, features: runtime.openFeatures }).toEqual({
      memories: 0,
      features: 0,
    });
    expect(runtime.isDisposed).toBe(false);
  });

  it('tries the next provider where one opens the model and cannot run it, and tells why', async () => {
    const missing = { provider: 'cuda', reason: 'no library' } as const;
    const webgpu = new PlacedRuntime('webgpu', [missing]);
    webgpu.failure = new Error('no shader\nat some place');
    const cpu = new PlacedRuntime('cpu');
    const { opened, asked } = open(['cuda', 'webgpu', 'cpu'], webgpu, cpu);
    const { runtime, refused } = await opened;
    expect(runtime).toBe(cpu);
    expect(asked).toEqual([['cuda', 'webgpu', 'cpu'], ['cpu']]);
    expect(refused).toEqual([
      missing,
      { provider: 'webgpu', reason: 'opens the model and fails to run it: no shader' },
    ]);
    expect([webgpu.isDisposed, cpu.isDisposed]).toEqual([true, false]);
  });

  it('ends with the error of the last provider that cannot run the model, and releases it', async () => {
    const runtimes = [unable('cuda', 'out of memory'), unable('cpu', 'no such operator')];
    await expect(open(['cuda', 'cpu'], ...runtimes).opened).rejects.toMatchObject({
      code: 'TRACKCAST_INFERENCE_FAILED',
      message: 'no such operator (refused before: cuda: opens the model and fails to run it: out of memory)',
    });
    expect(runtimes.map(({ isDisposed }) => isDisposed)).toEqual([true, true]);
  });

  it('ends with the error of opening, with what was refused before', async () => {
    const nothing = new TrackcastError('TRACKCAST_MODEL_INVALID', 'cpu: it is none', { key: 'X' });
    await expect(open(['cpu'], nothing).opened).rejects.toBe(nothing);
    const { opened } = open(['cuda', 'cpu'], unable('cuda', 'out of memory'), nothing);
    await expect(opened).rejects.toMatchObject({
      code: 'TRACKCAST_MODEL_INVALID',
      message: expect.stringMatching(/^cpu: it is none \(refused before: cuda: .*out of memory\)$/),
      place: { key: 'X' },
    });
  });

  it('gives up between two runs when it is asked to, tries no other provider, and releases the model', async () => {
    for (const callsBefore of [0, 1, 3]) {
      const runtime = new PlacedRuntime('cuda');
      const givingUp = new AbortController();
      let calls = 0;
      runtime.onCall = () => {
        if (++calls === callsBefore) givingUp.abort();
      };
      if (callsBefore === 0) givingUp.abort();
      const asked: (readonly string[])[] = [];
      const opened = openWarmSam2(
        ['cuda', 'cpu'],
        publishedOptions,
        async (untried) => {
          asked.push(untried);
          return runtime;
        },
        givingUp.signal,
      );
      await expect(opened).rejects.toMatchObject({ name: 'AbortError' });
      expect(calls).toBe(callsBefore);
      expect(asked).toEqual([['cuda', 'cpu']]);
      expect({ isDisposed: runtime.isDisposed, features: runtime.openFeatures }).toEqual({
        isDisposed: true,
        features: 0,
      });
    }
  });
});
