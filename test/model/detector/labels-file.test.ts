import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { TrackcastError } from '../../../src/errors.ts';
import { readLabelsFile } from '../../../src/model/detector/labels-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'trackcast-labels-'));
afterAll(() => rmSync(folder, { recursive: true }));

function read(name: string, text: string) {
  const path = join(folder, name);
  writeFileSync(path, text);
  return readLabelsFile(path);
}

describe('readLabelsFile', () => {
  it.each([
    ['labels.txt', 'grasper\n L-hook \r\nclip applier\n\n'],
    ['labels.names', 'grasper\nL-hook\nclip applier'],
    ['labels.yaml', '- grasper\n- L-hook\n- clip applier\n'],
    ['labels.json', '["grasper", "L-hook", "clip applier"]'],
    ['map.yml', '1: L-hook\n0: grasper\n2: clip applier\n'],
    ['map.json', '{"0": "grasper", "1": "L-hook", "2": "clip applier"}'],
    ['data.yaml', 'path: ../data\nnc: 3\nnames: [grasper, L-hook, clip applier]\n'],
    ['names.yaml', 'train: x\nnames:\n  0: grasper\n  1: L-hook\n  2: clip applier\n'],
  ])('reads %s', async (name, text) => {
    expect(await read(name, text)).toEqual(['grasper', 'L-hook', 'clip applier']);
  });

  it('keeps the numbers of classes that are left out', async () => {
    expect(await read('gap.txt', 'a\n\nc\n')).toEqual(['a', '', 'c']);
    expect(await read('gap.yaml', '0: a\n2: 3\n')).toEqual(['a', '', '3']);
  });

  it.each([
    ['empty.txt', '\n\n'],
    ['empty.yaml', ''],
    ['empty-list.yaml', '[]'],
    ['broken.yaml', '- a\n: ]['],
    ['broken.json', '{'],
    ['nested.yaml', '- [a]\n'],
    ['text.yaml', 'just text'],
    ['alias.yaml', 'names: [&a x, *a]'],
    ['number.yaml', '123456: a'],
    ['large.txt', 'x'.repeat(1024 * 1024 + 1)],
  ])('refuses %s', async (name, text) => {
    const place = { key: 'DETECTOR_LABELS' };
    await expect(read(name, text)).rejects.toMatchObject({ code: 'TRACKCAST_CONFIG_INVALID', place });
  });

  it('says which file is missing', async () => {
    await expect(readLabelsFile(join(folder, 'none.txt'))).rejects.toThrow(
      /DETECTOR_LABELS .*none\.txt: cannot be read, ENOENT/,
    );
  });

  it('reads names or says what is wrong, whatever the file holds', async () => {
    const noise = fc.string({ unit: fc.constantFrom(...'{}[]-:,&*!|>#"\'0a \n') });
    await fc.assert(
      fc.asyncProperty(fc.constantFrom('noise.yaml', 'noise.txt'), noise, async (name, text) => {
        try {
          for (const label of await read(name, text)) expect(typeof label).toBe('string');
        } catch (error) {
          expect(error).toBeInstanceOf(TrackcastError);
        }
      }),
      { numRuns: 300 },
    );
  });
});
