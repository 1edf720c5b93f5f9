import { access, readFile, writeFile } from 'node:fs/promises';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { temporaryFolder } from '../evaluation/temporary-folder.ts';
import { encodeClip } from '../ingest/h264-clips.ts';
import { readMessages, replayCommand, writePrompts } from '../replay/prompted-run.ts';
import { writeSureModel } from '../tracker/sam2/live-model.ts';
import { isMissing } from './missing-provider.ts';

const folder = temporaryFolder();
const video = () => folder.path('clip.h264');
const model = () => folder.path('model.safetensors');

const ways = [
  { name: 'as a camera', words: ['--lossless'] },
  { name: 'with prompts', words: ['--prompts', 'prompts.json', '--tracker', 'mobile_sam'] },
  { name: 'with prompts and SAM 2', words: ['--prompts', 'prompts.json', '--model', 'model.safetensors'] },
];

describe('a replay', () => {
  let written: string[] = [];
  let hasCuda = false;
  let refused: readonly string[] = [];

  beforeAll(async () => {
    await writeFile(video(), Buffer.concat(encodeClip({ frames: 2, gopSize: 2 })));
    await writePrompts(folder.path('prompts.json'), [{ frame: 0, objectId: 1, points: [[20, 20, 1]] }]);
    await writeSureModel(model());
    // A machine with CUDA refuses nothing.
    hasCuda = !(await isMissing('cuda'));
    refused = hasCuda ? [] : [expect.stringMatching(/^cuda: .+/)];
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

  async function replay(words: readonly string[], ...more: readonly string[]) {
    const paths = words.map((word) => (word.includes('.') ? folder.path(word) : word));
    const small = words.includes('--model') ? ['--image-size', '128'] : [];
    return await replayCommand(video(), '--no-auto', ...paths, ...small, ...more);
  }

  it.each(ways)(
    'says why a provider was refused, in a line and in the summary: $name',
    async ({ words }) => {
      const summary = await replay(words);
      expect(summary).toMatchObject({ end: 'ended', frames: { tracked: 2 } });
      expect(summary.refused).toEqual(refused);
      const warnings = written.filter((text) => text.startsWith('warning: '));
      expect(warnings).toEqual(
        summary.refused.map((each) => `warning: execution provider refused: ${each}\n`),
      );
    },
    60_000,
  );

  it.for(ways)(
    'leaves files as they are whose model cannot run: $name',
    { timeout: 60_000 },
    async ({ name, words }, { skip }) => {
      if (hasCuda) {
        console.warn('SKIPPED: there is CUDA here, so no model fails for lack of it');
        skip();
      }
      vi.stubEnv('EXECUTION_PROVIDERS', 'cuda');
      const present = folder.path(`${name}.jsonl`);
      const absent = folder.path(`${name}, absent.jsonl`);
      await writeFile(present, 'of an earlier run');
      for (const out of [present, absent]) {
        await expect(replay(words, '--out', out)).rejects.toMatchObject({
          code: 'TRACKCAST_PROVIDER_UNAVAILABLE',
        });
      }
      expect(await readFile(present, 'utf8')).toBe('of an earlier run');
      await expect(access(absent)).rejects.toThrow('ENOENT');
    },
  );

  it('refuses a detector where SAM 2 tracks exactly', async () => {
    vi.stubEnv('SAM2_PROMPT_STRATEGY', 'detector');
    vi.stubEnv('DETECTOR_MODEL', model());
    const words = ['--prompts', folder.path('prompts.json'), '--model', model(), '--image-size', '128'];
    await expect(replayCommand(video(), ...words)).rejects.toMatchObject({
      code: 'TRACKCAST_CONFIG_INVALID',
      place: { key: 'SAM2_PROMPT_STRATEGY' },
    });
    expect(await replay(ways[2]?.words ?? [])).toMatchObject({ end: 'ended' });
  });

  it('empties a file of an earlier run, once the model runs', async () => {
    const out = folder.path('tracks.jsonl');
    await writeFile(out, 'x'.repeat(100_000));
    await replay(ways[2]?.words ?? [], '--out', out);
    expect(await readMessages(out)).toHaveLength(2);
  });
});
