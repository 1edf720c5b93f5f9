import { access, readdir, readFile, writeFile } from 'node:fs/promises';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { type PromptedReplayOptions, runPromptedReplay } from '../../src/commands/replay-prompted.ts';
import { loadConfig } from '../../src/config/load.ts';
import { temporaryFolder } from '../evaluation/temporary-folder.ts';
import { encodeClip } from '../ingest/h264-clips.ts';
import { writePrompts } from '../replay/prompted-run.ts';
import { writeSureModel } from '../tracker/sam2/live-model.ts';

const folder = temporaryFolder();
const models = () => folder.path('models');

beforeAll(async () => {
  await writeFile(folder.path('clip.h264'), Buffer.concat(encodeClip({ frames: 2, gopSize: 2 })));
  await writePrompts(folder.path('prompts.json'), [{ frame: 0, objectId: 1, points: [[20, 20, 1]] }]);
  await writeSureModel(folder.path('model.safetensors'));
});

beforeEach(() => {
  vi.stubEnv('EXECUTION_PROVIDERS', 'cpu');
  vi.stubEnv('MODEL_DIR', models());
  vi.stubEnv('SAM2_MODEL', folder.path('model.safetensors'));
  vi.stubEnv('SAM2_IMAGE_SIZE', '128');
  vi.stubEnv('SAM2_PROMPT_STRATEGY', 'none');
});

afterEach(() => {
  vi.unstubAllEnvs();
});

type Outputs = Pick<PromptedReplayOptions, 'out' | 'overlay' | 'logits'>;
const noOutputs: Outputs = { out: null, overlay: null, logits: null };

/** Interrupted as its model warms up. */
function interruptedReplay(tracker: 'sam2_video' | 'mobile_sam', outputs: Outputs) {
  const stopping = new AbortController();
  return runPromptedReplay({
    ...outputs,
    path: folder.path('clip.h264'),
    streamId: 'clip',
    prompts: folder.path('prompts.json'),
    promptsAhead: false,
    config: { ...loadConfig({}).values, VIDEO_TRACKER_TYPE: tracker },
    rawSize: null,
    maxFrames: Number.POSITIVE_INFINITY,
    withEvents: false,
    signal: stopping.signal,
    onProgress: () => stopping.abort(),
    onWarning: () => {},
  });
}

describe('a replay with prompts that is interrupted while its model warms up', () => {
  it.each(['sam2_video', 'mobile_sam'] as const)(
    'leaves the files of an earlier run as they were (%s)',
    async (tracker) => {
      const [out, overlay] = [folder.path('tracks.jsonl'), folder.path('overlay.mp4')];
      for (const path of [out, overlay]) await writeFile(path, 'of an earlier run');
      const { summary, error } = await interruptedReplay(tracker, { ...noOutputs, out, overlay });
      expect(error).toBeNull();
      expect(summary).toMatchObject({
        end: 'interrupted',
        frames: { received: 0 },
        prompts: { given: 1, used: 0 },
      });
      for (const path of [out, overlay]) expect(await readFile(path, 'utf8')).toBe('of an earlier run');
    },
    60_000,
  );

  it('builds and opens nothing more of the model, and has no raw results', async () => {
    vi.stubEnv('MODEL_DIR', folder.path('unused models'));
    const logits = folder.path('logits');
    const { summary } = await interruptedReplay('sam2_video', { ...noOutputs, logits });
    expect(summary).toMatchObject({ end: 'interrupted', segmentations: 0, refused: [], modelReadyMs: 0 });
    expect(summary.model).toBeUndefined();
    const files = await readdir(folder.path('unused models'), { recursive: true });
    expect(files.filter((name) => name.endsWith('.safetensors'))).toHaveLength(1);
    expect(files.filter((name) => name.endsWith('.onnx'))).toEqual([]);
    await expect(access(logits)).rejects.toThrow('ENOENT');
  }, 60_000);
});
