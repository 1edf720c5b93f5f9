import { access, readFile, writeFile } from 'node:fs/promises';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { type ReplayOptions, runReplay } from '../../src/commands/replay-run.ts';
import { loadConfig } from '../../src/config/load.ts';
import { createLogger } from '../../src/log.ts';
import { temporaryFolder } from '../evaluation/temporary-folder.ts';
import { encodeClip } from '../ingest/h264-clips.ts';

const folder = temporaryFolder();

beforeAll(async () => {
  await writeFile(folder.path('clip.h264'), Buffer.concat(encodeClip({ frames: 2, gopSize: 2 })));
});

beforeEach(() => {
  vi.stubEnv('EXECUTION_PROVIDERS', 'cpu');
  vi.stubEnv('SAM2_PROMPT_STRATEGY', 'none');
});

afterEach(() => {
  vi.unstubAllEnvs();
});

/** Interrupted as its model warms up. */
function interruptedReplay(outputs: Pick<ReplayOptions, 'out' | 'overlay'>) {
  const stopping = new AbortController();
  return runReplay({
    ...outputs,
    path: folder.path('clip.h264'),
    streamId: 'clip',
    config: loadConfig({}).values,
    lossless: true,
    maxFrames: Number.POSITIVE_INFINITY,
    withEvents: false,
    log: createLogger({ level: 'silent' }),
    signal: stopping.signal,
    onProgress: () => stopping.abort(),
    onWarning: () => {},
  });
}

describe('a replay as a camera that is interrupted while its model warms up', () => {
  it('leaves the files of an earlier run as they were', async () => {
    const [out, overlay] = [folder.path('tracks.jsonl'), folder.path('overlay.mp4')];
    for (const path of [out, overlay]) await writeFile(path, 'of an earlier run');
    const { summary, error } = await interruptedReplay({ out, overlay });
    expect(error).toBeNull();
    expect(summary).toMatchObject({ end: 'interrupted', frames: { received: 0 } });
    for (const path of [out, overlay]) expect(await readFile(path, 'utf8')).toBe('of an earlier run');
  }, 60_000);

  it('makes no files where there were none', async () => {
    const [out, overlay] = [folder.path('new.jsonl'), folder.path('new.mp4')];
    for (const outputs of [
      { out, overlay },
      { out: null, overlay },
    ]) {
      const { summary } = await interruptedReplay(outputs);
      expect(summary).toMatchObject({ end: 'interrupted', modelReadyMs: 0 });
    }
    for (const path of [out, overlay]) await expect(access(path)).rejects.toThrow('ENOENT');
  }, 60_000);
});
