import { describe, expect, it } from 'vitest';
import { buildDecoderGraph } from '../../src/model/mobile-sam/decoder-graph.ts';
import { buildEncoderGraph } from '../../src/model/mobile-sam/encoder-graph.ts';
import { readModelFiles } from '../../src/model/mobile-sam/model-files.ts';
import { buildTokenAffinityGraph } from '../../src/model/mobile-sam/token-affinity-graph.ts';
import { createSession, parseExecutionProviders } from '../../src/model/runtime.ts';

const graph = buildTokenAffinityGraph('anywhere', { neighbours: 20, temperature: 0.05 });

describe('createSession', () => {
  it('runs on the first provider that can, and says why others cannot', async () => {
    const options = { name: 'affinity', executionProviders: ['cuda', 'cpu'], intraOpThreads: 1 } as const;
    const { session, provider, refused } = await createSession(graph, options);
    await session.release();
    // A machine with CUDA refuses nothing.
    expect([...refused.map((each) => each.provider), provider]).toEqual(
      refused.length > 0 ? ['cuda', 'cpu'] : ['cuda'],
    );
    expect(refused.every(({ reason }) => reason.length > 0 && !reason.includes('\n'))).toBe(true);
  });

  it('says that the machine lacks something, not that the model is at fault, where the CPU was not asked', async () => {
    const options = { name: 'affinity', executionProviders: ['cuda'], intraOpThreads: 1 } as const;
    const opened = await createSession(graph, options).catch((error: unknown) => error);
    if (!(opened instanceof Error) && typeof opened === 'object' && opened !== null && 'session' in opened) {
      console.warn('SKIPPED: this machine has CUDA, so its lack is not checked');
      return;
    }
    expect(opened).toMatchObject({
      code: 'TRACKCAST_PROVIDER_UNAVAILABLE',
      message: expect.stringContaining('cuda: '),
      place: { key: 'EXECUTION_PROVIDERS' },
    });
  });

  it.each([
    ['a broken graph', Uint8Array.of(1, 2, 3)],
    ['no graph', new Uint8Array(0)],
    ['half a graph', graph.subarray(0, graph.length / 2)],
  ])('refuses %s', async (_, bytes) => {
    const options = { name: 'broken', executionProviders: ['cpu'], intraOpThreads: 1 } as const;
    await expect(createSession(bytes, options)).rejects.toMatchObject({
      code: 'TRACKCAST_MODEL_INVALID',
      place: { key: 'broken' },
    });
  });
});

describe('parseExecutionProviders', () => {
  it('keeps the order', () => {
    expect(parseExecutionProviders(['webgpu', 'cpu'])).toEqual(['webgpu', 'cpu']);
  });

  it.each([[[]], [['cpu', 'gpu']]])('refuses %j', (names) => {
    expect(() => parseExecutionProviders(names)).toThrow(
      expect.objectContaining({ code: 'TRACKCAST_CONFIG_INVALID' }),
    );
  });
});

describe('the builders of MobileSAM graphs', () => {
  it('refuse each other’s files', async () => {
    const { encoder, decoder } = await readModelFiles();
    const invalid = expect.objectContaining({ code: 'TRACKCAST_MODEL_INVALID' });
    expect(() => buildEncoderGraph(decoder, 512, 512)).toThrow(invalid);
    expect(() => buildDecoderGraph(encoder)).toThrow(invalid);
  });
});
