import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { TrackcastError } from '../../../src/errors.ts';
import type { CheckpointTensor } from '../../../src/model/checkpoint/checkpoint.ts';
import { expectedWeights } from '../../../src/model/sam2/expected-weights.ts';
import { geometryOf, recogniseArchitecture } from '../../../src/model/sam2/recognise.ts';
import { goldenPath, hasGoldens } from './golden.ts';

type Layout = Map<string, readonly number[]>;

const sizes = {
  trunk: {
    embedDimension: 16,
    heads: 1,
    stages: [1, 2, 3, 2],
    windows: [8, 4, 14, 7],
    globalBlocks: [5],
  },
  channels: 64,
  memoryChannels: 16,
  memories: 7,
  memoryLayers: 4,
  memoryFeedForward: 256,
  decoderFeedForward: 2048,
  headHidden: 256,
  positionGrid: 7,
  positionWindow: 8,
} as const;

function tensorsOf(layout: ReadonlyMap<string, readonly number[]>, type: CheckpointTensor['type'] = 'F32') {
  const tensors = new Map<string, CheckpointTensor>();
  for (const [name, shape] of layout) tensors.set(name, { name, type, shape, location: null });
  return tensors;
}

function faultOf(layout: Layout): string {
  try {
    recogniseArchitecture(tensorsOf(layout));
  } catch (error) {
    expect(error).toBeInstanceOf(TrackcastError);
    expect((error as TrackcastError).code).toBe('TRACKCAST_CHECKPOINT_INVALID');
    return (error as TrackcastError).message;
  }
  return '';
}

const layoutOf = (version: '2.0' | '2.1'): Layout => new Map(expectedWeights({ ...sizes, version }));

describe('recogniseArchitecture', () => {
  it('tells SAM 2.1 from SAM 2 by what 2.1 added', () => {
    expect(recogniseArchitecture(tensorsOf(layoutOf('2.1')))).toMatchObject({
      family: 'hiera_nano',
      version: '2.1',
      channels: 64,
      memoryChannels: 16,
      memories: 7,
      memoryLayers: 4,
      defaultImageSize: 256,
    });
    expect(recogniseArchitecture(tensorsOf(layoutOf('2.0'))).version).toBe('2.0');
  });

  it('accepts weights of lower precision', () => {
    expect(recogniseArchitecture(tensorsOf(layoutOf('2.1'), 'BF16')).family).toBe('hiera_nano');
  });

  it('names missing, unexpected and misshapen weights', () => {
    const layout = layoutOf('2.1');
    layout.delete('memory_attention.norm.weight');
    layout.delete('obj_ptr_tpos_proj.weight');
    layout.set('image_encoder.neck.convs.0.conv.weight', [64, 128, 3, 3]);
    layout.set('model_ema.decay', [1]);
    const fault = faultOf(layout);
    expect(fault).toContain('missing: ');
    expect(fault).toContain('memory_attention.norm.weight');
    expect(fault).toContain('obj_ptr_tpos_proj.weight');
    expect(fault).toContain('unexpected: model_ema.decay');
    expect(fault).toContain(
      'image_encoder.neck.convs.0.conv.weight [64, 128, 3, 3] instead of [64, 128, 1, 1]',
    );
  });

  it('repeats names of the file cut, and without what steers a terminal', () => {
    const layout = layoutOf('2.1');
    layout.set('\u001b[2Jgone\r\n', [1]);
    layout.set('x'.repeat(10_000), [1]);
    const fault = faultOf(layout);
    expect(fault).toContain('unexpected: �[2Jgone��, xxx');
    expect(fault.length).toBeLessThan(400);
  });

  it('names an image encoder that it does not know', () => {
    const layout: Layout = new Map(
      expectedWeights({ ...sizes, version: '2.1', trunk: { ...sizes.trunk, stages: [1, 2, 4, 2] } }),
    );
    expect(faultOf(layout)).toMatch(/16 channels and stages of 1, 2, 4, 2 blocks/);
  });

  it('says that another kind of model is no SAM 2 model, and lists a few names only', () => {
    expect(faultOf(new Map([['conv1.weight', [64, 3, 7, 7]]]))).toContain('no SAM 2 model');
    const layout = layoutOf('2.1');
    for (let index = 0; index < 500; index++) layout.set(`extra.${index}.${'x'.repeat(1000)}`, [1]);
    expect(faultOf(layout).length).toBeLessThan(2000);
  });

  it.skipIf(!hasGoldens).each([
    ['hiera_t', 'layout_hiera_t.json', [1, 2, 7, 2]],
    ['hiera_s', 'layout_hiera_s.json', [1, 2, 11, 2]],
    ['hiera_b+', 'layout_hiera_bplus.json', [2, 3, 16, 3]],
    ['hiera_l', 'layout_hiera_l.json', [2, 6, 36, 4]],
  ])('knows the published %s', (family, file, stages) => {
    const { tensors } = JSON.parse(readFileSync(goldenPath(file), 'utf8')) as {
      tensors: [string, number[], string][];
    };
    const layout: Layout = new Map(tensors.map(([name, shape]) => [name, shape]));
    const architecture = recogniseArchitecture(tensorsOf(layout));
    expect(architecture).toMatchObject({ family, version: '2.1', channels: 256, defaultImageSize: 1024 });
    expect(architecture.trunk.stages).toEqual(stages);
    for (const name of ['no_obj_embed_spatial', 'obj_ptr_tpos_proj.weight', 'obj_ptr_tpos_proj.bias']) {
      layout.delete(name);
    }
    expect(recogniseArchitecture(tensorsOf(layout)).version).toBe('2.0');
  });
});

describe('geometryOf', () => {
  it('derives the grids of a square input', () => {
    expect(geometryOf(512)).toEqual({ imageSize: 512, gridSize: 32, maskSize: 128 });
  });

  it.each([0, 48, 500, 1000, 4096, 512.5])('refuses a side of %d', (side) => {
    expect(() => geometryOf(side)).toThrow(/multiple of 32/);
  });
});
