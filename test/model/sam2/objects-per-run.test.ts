import { describe, expect, it } from 'vitest';
import { objectsPerRun } from '../../../src/model/sam2/objects-per-run.ts';
import { geometryOf } from '../../../src/model/sam2/recognise.ts';
import { nano } from './graph-fixture.ts';

const published = { ...nano, channels: 256, memoryChannels: 64 };

describe('objectsPerRun', () => {
  it.each([
    ['cpu', 512, 'float32', 4],
    ['cpu', 1024, 'float32', 4],
    ['cuda', 512, 'float32', 64],
    ['cuda', 1024, 'float32', 16],
    ['cuda', 1024, 'float16', 16],
    ['webgpu', 512, 'float32', 16],
    ['webgpu', 1024, 'float32', 4],
    ['webgpu', 1024, 'float16', 8],
  ] as const)('on %s at %i in %s is %i', (provider, imageSize, precision, count) => {
    expect(objectsPerRun(published, geometryOf(imageSize), precision, provider)(7)).toBe(count);
  });

  it.each([
    ['cpu', 512, 22, 4],
    ['cpu', 1024, 22, 1],
    ['cuda', 1024, 1, 16],
    ['cuda', 1024, 22, 4],
    ['webgpu', 512, 22, 4],
    ['webgpu', 1024, 22, 1],
    ['webgpu', 1024, 1, 4],
  ] as const)('on %s at %i, with %i memories, is %i', (provider, imageSize, memories, count) => {
    expect(objectsPerRun(published, geometryOf(imageSize), 'float32', provider)(memories)).toBe(count);
  });

  it.each(['cpu', 'cuda', 'webgpu'] as const)(
    'is one at least on %s, however large the picture',
    (provider) => {
      const geometry = { ...geometryOf(1024), gridSize: 4096 };
      expect(objectsPerRun(published, geometry, 'float32', provider)(7)).toBe(1);
    },
  );
});
