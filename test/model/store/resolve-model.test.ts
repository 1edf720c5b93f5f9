import { appendFile, link, lstat, readdir, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { addModel } from '../../../src/model/store/add-model.ts';
import { resolveModel } from '../../../src/model/store/resolve-model.ts';
import { folderPerTest, sha256Of, writeCheckpoint } from './store-fixture.ts';

const folder = folderPerTest();

/** Resolves, and tells whether a checkpoint was read for it. */
async function resolve(reference: string) {
  let read = false;
  const model = await resolveModel(reference, folder.path('models'), {
    onProgress: () => {
      read = true;
    },
  });
  return { model, read };
}

describe('a name', () => {
  it('means a model in the store, whose checkpoint is not read when it is unchanged', async () => {
    const file = await writeCheckpoint(folder.path('endo.safetensors'));
    await addModel(folder.path('models'), file, {
      name: 'endo',
      source: { kind: 'file', path: file, modifiedNs: '1' },
      expectedSha256: null,
      transfer: 'copy',
      replace: false,
    });
    expect(await resolve('endo')).toEqual({
      model: {
        name: 'endo',
        folder: folder.path('models', 'endo'),
        checkpoint: folder.path('models', 'endo', 'checkpoint.safetensors'),
        sha256: sha256Of(file),
      },
      read: false,
    });
    await appendFile(folder.path('models', 'endo', 'checkpoint.safetensors'), 'x');
    await expect(resolve('endo')).rejects.toMatchObject({ code: 'TRACKCAST_MODEL_MISMATCH' });
  });

  it('of a published model that is not here tells how to get it, also without a connection', async () => {
    const error = await resolve('sam2.1-tiny').catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'TRACKCAST_MODEL_MISSING', place: { key: 'sam2.1-tiny' } });
    for (const part of [
      folder.path('models'),
      'trackcast models pull sam2.1-tiny',
      '156 MB',
      'https://dl.fbaipublicfiles.com/segment_anything_2/092824/sam2.1_hiera_tiny.pt',
      'trackcast models import sam2.1_hiera_tiny.pt',
    ]) {
      expect(String(error)).toContain(part);
    }
  });

  it('that nobody knows tells what is there', async () => {
    const file = await writeCheckpoint(folder.path('endo.safetensors'));
    await addModel(folder.path('models'), file, {
      name: 'endo',
      source: { kind: 'file', path: file, modifiedNs: '1' },
      expectedSha256: null,
      transfer: 'copy',
      replace: false,
    });
    await expect(resolve('edno')).rejects.toMatchObject({
      code: 'TRACKCAST_MODEL_MISSING',
      message: expect.stringMatching(/'edno'.*it has endo/),
    });
  });
});

describe('a path', () => {
  it('gives the file a folder in the store with a copy, and knows it again unread', async () => {
    const file = await writeCheckpoint(folder.path('mine', 'endo.safetensors'));
    const { model, read } = await resolve(file);
    const sha256 = sha256Of(file);
    const name = `files/${sha256.slice(0, 16)}`;
    const checkpoint = folder.path('models', name, 'checkpoint.safetensors');
    expect(model).toEqual({ name, folder: folder.path('models', name), checkpoint, sha256 });
    expect(read).toBe(true);
    expect(sha256Of(checkpoint)).toBe(sha256);
    // ONNX Runtime takes a file with a second name for an attack.
    expect((await stat(checkpoint)).nlink).toBe(1);
    expect(await resolve(file)).toEqual({ model, read: false });
  });

  it('may be a symbolic link, as mounted volumes have them', async () => {
    const file = await writeCheckpoint(folder.path('mine', 'endo.safetensors'));
    await symlink(file, folder.path('link.pt'));
    const { model } = await resolve(folder.path('link.pt'));
    expect(sha256Of(model.checkpoint)).toBe(sha256Of(file));
    expect((await lstat(model.checkpoint)).isFile()).toBe(true);
  });

  it('leads to one folder for files of one content', async () => {
    const one = await writeCheckpoint(folder.path('one.safetensors'));
    const other = await writeCheckpoint(folder.path('other.safetensors'));
    const { model } = await resolve(one);
    expect((await resolve(other)).model).toEqual(model);
    expect((await resolve(other)).read).toBe(false);
  });

  it('leads to another folder when the file is replaced by another', async () => {
    const file = await writeCheckpoint(folder.path('endo.safetensors'), 1);
    const before = await resolve(file);
    await rm(file);
    await writeCheckpoint(file, 2);
    const after = await resolve(file);
    expect(after.model.sha256).toBe(sha256Of(file));
    expect(after.model.folder).not.toBe(before.model.folder);
    expect(sha256Of(before.model.checkpoint)).toBe(before.model.sha256);
  });

  it('leads to a whole checkpoint again after the one in the store was written over', async () => {
    const file = await writeCheckpoint(folder.path('endo.safetensors'), 1);
    const { model } = await resolve(file);
    await appendFile(model.checkpoint, 'training goes on');
    expect(sha256Of(model.checkpoint)).not.toBe(model.sha256);
    expect((await resolve(file)).model).toEqual(model);
    expect(sha256Of(model.checkpoint)).toBe(model.sha256);
  });

  it('leads to a whole model again after what the store knew about it was damaged', async () => {
    const file = await writeCheckpoint(folder.path('endo.safetensors'), 1);
    const { model } = await resolve(file);
    await writeFile(join(model.folder, 'model.json'), '{');
    const { name, checkpoint, sha256 } = (await resolve(file)).model;
    expect({ name, sha256 }).toEqual({ name: model.name, sha256: model.sha256 });
    expect(sha256Of(checkpoint)).toBe(sha256);
  });

  it('leads to the file after its modification time alone has changed', async () => {
    const file = await writeCheckpoint(folder.path('endo.safetensors'));
    const { model } = await resolve(file);
    await utimes(file, new Date(1e12), new Date(1e12));
    expect(await resolve(file)).toEqual({ model, read: true });
    expect(await resolve(file)).toEqual({ model, read: false });
  });

  it('to no file says so', async () => {
    await expect(resolve(folder.path('absent.pt'))).rejects.toMatchObject({
      code: 'TRACKCAST_MODEL_MISSING',
      place: { key: folder.path('absent.pt') },
    });
  });

  it('to a file that is no model leaves nothing behind', async () => {
    await writeFile(folder.path('page.pt'), '<html>');
    await link(folder.path('page.pt'), folder.path('other.pt'));
    await expect(resolve(folder.path('page.pt'))).rejects.toMatchObject({
      code: 'TRACKCAST_CHECKPOINT_INVALID',
      place: { key: folder.path('page.pt') },
    });
    expect(await readdir(folder.path('models'))).toEqual(['incoming']);
  });
});
