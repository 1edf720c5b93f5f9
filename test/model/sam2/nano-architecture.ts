import type { Sam2Architecture } from '../../../src/model/sam2/architecture.ts';

/** The small model of the golden vectors. */
export const nanoArchitecture: Sam2Architecture = {
  family: 'nano',
  version: '2.1',
  trunk: { embedDimension: 16, heads: 1, stages: [1, 2, 3, 2], windows: [8, 4, 14, 7], globalBlocks: [5] },
  channels: 64,
  memoryChannels: 16,
  memories: 7,
  memoryLayers: 4,
  defaultImageSize: 256,
};

/** Side of the golden vectors' input, pixels, and of its grid of tokens. */
export const nanoImageSize = 256;
export const nanoGridSize = 16;
