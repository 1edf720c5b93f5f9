import { writeFile } from 'node:fs/promises';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { buildTokenAffinityGraph } from '../../src/model/mobile-sam/token-affinity-graph.ts';
import { openOnProvider } from '../../src/model/runtime.ts';
import { temporaryFolder } from '../evaluation/temporary-folder.ts';
import { encodeClip } from '../ingest/h264-clips.ts';
import { replayCommand, writePrompts } from '../replay/prompted-run.ts';
import { writeSureModel } from '../tracker/sam2/live-model.ts';

const folder = temporaryFolder();
const video = () => folder.path('clip.h264');
const model = () => folder.path('model.safetensors');

/** Whether this machine has none of it. */
async function isMissing(provider: 'cuda'): Promise<boolean> {
  const graph = buildTokenAffinityGraph('anywhere', { neighbours: 20, temperature: 0.05 });
  try {
    await (await openOnProvider(graph, provider, { intraOpThreads: 1 })).release();
    return false;
  } catch {
    return true;
  }
}

describe('a replay on the second of two execution providers', () => {
  let written: string[] = [];
  let refused: readonly string[] = [];

  beforeAll(async () => {
    await writeFile(video(), Buffer.concat(encodeClip({ frames: 2, gopSize: 2 })));
    await writePrompts(folder.path('prompts.json'), [{ frame: 0, objectId: 1, points: [[20, 20, 1]] }]);
    await writeSureModel(model());
    // A machine with CUDA refuses nothing.
    refused = (await isMissing('cuda')) ? [expect.stringMatching(/^cuda: .+/)] : [];
  });

  beforeEach(() => {
    written = [];
    vi.stubEnv('EXECUTION_PROVIDERS', 'cuda,cpu');
    vi.stubEnv('MODEL_DIR', folder.path('models'));
    vi.spyOn(process.stderr, 'write').mockImplementation((chunk) => written.push(String(chunk)) > 0);
  });

  afterEach(() => {
    vi.restoreAllMocks();
    vi.unstubAllEnvs();
  });

  it.each([
    { name: 'as a camera', words: ['--lossless'] },
    { name: 'with prompts', words: ['--prompts', 'prompts.json', '--tracker', 'mobile_sam'] },
    { name: 'with prompts and SAM 2', words: ['--prompts', 'prompts.json', '--model', 'model.safetensors'] },
  ])(
    'says why the first was refused, in a line and in the summary: $name',
    async ({ words }) => {
      const paths = words.map((word) => (word.includes('.') ? folder.path(word) : word));
      const small = words.includes('--model') ? ['--image-size', '128'] : [];
      const summary = await replayCommand(video(), '--no-auto', ...paths, ...small);
      expect(summary).toMatchObject({ end: 'ended', frames: { tracked: 2 } });
      expect(summary.refused).toEqual(refused);
      const warnings = written.filter((text) => text.startsWith('warning: '));
      expect(warnings).toEqual(
        summary.refused.map((each) => `warning: execution provider refused: ${each}\n`),
      );
    },
    60_000,
  );
});
