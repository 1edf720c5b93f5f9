import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';

/** A folder for the tests of one file, removed after them. Call at the top level of a file or a `describe`. */
export function temporaryFolder(): { path(...names: string[]): string } {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'trackcast-evaluation-'));
  });
  afterAll(async () => {
    await rm(folder, { recursive: true, force: true });
  });
  return { path: (...names) => join(folder, ...names) };
}
