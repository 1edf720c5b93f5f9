import { homedir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { downloadUrl, findPublished, publishedModels } from '../../../src/model/store/catalogue.ts';
import { isFileReference, isModelName, nameAfterFile } from '../../../src/model/store/model-name.ts';
import { storeFolder } from '../../../src/model/store/store-folder.ts';

describe('a model name', () => {
  it.each(['sam2.1-tiny', 'a', '7', 'my_model-2', 'x'.repeat(64)])('may be %s', (name) => {
    expect(isModelName(name)).toBe(true);
    expect(isFileReference(name)).toBe(false);
  });

  it.each([
    '',
    '.',
    '..',
    '.x',
    '-x',
    'a/b',
    'a\\b',
    'A',
    'ä',
    'a b',
    'files',
    'incoming',
    'a.pt',
    'x'.repeat(65),
  ])('may not be %j', (name) => {
    expect(isModelName(name)).toBe(false);
  });

  it.each([
    ['/media/usb/MedSAM2_latest.pt', 'medsam2_latest'],
    ['sam2.1_hiera_s_endo18.pth', 'sam2.1_hiera_s_endo18'],
    ['Größe 3.safetensors', 'gr-e-3'],
    ['files.pt', null],
    ['日本.pt', null],
  ])('after the file %s is %s', (path, name) => {
    expect(nameAfterFile(path)).toBe(name);
  });

  it('after any file is a name, or none', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (path) => {
        const name = nameAfterFile(path);
        expect(name === null || isModelName(name)).toBe(true);
      }),
    );
  });
});

describe('a reference', () => {
  it.each(['/models/a', './a', 'a/b', 'checkpoint.pt', 'x.PTH', 'm.safetensors', 'C:\\m'])(
    'is a file: %s',
    (text) => {
      expect(isFileReference(text)).toBe(true);
    },
  );
});

describe('published models', () => {
  it('have names of their own that the store accepts, and hashes', () => {
    expect(new Set(publishedModels.map(({ name }) => name)).size).toBe(8);
    for (const model of publishedModels) {
      expect(isModelName(model.name)).toBe(true);
      expect(model.sha256).toMatch(/^[0-9a-f]{64}$/);
      expect(findPublished(model.name)).toBe(model);
    }
    expect(findPublished('sam3')).toBeNull();
  });

  it.each([
    ['', 'https://dl.fbaipublicfiles.com/segment_anything_2/072824/sam2_hiera_base_plus.pt'],
    ['https://mirror.example', 'https://mirror.example/segment_anything_2/072824/sam2_hiera_base_plus.pt'],
    [
      'https://mirror.example/a/b/',
      'https://mirror.example/a/b/segment_anything_2/072824/sam2_hiera_base_plus.pt',
    ],
  ])('lie on the mirror %j under the same path', (mirror, url) => {
    const model = findPublished('sam2-base-plus');
    if (model === null) throw new Error('the model is unknown');
    expect(downloadUrl(model, mirror).href).toBe(url);
  });
});

describe('the folder of the store', () => {
  it.each([
    ['/models', {}, '/models'],
    ['models', {}, join(process.cwd(), 'models')],
    ['', { XDG_CACHE_HOME: '/cache' }, '/cache/trackcast/models'],
    ['', { XDG_CACHE_HOME: 'cache' }, join(homedir(), '.cache/trackcast/models')],
    ['', { XDG_CACHE_HOME: '' }, join(homedir(), '.cache/trackcast/models')],
    ['', {}, join(homedir(), '.cache/trackcast/models')],
  ])('set to %j with %o is %s', (setting, environment, expected) => {
    expect(storeFolder(setting, environment)).toBe(expected);
  });
});
