import { mkdir, rename, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { promptsOf, readAnnotation, regionOf } from '../../src/evaluation/annotation.ts';
import { findSequences } from '../../src/evaluation/sequence.ts';
import { decodeRunLength } from '../../src/mask/run-length.ts';
import { indexedPng, writeSequence } from './synthetic-sequence.ts';
import { temporaryFolder } from './temporary-folder.ts';

const folder = temporaryFolder();
const small = {
  width: 16,
  height: 16,
  frames: 3,
  rectangles: [{ objectId: 5, start: { x: 1, y: 2, width: 4, height: 3 }, speed: 1, firstFrame: 1 }],
};

describe('findSequences', () => {
  it('finds a sequence itself and all sequences below a folder, in order', async () => {
    await writeSequence(folder.path('data', 'b', 'two'), small);
    await writeSequence(folder.path('data', 'a', 'one'), { ...small, meta: { fps_nominal: 12.5 } });
    const all = await findSequences(folder.path('data'));
    expect(all.map(({ name, group, framesPerSecond }) => [name, group, framesPerSecond])).toEqual([
      ['one', 'data/a', 12.5],
      ['two', 'data/b', null],
    ]);
    const [one] = await findSequences(folder.path('data', 'a', 'one'));
    expect(one?.name).toBe('one');
    expect(one?.pictures).toHaveLength(3);
  });

  it('knows annotations by the picture of the same name', async () => {
    await writeSequence(folder.path('sparse'), { ...small, annotated: [2] });
    const [sequence] = await findSequences(folder.path('sparse'));
    expect([...(sequence?.annotations.keys() ?? [])]).toEqual([2]);
  });

  it('takes masks that only show objects as prompts, never as annotations', async () => {
    await writeSequence(folder.path('prompted'), small);
    await rename(folder.path('prompted', 'Annotations'), folder.path('prompted', 'Prompts'));
    const [sequence] = await findSequences(folder.path('prompted'));
    expect(sequence?.annotations.size).toBe(0);
    expect([...((sequence && (await promptsOf(sequence, 3)).frameOf) ?? [])]).toEqual([[5, 1]]);
  });

  it('refuses a folder without sequences, without annotations, or that is not there', async () => {
    const unreadable = { code: 'TRACKCAST_SOURCE_UNREADABLE' };
    await mkdir(folder.path('empty', 'JPEGImages'), { recursive: true });
    await expect(findSequences(folder.path('empty'))).rejects.toMatchObject(unreadable);
    await expect(findSequences(folder.path('nowhere'))).rejects.toMatchObject(unreadable);
    await writeSequence(folder.path('broken'), small);
    await writeFile(folder.path('broken', 'meta.json'), '{');
    await expect(findSequences(folder.path('broken'))).rejects.toMatchObject(unreadable);
  });
});

describe('readAnnotation', () => {
  it('tells objects, background and ignored pixels apart, without an odd last column or row', async () => {
    const rows = [
      [0, 2, 2, 7, 255],
      [0, 1, 9, 0, 0],
      [0, 9, 255, 0, 0],
      [255, 0, 0, 0, 0],
      [8, 8, 8, 8, 8],
    ];
    const indices = Uint8Array.from(rows.flat());
    await writeFile(folder.path('indices.png'), indexedPng(indices, 5, 5));
    const annotation = await readAnnotation(folder.path('indices.png'));
    expect(annotation).toMatchObject({ width: 4, height: 4, objectIds: [1, 2, 7, 9] });
    expect([...regionOf(annotation, 9)]).toEqual([0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    expect([...(annotation.ignored ?? [])]).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0]);
  });

  it('names the file that is no image', async () => {
    await writeFile(folder.path('text.png'), 'text');
    await expect(readAnnotation(folder.path('text.png'))).rejects.toMatchObject({
      code: 'TRACKCAST_SOURCE_UNREADABLE',
      message: expect.stringContaining('text.png'),
    });
  });
});

describe('promptsOf', () => {
  it('shows each object once, by its first mask under its id', async () => {
    await writeSequence(folder.path('shown'), small);
    const [sequence] = await findSequences(folder.path('shown'));
    if (sequence === undefined) throw new RangeError('the sequence is missing');
    const { byFrame, frameOf } = await promptsOf(sequence, 3);
    expect([...frameOf]).toEqual([[5, 1]]);
    const [prompt] = byFrame.get(1) ?? [];
    expect(prompt).toMatchObject({ objectId: 5, author: 'person', shape: { kind: 'mask' } });
    if (prompt?.shape.kind !== 'mask') throw new RangeError('no mask');
    const pixels = decodeRunLength(prompt.shape.mask);
    expect(pixels.reduce((sum, value) => sum + value, 0)).toBe(12);
    expect(pixels[2 * 16 + 2]).toBe(1);
    expect((await promptsOf(sequence, 1)).byFrame.size).toBe(0);
  });
});
