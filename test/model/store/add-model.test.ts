import { mkdir, readdir, readFile, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { addModel, type NewModel } from '../../../src/model/store/add-model.ts';
import { checkModel, listCached, listNames, readModel } from '../../../src/model/store/stored-model.ts';
import { folderPerTest, sha256Of, writeCheckpoint } from './store-fixture.ts';

const folder = folderPerTest();

const options = {
  name: 'endo',
  source: { kind: 'file', path: '/media/usb/endo.pt', modifiedNs: '1' },
  expectedSha256: null,
  transfer: 'copy',
  replace: false,
} as const satisfies NewModel;

describe('adding a model', () => {
  it('copies the checkpoint, pins its hash and notes what it is', async () => {
    const file = await writeCheckpoint(folder.path('endo.safetensors'));
    const model = await addModel(folder.path('models'), file, options);
    const sha256 = sha256Of(file);
    expect(model).toMatchObject({
      name: 'endo',
      folder: folder.path('models', 'endo'),
      manifest: {
        name: 'endo',
        source: options.source,
        checkpoint: 'checkpoint.safetensors',
        format: 'safetensors',
        bytes: (await stat(file)).size,
        sha256,
        architecture: { family: 'hiera_nano', version: '2.1', imageSize: 256 },
      },
    });
    expect(sha256Of(folder.path('models', 'endo', 'checkpoint.safetensors'))).toBe(sha256);
    expect(await listNames(folder.path('models'))).toEqual(['endo']);
    expect(await readModel(folder.path('models'), 'endo')).toEqual(model);
    expect(await readdir(folder.path('models', 'incoming'))).toEqual([]);
  });

  it('leaves nothing of a file that is no model', async () => {
    const file = folder.path('page.pt');
    await writeFile(file, '<html>sign in to continue</html>');
    await expect(addModel(folder.path('models'), file, options)).rejects.toMatchObject({
      code: 'TRACKCAST_CHECKPOINT_INVALID',
      place: { key: file },
    });
    expect(await listNames(folder.path('models'))).toEqual([]);
    expect(await readdir(folder.path('models', 'incoming'))).toEqual([]);
  });

  it('refuses a file with another hash than expected', async () => {
    const file = await writeCheckpoint(folder.path('endo.safetensors'));
    const expectedSha256 = 'a'.repeat(64);
    await expect(addModel(folder.path('models'), file, { ...options, expectedSha256 })).rejects.toMatchObject(
      { code: 'TRACKCAST_MODEL_MISMATCH', message: expect.stringContaining(sha256Of(file)) },
    );
    expect(await listNames(folder.path('models'))).toEqual([]);
  });

  it.each([
    ['a file that is not there', 'TRACKCAST_MODEL_MISSING', async () => {}],
    ['a folder', 'TRACKCAST_CHECKPOINT_INVALID', async (path: string) => void (await mkdir(path))],
  ])('refuses %s', async (_, code, make) => {
    const file = folder.path('endo.safetensors');
    await make(file);
    await expect(addModel(folder.path('models'), file, options)).rejects.toMatchObject({ code });
  });

  it('says of a folder that its file is wanted', async () => {
    await expect(addModel(folder.path('models'), folder.path(), options)).rejects.toThrow(
      'it is a folder; give the path of the .pt or .safetensors file itself',
    );
  });

  it('refuses a file larger than any checkpoint before it copies it', async () => {
    const file = await writeCheckpoint(folder.path('endo.safetensors'));
    // Sparse: it takes no room.
    await truncate(file, 5 * 2 ** 30);
    await expect(addModel(folder.path('models'), file, options)).rejects.toMatchObject({
      code: 'TRACKCAST_CHECKPOINT_INVALID',
      message: expect.stringContaining('5368709120 bytes'),
    });
  });

  it('keeps a model of the same name and content, with its graphs', async () => {
    const file = await writeCheckpoint(folder.path('endo.safetensors'));
    const first = await addModel(folder.path('models'), file, options);
    await writeFile(folder.path('models', 'endo', 'track_step-512-float32-0011.onnx'), 'graph');
    const second = await addModel(folder.path('models'), file, options);
    expect(second).toEqual(first);
    expect(await listCached(second)).toHaveLength(1);
    expect(await readdir(folder.path('models', 'incoming'))).toEqual([]);
  });

  it('refuses another content under a name that is taken, unless told to replace it', async () => {
    const store = folder.path('models');
    await addModel(store, await writeCheckpoint(folder.path('one.safetensors'), 1), options);
    await writeFile(folder.path('models', 'endo', 'track_step-512-float32-0011.onnx'), 'graph');
    const other = await writeCheckpoint(folder.path('two.safetensors'), 2);
    await expect(addModel(store, other, options)).rejects.toMatchObject({
      code: 'TRACKCAST_MODEL_MISMATCH',
      message: expect.stringContaining('--replace'),
    });
    const replaced = await addModel(store, other, { ...options, replace: true });
    expect(replaced.manifest.sha256).toBe(sha256Of(other));
    // A graph may hold constants of the weights that it was built from.
    expect(await listCached(replaced)).toEqual([]);
    expect(await readdir(folder.path('models', 'incoming'))).toEqual([]);
  });

  it('lets many processes add one model at once', async () => {
    const file = await writeCheckpoint(folder.path('endo.safetensors'));
    const models = await Promise.all([1, 2, 3, 4].map(() => addModel(folder.path('models'), file, options)));
    for (const model of models) await checkModel(model, 'full');
    expect(await readdir(folder.path('models', 'incoming'))).toEqual([]);
  });

  it('removes what a killed process has left a day ago, and nothing younger', async () => {
    for (const name of ['adding-old', 'adding-new', 'sam2.1_hiera_tiny.pt.part']) {
      await mkdir(folder.path('models', 'incoming', name), { recursive: true });
    }
    const yesterday = new Date(Date.now() - 25 * 60 * 60 * 1000);
    await utimes(folder.path('models', 'incoming', 'adding-old'), yesterday, yesterday);
    await addModel(folder.path('models'), await writeCheckpoint(folder.path('a.safetensors')), options);
    expect((await readdir(folder.path('models', 'incoming'))).sort()).toEqual([
      'adding-new',
      'sam2.1_hiera_tiny.pt.part',
    ]);
  });

  it('says that the store cannot be written to', async () => {
    const file = await writeCheckpoint(folder.path('endo.safetensors'));
    await writeFile(folder.path('models'), 'a file where the store should be');
    await expect(addModel(folder.path('models'), file, options)).rejects.toMatchObject({
      code: 'TRACKCAST_OUTPUT_UNWRITABLE',
    });
  });
});

describe('checking a model', () => {
  async function added() {
    const file = await writeCheckpoint(folder.path('endo.safetensors'));
    const model = await addModel(folder.path('models'), file, options);
    return { model, checkpoint: folder.path('models', 'endo', 'checkpoint.safetensors') };
  }

  it('finds a changed byte in full, and quickly where the time of modification tells', async () => {
    const { model, checkpoint } = await added();
    const { atime, mtime } = await stat(checkpoint);
    const bytes = await readFile(checkpoint);
    bytes[bytes.length - 1] = 1;
    await writeFile(checkpoint, bytes);
    await expect(checkModel(model, 'quick')).rejects.toMatchObject({ code: 'TRACKCAST_MODEL_MISMATCH' });
    await utimes(checkpoint, atime, mtime);
    await expect(checkModel(model, 'full')).rejects.toMatchObject({ code: 'TRACKCAST_MODEL_MISMATCH' });
  });

  it('finds another size without reading the file', async () => {
    const { model, checkpoint } = await added();
    await writeFile(checkpoint, 'short');
    let read = 0;
    await expect(
      checkModel(model, 'full', {
        onProgress: () => {
          read++;
        },
      }),
    ).rejects.toMatchObject({ message: expect.stringContaining('5 bytes') });
    expect(read).toBe(0);
  });

  it('reads a file with another time of modification once, and then knows it', async () => {
    const { model, checkpoint } = await added();
    await utimes(checkpoint, new Date(1e12), new Date(1e12));
    let read = 0;
    const onProgress = () => {
      read++;
    };
    await checkModel(model, 'quick', { onProgress });
    expect(read).toBeGreaterThan(0);
    read = 0;
    const again = await readModel(folder.path('models'), 'endo');
    if (again === null) throw new Error('the model is gone');
    await checkModel(again, 'quick', { onProgress });
    expect(read).toBe(0);
  });

  it('says when the checkpoint is gone', async () => {
    const { model, checkpoint } = await added();
    await rm(checkpoint);
    await expect(checkModel(model, 'quick')).rejects.toMatchObject({ code: 'TRACKCAST_MODEL_INVALID' });
  });
});

describe('a model in the store', () => {
  it('lists its graphs with the image size that they were built for', async () => {
    const file = await writeCheckpoint(folder.path('endo.safetensors'));
    const model = await addModel(folder.path('models'), file, options);
    for (const name of [
      'image_encoder-512-float16-0123456789abcdef.onnx',
      'track_step-1024-float32-1024222233334444.onnx',
      'weights-float16.bin',
    ]) {
      await writeFile(folder.path('models', 'endo', name), 'x'.repeat(name.length));
    }
    expect(await listCached(model)).toEqual([
      { name: 'image_encoder-512-float16-0123456789abcdef.onnx', bytes: 47, imageSize: 512 },
      { name: 'track_step-1024-float32-1024222233334444.onnx', bytes: 45, imageSize: 1024 },
      { name: 'weights-float16.bin', bytes: 19, imageSize: null },
    ]);
  });

  it.each([
    ['no JSON', '{'],
    ['another version', '{"manifestVersion":2}'],
    ['too large', ' '.repeat(100_000)],
  ])('is damaged when what is known about it is %s', async (_, text) => {
    await mkdir(folder.path('models', 'endo'), { recursive: true });
    await writeFile(folder.path('models', 'endo', 'model.json'), text);
    await expect(readModel(folder.path('models'), 'endo')).rejects.toMatchObject({
      code: 'TRACKCAST_MODEL_INVALID',
    });
  });

  it.each(['..', '../models', 'a/b', 'files/xyz', 'incoming', 'files', 'Endo', ''])(
    'is never outside of it: %j',
    async (name) => {
      expect(await readModel(folder.path('models'), name)).toBeNull();
    },
  );
});
