import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
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

  it('says at once that it cannot be where there is a file, or where nothing can be made', async () => {
    writeFileSync(join(root, 'file'), '');
    for (const path of [join(root, 'file', 'below'), '/proc/trackcast', '/proc/trackcast/below']) {
      await expect(LogitsFolder.create(path, header)).rejects.toMatchObject({
        code: 'TRACKCAST_OUTPUT_UNWRITABLE',
      });
    }
  });
});
