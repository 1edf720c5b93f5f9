import { appendFile, readFile, rm, writeFile } from 'node:fs/promises';
import { Command, CommanderError } from 'commander';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { registerModels } from '../../src/commands/models.ts';
import { writeSeal } from '../../src/model/store/file-seal.ts';
import { type Handler, mirrorPerTest, serveFile } from '../model/store/mirror-server.ts';
import { folderPerTest, sha256Of, writeCheckpoint } from '../model/store/store-fixture.ts';

const folder = folderPerTest();
const startMirror = mirrorPerTest();

beforeEach(() => {
  vi.stubEnv('MODEL_DIR', folder.path('models'));
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  process.exitCode = undefined;
});

/** Runs a command and gives what it printed and what it noted beside. */
async function run(...words: string[]) {
  const printed: string[] = [];
  const noted: string[] = [];
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => printed.push(String(text)) > 0);
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => noted.push(String(text)) > 0);
  const program = new Command().exitOverride().configureOutput({ writeErr: () => {} });
  registerModels(program);
  for (const group of program.commands) {
    for (const command of group.commands) command.exitOverride().configureOutput({ writeErr: () => {} });
  }
  await program.parseAsync(['node', 'trackcast', 'models', ...words]);
  return { printed: printed.join(''), noted: noted.join('') };
}

/** A mirror of one tiny checkpoint, and the words that pull it under a published name. */
async function mirrored(handler?: Handler) {
  const file = await writeCheckpoint(folder.path('published.safetensors'));
  const content = await readFile(file);
  const mirror = await startMirror(
    handler ?? ((request, response) => serveFile(request, response, content, { etag: '"1"' })),
  );
  vi.stubEnv('MODEL_MIRROR', mirror.url);
  const sha256 = sha256Of(file);
  return { mirror, content, sha256, words: ['pull', 'sam2.1-tiny', '--sha256', sha256] };
}

describe('trackcast models list', () => {
  it('shows what is published and what is here', async () => {
    const file = await writeCheckpoint(folder.path('endo.safetensors'));
    await run('import', file);
    await writeFile(folder.path('models', 'endo', 'track_step-512-float32-00.onnx'), 'graph');
    await writeFile(folder.path('models', 'endo', 'track_step-1024-float32-00.onnx'), 'graph');
    const { printed } = await run('list');
    expect(printed).toMatch(/^sam2.1-large +- +898 MB +- +- +2647878d5dfa5098$/m);
    expect(printed).toMatch(
      new RegExp(`^endo +here +\\S+ [kM]B +10 B +512 1024 +${sha256Of(file).slice(0, 16)}$`, 'm'),
    );
    expect(printed).toContain(`store: ${folder.path('models')}`);
  });

  it('as JSON has whole hashes and URLs without passwords', async () => {
    vi.stubEnv('MODEL_MIRROR', 'https://camera:hunter2@mirror.example/meta');
    const { printed } = await run('list', '--json');
    const { store, models } = JSON.parse(printed);
    expect(store).toBe(folder.path('models'));
    expect(models).toHaveLength(8);
    expect(models[0]).toEqual({
      name: 'sam2.1-tiny',
      state: 'absent',
      bytes: 156_008_466,
      sha256: '7402e0d864fa82708a20fbd15bc84245c2f26dff0eb43a4b5b93452deb34be69',
      imageSizes: [],
      cachedBytes: 0,
      url: 'https://mirror.example/meta/segment_anything_2/092824/sam2.1_hiera_tiny.pt',
    });
  });

  it('shows a model whose manifest is damaged among the others', async () => {
    await run('import', await writeCheckpoint(folder.path('endo.safetensors')));
    await writeFile(folder.path('models', 'endo', 'model.json'), '{');
    expect((await run('list')).printed).toMatch(/^endo +damaged +-/m);
  });
});

describe('trackcast models import', () => {
  it('names a model after its file, unless told otherwise', async () => {
    const file = await writeCheckpoint(folder.path('MedSAM2 latest.safetensors'));
    expect((await run('import', file)).printed).toContain(folder.path('models', 'medsam2-latest'));
    const { printed } = await run('import', file, '--name', 'med');
    expect(printed).toContain(`SHA-256 ${sha256Of(file)}, in ${folder.path('models', 'med')}`);
  });

  it.each([
    { name: 'a published name', file: 'a.safetensors', words: ['--name', 'sam2-large'] },
    { name: "a published file's name", file: 'sam2.1_hiera_tiny.pt', words: [] },
  ])('refuses other content under $name', async ({ file, words }) => {
    const path = await writeCheckpoint(folder.path(file));
    await expect(run('import', path, ...words)).rejects.toMatchObject({ code: 'TRACKCAST_MODEL_MISMATCH' });
    const { printed } = await run('import', path, ...words, '--sha256', sha256Of(path));
    expect(printed).toMatch(/^sam2/);
  });

  it('replaces a model only when told to', async () => {
    const one = await writeCheckpoint(folder.path('one.safetensors'), 1);
    const two = await writeCheckpoint(folder.path('two.safetensors'), 2);
    await run('import', one, '--name', 'endo');
    await expect(run('import', two, '--name', 'endo')).rejects.toMatchObject({
      code: 'TRACKCAST_MODEL_MISMATCH',
    });
    expect((await run('import', two, '--name', 'endo', '--replace')).printed).toContain(sha256Of(two));
  });

  it('refuses a file whose name is of no use, or that is not there', async () => {
    const file = await writeCheckpoint(folder.path('日本.pt'));
    await expect(run('import', file)).rejects.toMatchObject({ code: 'TRACKCAST_REQUEST_INVALID' });
    await expect(run('import', folder.path('absent.pt'))).rejects.toMatchObject({
      code: 'TRACKCAST_MODEL_MISSING',
    });
  });
});

