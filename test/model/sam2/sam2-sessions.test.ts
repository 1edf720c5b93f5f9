import { copyFileSync, readdirSync, rmSync, symlinkSync, truncateSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { executionProviders, openOnProvider } from '../../../src/model/runtime.ts';
import { prepareSam2 } from '../../../src/model/sam2/open-sam2.ts';
import { openSessions, releaseSessions } from '../../../src/model/sam2/sam2-sessions.ts';
import { codeOf } from './error-code.ts';
import { RandomModel } from './random-model.ts';

let model: RandomModel;

beforeEach(async () => {
  model = await RandomModel.write();
});

afterEach(() => model[Symbol.dispose]());

/** A provider that this machine lacks; most lack CUDA. */
async function missingProvider(): Promise<string | null> {
  const { graphs } = await prepareSam2(model.options());
  const path = graphs.get('memory_encoder') ?? expect.fail();
  for (const provider of executionProviders) {
    try {
      const session = await openOnProvider(path, provider, { intraOpThreads: 1 });
      await session.release();
    } catch {
      return provider;
    }
  }
  console.warn('SKIPPED: this machine lacks no execution provider, so falling back is not checked');
  return null;
}

describe('openSessions', () => {
  it('falls back to the next provider and tells why', async (context) => {
    const missing = await missingProvider();
    if (missing === null) return context.skip();
    const runtime = await model.open({ executionProviders: [missing, 'cpu'] });
    try {
      expect(runtime.provider).toBe('cpu');
      expect(runtime.refusedProviders).toHaveLength(1);
      expect(runtime.refusedProviders[0]?.provider).toBe(missing);
      expect(runtime.refusedProviders[0]?.reason).toMatch(/^\S.{5,}$/);
      expect(readdirSync(model.folder).some((name) => name.includes(`-${missing}-`))).toBe(false);
    } finally {
      await runtime.dispose();
    }
  });

  it('names every provider that refused when none is left', async (context) => {
    const missing = await missingProvider();
    if (missing === null) return context.skip();
    const opening = model.open({ executionProviders: [missing] });
    await expect(opening).rejects.toThrow(new RegExp(`no execution provider .*\\(${missing}: .+\\)`));
    expect(await codeOf(model.open({ executionProviders: [missing] }))).toBe(
      'TRACKCAST_PROVIDER_UNAVAILABLE',
    );
  });

  it.each([[['tpu']], [['cpu', 'directml']], [[]]])(
    'refuses providers that it does not know (%j)',
    async (names) => {
      expect(await codeOf(model.open({ executionProviders: names }))).toBe('TRACKCAST_CONFIG_INVALID');
    },
  );

  it('opens the fused graph only for those who use it', async () => {
    const { graphs } = await prepareSam2(model.options());
    const all = await openSessions(async () => graphs, model.options());
    await releaseSessions(all.sessions);
    expect(all.sessions.size).toBe(5);
    rmSync(graphs.get('track_step') ?? '');
    const runtime = await model.open({ fused: false });
    await runtime.dispose();
  });

  it('says that no provider can run a graph that is damaged', async () => {
    const { graphs } = await prepareSam2(model.options());
    truncateSync(graphs.get('memory_attention') ?? '', 1000);
    expect(await codeOf(model.open())).toBe('TRACKCAST_MODEL_INVALID');
  });

  it('reads no weights from another folder, which is why checkpoints are copied into their own', async () => {
    using elsewhere = await RandomModel.write();
    const { graphs } = await prepareSam2(model.options());
    rmSync(model.checkpoint);
    symlinkSync(elsewhere.checkpoint, model.checkpoint);
    expect(await codeOf(model.open())).toBe('TRACKCAST_MODEL_INVALID');
    rmSync(model.checkpoint);
    copyFileSync(elsewhere.checkpoint, model.checkpoint);
    const runtime = await model.open();
    await runtime.dispose();
    expect(await prepareSam2(model.options())).toMatchObject({ graphs });
  });
});
