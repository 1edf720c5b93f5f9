import { readdir, rm, writeFile } from 'node:fs/promises';
import { describe, expect, it, vi } from 'vitest';
import { addModel, type NewModel } from '../../../src/model/store/add-model.ts';
import { checkModel, readModel } from '../../../src/model/store/stored-model.ts';
import { folderPerTest, sha256Of, writeCheckpoint } from './store-fixture.ts';

/** A process that may die after so many more changes to files: then it changes nothing any more. */
const life = vi.hoisted(() => ({ changesLeft: Number.POSITIVE_INFINITY }));

vi.mock('node:fs/promises', async (importOriginal) => {
  const real = await importOriginal<typeof import('node:fs/promises')>();
  const mortal = <Parameters extends unknown[], Result>(change: (...parameters: Parameters) => Result) =>
    (async (...parameters: Parameters) => {
      if (life.changesLeft <= 0) throw new Error('the process is dead');
      life.changesLeft--;
      return await change(...parameters);
    }) as typeof change;
  const { copyFile, mkdir, open, rename, rm } = real;
  return {
    ...real,
    copyFile: mortal(copyFile),
    mkdir: mortal(mkdir),
    open: mortal(open),
    rename: mortal(rename),
    rm: mortal(rm),
  };
});

const folder = folderPerTest();
const store = () => folder.path('models');

const options = {
  name: 'endo',
  source: { kind: 'file', path: '/media/usb/endo.pt', modifiedNs: '1' },
  expectedSha256: null,
  transfer: 'copy',
  replace: true,
} as const satisfies NewModel;

async function modelThatIsThere() {
  const model = await readModel(store(), 'endo');
  if (model === null) throw new Error('there is no model any more');
  return checkModel(model, 'full');
}

/** Replaces the model, and dies after some changes. Returns whether it came to its end before. */
async function replaceAndDie(file: string, changes: number): Promise<boolean> {
  life.changesLeft = changes;
  try {
    await addModel(store(), file, options);
    return true;
  } catch {
    return false;
  } finally {
    life.changesLeft = Number.POSITIVE_INFINITY;
    // The lock of a process that is gone is broken; the one that plays it lives.
    await rm(folder.path('models', 'incoming', 'replacing-endo.lock'), { force: true });
  }
}

describe('replacing a model', () => {
  it('leaves the old one or the new one, whole, wherever it is killed, and can be done again', async () => {
    const [one, two, three] = await Promise.all(
      [1, 2, 3].map((fill) => writeCheckpoint(folder.path(`${fill}.safetensors`), fill)),
    );
    if (one === undefined || two === undefined || three === undefined) throw new Error('no files');
    const outcomes = new Set<string>();
    for (let changes = 0, ended = false; !ended; changes++) {
      await rm(store(), { recursive: true, force: true });
      await addModel(store(), one, options);
      await writeFile(folder.path('models', 'endo', 'track_step-512-float32-0011.onnx'), 'graph');
      ended = await replaceAndDie(two, changes);
      const { manifest } = await modelThatIsThere();
      expect([sha256Of(one), sha256Of(two)], `killed after ${changes} changes`).toContain(manifest.sha256);
      outcomes.add(`${ended} ${manifest.sha256 === sha256Of(two)}`);

      await addModel(store(), three, options);
      const healed = await modelThatIsThere();
      expect(healed.manifest.sha256).toBe(sha256Of(three));
      expect((await readdir(healed.folder)).sort()).toEqual([healed.manifest.checkpoint, 'model.json']);
    }
    // Killed before and after the deciding step, and not at all.
    expect([...outcomes].sort()).toEqual(['false false', 'false true', 'true true']);
  });

  it('by the same content mends what was damaged', async () => {
    const file = await writeCheckpoint(folder.path('endo.safetensors'), 1);
    for (let again = 0; again < 3; again++) {
      const { folder: place, manifest } = await addModel(store(), file, options);
      await modelThatIsThere();
      expect((await readdir(place)).sort()).toEqual([manifest.checkpoint, 'model.json']);
      await writeFile(folder.path('models', 'endo', manifest.checkpoint), 'damaged');
    }
  });

  it.each([
    ['a model of which nothing is known', 'endo/model.json', '{'],
    ['what is no model', 'endo', 'a file'],
  ])('takes the place of %s', async (_, name, content) => {
    const file = await writeCheckpoint(folder.path('endo.safetensors'), 1);
    if (name.includes('/')) await addModel(store(), file, options);
    else await addModel(store(), file, { ...options, name: 'other' });
    await writeFile(folder.path('models', name), content);
    await expect(addModel(store(), file, { ...options, replace: false })).rejects.toMatchObject({
      code: 'TRACKCAST_MODEL_MISMATCH',
    });
    await addModel(store(), file, options);
    expect((await modelThatIsThere()).manifest.sha256).toBe(sha256Of(file));
  });

  it('by many at once leaves one of theirs', async () => {
    const files = await Promise.all(
      [1, 2, 3, 4].map((fill) => writeCheckpoint(folder.path(`${fill}.safetensors`), fill)),
    );
    await addModel(store(), await writeCheckpoint(folder.path('old.safetensors')), options);
    await Promise.allSettled(files.map((file) => addModel(store(), file, options)));
    const { folder: place, manifest } = await modelThatIsThere();
    expect(files.map(sha256Of)).toContain(manifest.sha256);
    expect((await readdir(place)).sort()).toEqual([manifest.checkpoint, 'model.json']);
    expect(await readdir(folder.path('models', 'incoming'))).toEqual([]);
  });
});
