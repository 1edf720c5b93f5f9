import { describe, expect, it } from 'vitest';
import type { FrameFeatures } from '../../../src/model/sam2/sam2-runtime.ts';
import { warmUp } from '../../../src/model/sam2/warm-up.ts';
import { FakeRuntime } from '../../tracker/sam2/fake-runtime.ts';

class SlowAtFirst extends FakeRuntime {
  readonly slowAtFirst = { objects: [1, 2, 3], prompts: [1, 2, 3, 4] };
}

/** As ONNX Runtime runs: the thread is busy, and an event comes meanwhile. */
class BlockingRuntime extends FakeRuntime {
  readonly #event: () => void;

  constructor(event: () => void) {
    super();
    this.#event = event;
  }

  override async encode(pixels: Uint8Array): Promise<FrameFeatures> {
    await new Promise<void>((resolve) => {
      setImmediate(() => {
        setTimeout(this.#event, 1);
        for (const until = performance.now() + 20; performance.now() < until; );
        resolve();
      });
    });
    return super.encode(pixels);
  }
}

describe('warming SAM 2 up', () => {
  it.each([true, false])('runs every graph once (candidates: %s)', async (candidates) => {
    const runtime = new FakeRuntime();
    await warmUp(runtime, candidates);
    expect(runtime.promptBatches).toEqual([1, 1]);
    expect(runtime.prompts.map(({ ground }) => ground.kind)).toEqual(['initial', 'remembered']);
    expect(runtime.steps.map((objects) => objects.map((object) => object.candidates))).toEqual([
      [candidates],
    ]);
    expect(runtime.remembered).toHaveLength(1);
  });

  it('runs every size of batch that is slow at first, and every number of memories', async () => {
    const runtime = new SlowAtFirst();
    await warmUp(runtime, false);
    const kinds = new Map<string, number[]>();
    let from = 0;
    for (const size of runtime.promptBatches) {
      const { ground, sparse, mask } = runtime.prompts[from] ?? expect.fail();
      const kind = `${ground.kind}, ${sparse.labels.length} points, ${mask === null ? 'no mask' : 'mask'}`;
      kinds.set(kind, [...(kinds.get(kind) ?? []), size]);
      from += size;
    }
    expect(Object.fromEntries(kinds)).toEqual({
      'initial, 1 points, no mask': [1, 1, 2, 3, 4],
      'initial, 2 points, no mask': [1, 2, 3, 4],
      'raw, 1 points, mask': [1, 2, 3, 4],
      'remembered, 1 points, mask': [1],
    });
    expect(runtime.steps.map((objects) => objects.length)).toEqual([1, 1, 2, 3, 1, 1, 1, 1, 1, 1]);
    expect(runtime.steps.slice(4).map(([object]) => object?.memories.length)).toEqual([2, 3, 4, 5, 6, 7]);
  });

  it('leaves nothing behind', async () => {
    const runtime = new SlowAtFirst();
    await warmUp(runtime, true);
    expect({ memories: runtime.memories.size, features: runtime.openFeatures }).toEqual({
      memories: 0,
      features: 0,
    });
  });

  it('hears within one run that it is to give up, though runs keep the thread to themselves', async () => {
    const stopping = new AbortController();
    const runtime = new BlockingRuntime(() => stopping.abort());
    await expect(warmUp(runtime, false, stopping.signal)).rejects.toMatchObject({ name: 'AbortError' });
    expect(runtime.prompts).toEqual([]);
    expect(runtime.openFeatures).toBe(0);
  });
});
