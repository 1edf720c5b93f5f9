import { once } from 'node:events';
import { MessageChannel } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FrameFeatures, PromptRequest, Sam2Runtime } from '../../../src/model/sam2/sam2-runtime.ts';
import { drawnPicture, RandomModel, smallSide } from './random-model.ts';

describe('runs of a model that is asked to stop', () => {
  let model: RandomModel;
  const open: Disposable[] = [];
  const runtimes: Sam2Runtime[] = [];

  beforeAll(async () => {
    model = await RandomModel.write();
  });
  afterAll(async () => {
    for (const features of open) features[Symbol.dispose]();
    for (const runtime of runtimes) await runtime.dispose();
    model[Symbol.dispose]();
  });

  async function encoded(signal?: AbortSignal): Promise<{ runtime: Sam2Runtime; features: FrameFeatures }> {
    const runtime = await model.open({ signal });
    runtimes.push(runtime);
    const features = await runtime.encode(drawnPicture());
    open.push(features);
    return { runtime, features };
  }

  /** More prompts than many runs take. */
  const prompts = Array.from(
    { length: 40 },
    (_, at): PromptRequest => ({
      ground: { kind: 'initial' },
      sparse: { points: Float32Array.of(at, smallSide / 2), labels: [1] },
      mask: null,
      multimask: true,
    }),
  );

  it('end with the signal’s reason at the next one, when that comes as a message meanwhile', async () => {
    const controller = new AbortController();
    const { runtime, features } = await encoded(controller.signal);
    const { port1, port2 } = new MessageChannel();
    const reason = new Error('stop');
    const told = once(port1, 'message').then(() => controller.abort(reason));
    const decoding = runtime.promptAll(features, prompts);
    port2.postMessage('stop');
    await expect(decoding).rejects.toBe(reason);
    await told;
    port1.close();
    await expect(runtime.propose(features, Float32Array.of(1, 1))).rejects.toBe(reason);
  });

  it('go on where nobody asks', async () => {
    const { runtime, features } = await encoded(new AbortController().signal);
    const { runtime: other, features: seen } = await encoded();
    expect(await runtime.promptAll(features, prompts)).toEqual(await other.promptAll(seen, prompts));
  });
});
