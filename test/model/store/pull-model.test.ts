import { appendFile, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { beforeEach, describe, expect, it } from 'vitest';
import { addModel } from '../../../src/model/store/add-model.ts';
import type { PublishedModel } from '../../../src/model/store/catalogue.ts';
import { type PullOptions, pullModel } from '../../../src/model/store/pull-model.ts';
import { checkModel } from '../../../src/model/store/stored-model.ts';
import { type MirrorServer, mirrorPerTest, serveFile } from './mirror-server.ts';
import { folderPerTest, sha256Of, writeCheckpoint } from './store-fixture.ts';

const folder = folderPerTest();
const startMirror = mirrorPerTest();

let content: Buffer;
let published: PublishedModel;
beforeEach(async () => {
  const file = await writeCheckpoint(folder.path('published.safetensors'));
  content = await readFile(file);
  published = {
    name: 'sam2.1-tiny',
    file: 'sam2.1_hiera_tiny.pt',
    path: 'segment_anything_2/092824/sam2.1_hiera_tiny.pt',
    bytes: content.length,
    sha256: sha256Of(file),
  };
});

const options = {
  replace: false,
  patience: { silenceMs: 5000, attempts: 2, firstWaitMs: 1, maxWaitMs: 1 },
  lockTiming: { heartbeatMs: 60_000, staleMs: 60_000, retryMs: 1 },
} satisfies Partial<PullOptions>;

function pull(mirror: MirrorServer, changes: Partial<PullOptions> = {}) {
  return pullModel(folder.path('models'), published, { ...options, mirror: mirror.url, ...changes });
}

const wholeMirror = () =>
  startMirror((request, response) => serveFile(request, response, content, { etag: '"1"' }));

async function incoming(): Promise<string[]> {
  return (await readdir(folder.path('models', 'incoming'))).sort();
}

describe('a pull', () => {
  it('fetches a model from where it lies on the mirror and pins it', async () => {
    const mirror = await wholeMirror();
    const { model, isNew } = await pull(mirror);
    expect(isNew).toBe(true);
    expect(mirror.requests.map(({ url }) => url)).toEqual([
      '/segment_anything_2/092824/sam2.1_hiera_tiny.pt',
    ]);
    expect(model.manifest).toMatchObject({
      name: 'sam2.1-tiny',
      source: { kind: 'url', url: `${mirror.url}/${published.path}` },
      sha256: published.sha256,
      bytes: content.length,
    });
    await checkModel(model, 'full');
    expect(await incoming()).toEqual([]);
  });

  it('fetches nothing that is there, and says when that is another', async () => {
    const mirror = await wholeMirror();
    await pull(mirror);
    expect((await pull(mirror)).isNew).toBe(false);
    expect(mirror.requests).toHaveLength(1);
    await expect(pull(mirror, { sha256: 'b'.repeat(64) })).rejects.toMatchObject({
      code: 'TRACKCAST_MODEL_MISMATCH',
      message: expect.stringContaining('--replace'),
    });
    await appendFile(folder.path('models', 'sam2.1-tiny', 'checkpoint.safetensors'), 'x');
    await expect(pull(mirror)).rejects.toMatchObject({ code: 'TRACKCAST_MODEL_MISMATCH' });
    const { model, isNew } = await pull(mirror, { replace: true });
    expect(isNew).toBe(true);
    await checkModel(model, 'full');
  });

  it('throws away what has another hash', async () => {
    const other = Uint8Array.from(content);
    other[other.length - 1] = 1;
    const mirror = await startMirror((request, response) =>
      serveFile(request, response, other, { etag: '"1"' }),
    );
    await expect(pull(mirror)).rejects.toMatchObject({
      code: 'TRACKCAST_MODEL_MISMATCH',
      message: expect.stringContaining(published.sha256),
    });
    expect(await readdir(folder.path('models'))).toEqual(['incoming']);
    expect(await incoming()).toEqual([]);
  });

  it('takes another edition when its hash is given', async () => {
    const file = await writeCheckpoint(folder.path('other.safetensors'), 3);
    await appendFile(file, 'longer');
    const other = await readFile(file);
    const mirror = await startMirror((request, response) => serveFile(request, response, other));
    await expect(pull(mirror)).rejects.toMatchObject({ code: 'TRACKCAST_DOWNLOAD_FAILED' });
    const attempt = pull(mirror, { sha256: sha256Of(file) });
    // Not a whole safetensors file, whatever its hash is.
    await expect(attempt).rejects.toMatchObject({ code: 'TRACKCAST_CHECKPOINT_INVALID' });

    const good = await readFile(await writeCheckpoint(folder.path('good.safetensors'), 4));
    const second = await startMirror((request, response) => serveFile(request, response, good));
    const { model } = await pull(second, { sha256: sha256Of(folder.path('good.safetensors')) });
    expect(model.manifest.sha256).toBe(sha256Of(folder.path('good.safetensors')));
  });

  it('goes on with what an interrupted one has fetched', async () => {
    const mirror = await startMirror((request, response, count) =>
      serveFile(request, response, content, { etag: '"1"', ...(count === 1 ? { stopAt: 5000 } : {}) }),
    );
    const stop = new AbortController();
    const interrupted = pull(mirror, {
      signal: stop.signal,
      onProgress: ({ bytes }) => {
        if (bytes === 5000) stop.abort(new Error('interrupted'));
      },
    });
    await expect(interrupted).rejects.toThrow('interrupted');
    expect(await incoming()).toEqual(['sam2.1_hiera_tiny.pt.part', 'sam2.1_hiera_tiny.pt.part.json']);
    await checkModel((await pull(mirror)).model, 'full');
    expect(mirror.ranges).toEqual([undefined, 'bytes=5000-']);
  });

  it('of many at once fetches once, and all have the model', async () => {
    const mirror = await wholeMirror();
    const reasons: string[] = [];
    const pulled = await Promise.all(
      [1, 2, 3].map(() => pull(mirror, { onWait: (reason) => reasons.push(reason) })),
    );
    expect(pulled.filter(({ isNew }) => isNew)).toHaveLength(1);
    expect(mirror.requests).toHaveLength(1);
    expect(reasons[0]).toContain('is pulling this model');
    for (const { model } of pulled) await checkModel(model, 'full');
  });

  it('takes over from a process that has died', async () => {
    const mirror = await wholeMirror();
    await addModel(folder.path('models'), folder.path('published.safetensors'), {
      name: 'endo',
      source: { kind: 'file', path: '/endo.pt', modifiedNs: '1' },
      expectedSha256: null,
      transfer: 'copy',
      replace: false,
    });
    await writeFile(
      folder.path('models', 'incoming', 'sam2.1_hiera_tiny.pt.part.lock'),
      JSON.stringify({ token: 'x', pid: 2 ** 22 + 1, host: hostname() }),
    );
    expect((await pull(mirror)).isNew).toBe(true);
  });

  it.each([
    ['while it fetches', 5000, { heartbeatMs: 1 }],
    ['at its very end', null, {}],
  ])('whose lock another process took %s ends, and adds nothing', async (_, stopAt, changes) => {
    const lock = folder.path('models', 'incoming', 'sam2.1_hiera_tiny.pt.part.lock');
    const mirror = await startMirror(async (request, response) => {
      await writeFile(lock, JSON.stringify({ token: 'x', pid: 7, host: 'elsewhere' }));
      const cut = stopAt === null ? {} : { stopAt };
      await serveFile(request, response, content, { etag: '"1"', ...cut });
    });
    await expect(pull(mirror, { lockTiming: { ...options.lockTiming, ...changes } })).rejects.toMatchObject({
      code: 'TRACKCAST_LOCK_LOST',
      message: expect.stringContaining('has taken the lock'),
    });
    expect(await readdir(folder.path('models'))).toEqual(['incoming']);
    expect(await incoming()).toContain('sam2.1_hiera_tiny.pt.part');
    expect(await readFile(lock, 'utf8')).toContain('elsewhere');
  });

  it('that fails says how to do without a connection', async () => {
    const mirror = await startMirror((_, response) => response.writeHead(404).end());
    const error = await pull(mirror).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'TRACKCAST_DOWNLOAD_FAILED' });
    for (const part of [
      `${mirror.url}/${published.path} could not be fetched: the server answers 404`,
      'https://dl.fbaipublicfiles.com/segment_anything_2/092824/sam2.1_hiera_tiny.pt',
      'trackcast models import sam2.1_hiera_tiny.pt',
      'MODEL_MIRROR',
    ]) {
      expect(String(error)).toContain(part);
    }
    expect(await incoming()).toEqual(['sam2.1_hiera_tiny.pt.part']);
  });

  it('says that the store cannot be written to', async () => {
    await writeFile(folder.path('models'), 'a file where the store should be');
    const mirror = await wholeMirror();
    await expect(pull(mirror)).rejects.toMatchObject({ code: expect.stringMatching(/OUTPUT_UNWRITABLE/) });
    expect((await stat(folder.path('models'))).isFile()).toBe(true);
  });
});
