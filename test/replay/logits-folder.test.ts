import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LogitsFolder } from '../../src/replay/logits-folder.ts';

let root: string;

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'trackcast-logits-'));
});

afterAll(() => rmSync(root, { recursive: true, force: true }));

type Header = Parameters<typeof LogitsFolder.create>[1];
const header = { maskSize: 64 } as Header;

describe('LogitsFolder', () => {
  it('makes the folders on the way to it, and takes one that is there', async () => {
    const path = join(root, 'one', 'two');
    for (let times = 0; times < 2; times++) {
      const folder = await LogitsFolder.create(path, header);
      await folder.close();
      expect(existsSync(join(path, 'index.json'))).toBe(true);
    }
  });

  it('removes the frames of an earlier run, and nothing else', async () => {
    const path = join(root, 'again');
    const earlier = await LogitsFolder.create(path, header);
    for (const frame of [0, 7, 999_999, 1_000_000]) await earlier.write(frame, []);
    await earlier.close();
    const killed = 'f000008.safetensors.00000000-0000-4000-8000-000000000000.part';
    const foreign = [
      'f00001.safetensors',
      'f0000001.safetensors',
      'frame.safetensors',
      'notes.txt',
      'f000001.safetensors.old',
    ];
    for (const name of [killed, ...foreign]) writeFileSync(join(path, name), 'as before');
    mkdirSync(join(path, 'f000002.safetensors'));
    const folder = await LogitsFolder.create(path, header);
    await folder.write(1, []);
    await folder.close();
    const index = JSON.parse(readFileSync(join(path, 'index.json'), 'utf8'));
    expect(index.frames).toEqual([{ frame: 1, file: 'f000001.safetensors', objects: [] }]);
    expect(readdirSync(path).sort()).toEqual(
      ['f000001.safetensors', 'f000002.safetensors', 'index.json', ...foreign].sort(),
    );
  });

  it('says at once that it cannot be where there is a file, or where nothing can be made', async () => {
    writeFileSync(join(root, 'file'), '');
    for (const path of [join(root, 'file', 'below'), '/proc/trackcast', '/proc/trackcast/below']) {
      await expect(LogitsFolder.create(path, header)).rejects.toMatchObject({
        code: 'TRACKCAST_OUTPUT_UNWRITABLE',
      });
    }
  });
});
