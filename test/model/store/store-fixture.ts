import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import { writeSafetensors } from '../../../src/model/checkpoint/safetensors-writer.ts';
import { expectedWeights } from '../../../src/model/sam2/expected-weights.ts';

/** Sizes of the smallest model that is recognised. */
const smallest = {
  trunk: {
    embedDimension: 16,
    heads: 1,
    stages: [1, 2, 3, 2],
    windows: [8, 4, 14, 7],
    globalBlocks: [5],
  },
  channels: 32,
  memoryChannels: 8,
  memories: 7,
  memoryLayers: 1,
  memoryFeedForward: 8,
  decoderFeedForward: 8,
  headHidden: 8,
  positionGrid: 7,
  positionWindow: 8,
  version: '2.1',
} as const;

/** Writes a checkpoint whose names and shapes are those of a SAM 2.1 model; `fill` tells one from another. */
export async function writeCheckpoint(path: string, fill = 0): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  const tensors = Array.from(expectedWeights(smallest), ([name, shape]) => {
    const values = new Float32Array(shape.reduce((product, size) => product * size, 1)).fill(fill);
    return { name, type: 'F32', shape, data: new Uint8Array(values.buffer) } as const;
  });
  await writeSafetensors(path, tensors);
  return path;
}

export function sha256Of(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

/** A new folder for every test. */
export function folderPerTest(): { path(...names: string[]): string } {
  let folder = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'trackcast-store-'));
  });
  afterEach(async () => {
    await rm(folder, { recursive: true, force: true });
  });
  return { path: (...names) => join(folder, ...names) };
}
