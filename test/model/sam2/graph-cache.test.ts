import { readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { writeRandomSam2 } from '../../../bench/random-sam2.ts';
import type { GraphName } from '../../../src/model/sam2/graph-cache.ts';
import { prepareSam2 } from '../../../src/model/sam2/open-sam2.ts';
import { codeOf } from './error-code.ts';
import { RandomModel } from './random-model.ts';

const names: readonly GraphName[] = [
  'image_encoder',
  'memory_attention',
  'prompt_decoder',
  'memory_encoder',
  'track_step',
];

let model: RandomModel;

beforeEach(async () => {
  model = await RandomModel.write();
});

afterEach(() => {
  vi.doUnmock('../../../src/program-version.ts');
  vi.resetModules();
  model[Symbol.dispose]();
});

/** Graph files of the folder, with what changes when one is written anew. */
function graphFiles(): Map<string, bigint> {
  const files = readdirSync(model.folder).filter((name) => name.endsWith('.onnx'));
  return new Map(files.map((name) => [name, statSync(join(model.folder, name), { bigint: true }).ino]));
}

/** Makes files look as if nobody had opened them for more than a day. */
function disuse(files: Iterable<string>): void {
  const yesterday = new Date(Date.now() - 25 * 60 * 60 * 1000);
  for (const name of files) utimesSync(join(model.folder, name), yesterday, yesterday);
}

const withoutGraphs = () => readdirSync(model.folder).filter((name) => !name.endsWith('.onnx'));

describe('cachedGraphs', () => {
  it('builds every graph once', async () => {
    const { graphs } = await prepareSam2(model.options());
    expect([...graphs.keys()]).toEqual(names);
    const built = graphFiles();
    expect([...built.keys()].sort()).toEqual(
      [...graphs.values()].map((path) => path.split('/').at(-1)).sort(),
    );
    for (const name of built.keys()) expect(name).toMatch(/^[a-z_-]+-128-float32-[0-9a-f]{16}\.onnx$/);
    const again = await prepareSam2(model.options());
    expect(again.graphs).toEqual(graphs);
    expect(graphFiles()).toEqual(built);
  });

  it('builds the same bytes from the same checkpoint', async () => {
    using other = await RandomModel.write();
    const one = await prepareSam2(model.options());
    const two = await prepareSam2(other.options());
    for (const name of names) {
      const [first, second] = [one, two].map(({ graphs }) => readFileSync(graphs.get(name) ?? ''));
      expect(first?.equals(second ?? Buffer.alloc(0)), name).toBe(true);
    }
  });

  it('makes graphs of another checkpoint take the place of the old ones, even where only numbers differ', async () => {
    await prepareSam2(model.options());
    const old = graphFiles();
    disuse(old.keys());
    await writeRandomSam2(model.checkpoint, 'hiera_nano', { seed: 2 });
    const { graphs } = await prepareSam2(model.options());
    const built = graphFiles();
    expect(built.size).toBe(names.length);
    expect([...built.keys()].some((name) => old.has(name))).toBe(false);
    using same = await RandomModel.write({ seed: 2 });
    const expected = await prepareSam2(same.options());
    for (const name of names) {
      const [actual, wanted] = [graphs, expected.graphs].map((each) => readFileSync(each.get(name) ?? ''));
      expect(actual?.equals(wanted ?? Buffer.alloc(0)), name).toBe(true);
    }
  });

  it.each([
    ['image size', { imageSize: 192 }],
    ['precision', { precision: 'float16' }],
  ] as const)('keeps graphs of another %s beside each other', async (_, wanted) => {
    await prepareSam2(model.options());
    const first = graphFiles();
    await prepareSam2(model.options(wanted));
    const both = graphFiles();
    expect(both.size).toBe(2 * names.length);
    for (const [name, place] of first) expect(both.get(name)).toBe(place);
  });

  it('keeps graphs that attend to pooled memories beside the exact ones', async () => {
    const exact = await prepareSam2(model.options());
    const pooled = await prepareSam2(model.options({ memoryPooling: 2 }));
    const differing = names.filter((name) => exact.graphs.get(name) !== pooled.graphs.get(name));
    expect(differing).toEqual(['memory_attention', 'track_step']);
    expect(graphFiles().size).toBe(names.length + 2);
    const again = await prepareSam2(model.options());
    expect(again.graphs).toEqual(exact.graphs);
  });

  /** As another version of the program prepares the model. */
  async function prepareNewer(): Promise<void> {
    vi.resetModules();
    vi.doMock('../../../src/program-version.ts', () => ({ programVersion: '99.0.0' }));
    const newer = await import('../../../src/model/sam2/open-sam2.ts');
    await newer.prepareSam2(model.options());
  }

  it('keeps what another version of the program has used since yesterday', async () => {
    const { graphs } = await prepareSam2(model.options());
    const old = graphFiles();
    disuse(old.keys());
    // The other version runs, and may open any of its graphs again.
    await prepareSam2(model.options());
    await prepareNewer();
    expect(graphFiles().size).toBe(2 * names.length);
    for (const path of graphs.values()) expect(statSync(path).isFile()).toBe(true);
    disuse([...graphs.values()].map((path) => basename(path)));
    await prepareNewer();
    expect(graphFiles().size).toBe(names.length);
  });

  it('builds anew for another version of the program, and deletes what the old one built', async () => {
    await prepareSam2(model.options());
    const old = graphFiles();
    disuse(old.keys());
    await prepareNewer();
    const built = graphFiles();
    expect(built.size).toBe(names.length);
    expect([...built.keys()].some((name) => old.has(name))).toBe(false);
  });

  it('lets several openings build at once', async () => {
    const all = await Promise.all(Array.from({ length: 4 }, () => prepareSam2(model.options())));
    for (const { graphs } of all) expect(graphs).toEqual(all[0]?.graphs);
    expect(graphFiles().size).toBe(names.length);
    expect(withoutGraphs()).toEqual(['checkpoint.safetensors']);
    const runtime = await model.open();
    await runtime.dispose();
  });

  it('removes what a killed writer left, but not what one writes now', async () => {
    const { graphs } = await prepareSam2(model.options());
    const path = graphs.get('track_step') ?? '';
    const [old, fresh] = [`${path}.old.part`, `${path}.fresh.part`];
    for (const part of [old, fresh]) writeFileSync(part, 'half');
    const yesterday = new Date(Date.now() - 25 * 60 * 60 * 1000);
    utimesSync(old, yesterday, yesterday);
    rmSync(path);
    await prepareSam2(model.options());
    expect(readdirSync(model.folder).filter((name) => name.endsWith('.part'))).toEqual([
      fresh.split('/').at(-1),
    ]);
  });

  it('says so when there is no room for graphs', async () => {
    const folder = join(model.folder, 'missing');
    expect(await codeOf(prepareSam2(model.options({ folder, precision: 'float16' })))).toBe(
      'TRACKCAST_OUTPUT_UNWRITABLE',
    );
    expect(await codeOf(prepareSam2(model.options({ folder })))).toBe('TRACKCAST_CHECKPOINT_INVALID');
  });
});