describe('trackcast models pull', () => {
  it('fetches a model, and nothing when it is there', async () => {
    const { mirror, sha256, words } = await mirrored();
    expect((await run(...words)).printed).toContain(
      `SHA-256 ${sha256}, in ${folder.path('models', 'sam2.1-tiny')}`,
    );
    expect((await run(...words)).printed).toMatch(/^already there: sam2.1-tiny/);
    expect(mirror.requests).toHaveLength(1);
    expect((await run('info', 'sam2.1-tiny')).printed).toContain(mirror.url);
  });

  it('ends with 130 when it is interrupted, and the next goes on', async () => {
    const { mirror, words } = await mirrored((request, response, count) => {
      if (count > 1) serveFile(request, response, content, { etag: '"1"' });
      else serveFile(request, response, content, { etag: '"1"', stopAt: 5000 });
    });
    const content = await readFile(folder.path('published.safetensors'));
    const before = process.listenerCount('SIGINT');
    const running = run(...words);
    await vi.waitUntil(async () => {
      const part = folder.path('models', 'incoming', 'sam2.1_hiera_tiny.pt.part');
      return (await readFile(part).catch(() => '')).length === 5000;
    });
    process.listeners('SIGINT').at(-1)?.('SIGINT');
    expect((await running).noted).toContain('interrupted; what was fetched is kept');
    expect(process.exitCode).toBe(130);
    expect(process.listenerCount('SIGINT')).toBe(before);
    await run(...words);
    expect(mirror.ranges).toEqual([undefined, 'bytes=5000-']);
  });

  it('tells the way around when the mirror has nothing', async () => {
    const { words } = await mirrored((_, response) => response.writeHead(404).end());
    await expect(run(...words)).rejects.toMatchObject({
      code: 'TRACKCAST_DOWNLOAD_FAILED',
      message: expect.stringContaining('trackcast models import sam2.1_hiera_tiny.pt'),
    });
  });
});

describe('trackcast models verify', () => {
  it('names every model and fails when one differs', async () => {
    await run('import', await writeCheckpoint(folder.path('one.safetensors'), 1));
    await run('import', await writeCheckpoint(folder.path('two.safetensors'), 2));
    const intact = (await run('verify')).printed;
    expect(intact).toMatch(/^one: intact.*\ntwo: intact/);
    await appendFile(folder.path('models', 'one', 'checkpoint.safetensors'), 'x');
    await expect(run('verify')).rejects.toMatchObject({ code: 'TRACKCAST_MODEL_MISMATCH' });
    await expect(run('verify', 'one')).rejects.toMatchObject({ code: 'TRACKCAST_MODEL_MISMATCH' });
    expect((await run('verify', 'two')).printed).toMatch(/^two: intact/);
  });

  it('reads derived weights too, and fails when they have changed', async () => {
    await run('import', await writeCheckpoint(folder.path('one.safetensors'), 1));
    const weights = folder.path('models', 'one', 'weights-float16.bin');
    await writeFile(weights, 'unsealed');
    expect((await run('verify')).printed).not.toContain('weights-float16.bin');
    await writeSeal(weights, sha256Of(weights));
    expect((await run('verify')).printed).toContain(', weights-float16.bin too');
    await writeFile(weights, 'changed!');
    await expect(run('verify')).rejects.toMatchObject({
      code: 'TRACKCAST_MODEL_MISMATCH',
      message: expect.stringMatching(/^weights-float16\.bin of 'one' has changed.*Delete it/),
      place: { key: weights },
    });
    await rm(weights);
    expect((await run('verify')).printed).toMatch(/^one: intact/);
  });

  it('says when there is nothing to check', async () => {
    expect((await run('verify')).printed).toContain(`no models in ${folder.path('models')}`);
    await expect(run('verify', 'endo')).rejects.toMatchObject({ code: 'TRACKCAST_MODEL_MISSING' });
  });
});

describe('trackcast models info', () => {
  it('shows the manifest, the architecture and what was derived', async () => {
    const file = await writeCheckpoint(folder.path('endo.safetensors'));
    await run('import', file);
    await writeFile(folder.path('models', 'endo', 'weights-float16.bin'), 'x'.repeat(2000));
    const { printed } = await run('info', 'endo');
    for (const part of [
      sha256Of(file),
      file,
      'SAM 2.1, hiera_nano, image size 256',
      'tensors',
      'weights-float16.bin, 2.00 kB',
    ]) {
      expect(printed).toContain(part);
    }
    expect(JSON.parse((await run('info', 'endo', '--json')).printed)).toMatchObject({
      name: 'endo',
      folder: folder.path('models', 'endo'),
      manifest: { sha256: sha256Of(file), architecture: { family: 'hiera_nano' } },
      cached: [{ name: 'weights-float16.bin', bytes: 2000, imageSize: null }],
    });
  });

  it('of a model that is not here says how to get it', async () => {
    await expect(run('info', 'sam2-small')).rejects.toMatchObject({
      code: 'TRACKCAST_MODEL_MISSING',
      message: expect.stringContaining('trackcast models pull sam2-small'),
    });
  });
});

describe('trackcast models', () => {
  it.each([
    { name: 'pulls of unpublished models', words: ['pull', 'sam3'] },
    { name: 'half a hash', words: ['pull', 'sam2-tiny', '--sha256', 'abcdef'] },
    { name: 'a name that is a path', words: ['import', 'a.pt', '--name', '../a'] },
    { name: 'an unknown command', words: ['push', 'sam2-tiny'] },
  ])('refuses $name', async ({ words }) => {
    await expect(run(...words)).rejects.toBeInstanceOf(CommanderError);
  });
});
