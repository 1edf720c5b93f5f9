import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { GraphTarget } from '../../../src/model/graph/graph-builder.ts';
import { toHalf } from '../../../src/model/graph/half-float.ts';
import { MaskReduction } from '../../../src/model/sam2/mask-reduction.ts';
import { OnnxSam2Runtime } from '../../../src/model/sam2/onnx-sam2-runtime.ts';
import { prepareSam2, type Sam2Options } from '../../../src/model/sam2/open-sam2.ts';
import { openSessions } from '../../../src/model/sam2/sam2-sessions.ts';
import { RandomModel, smallSide } from './random-model.ts';
import { expectSamePerformance, perform } from './runtime-scenario.ts';

/** Side of a picture with more tokens than attention on WebGPU takes at a time. */
const severalParts = 640;

let model: RandomModel;

beforeAll(async () => {
  model = await RandomModel.write();
});

afterAll(() => model[Symbol.dispose]());

/** Graphs that are built for one provider, on the CPU. */
async function openBuiltFor(target: GraphTarget, wanted: Partial<Sam2Options>): Promise<OnnxSam2Runtime> {
  const options = model.options(wanted);
  const { architecture, geometry, weights, graphs } = await prepareSam2(options, target);
  const pointer = weights.readValues('no_obj_ptr');
  return new OnnxSam2Runtime({
    architecture,
    geometry,
    precision: options.precision,
    opened: await openSessions(async () => graphs, options),
    fused: options.fused,
    maskReduction: new MaskReduction(weights.readValues('mask_downsample.weight'), 0),
    absentPointer: options.precision === 'float32' ? pointer : toHalf(pointer),
    objectsPerRun: () => 8,
  });
}

async function performBuiltFor(target: GraphTarget, wanted: Partial<Sam2Options>) {
  const runtime = await openBuiltFor(target, wanted);
  try {
    return await perform(runtime);
  } finally {
    await runtime.dispose();
  }
}

describe.each(['cuda', 'webgpu'] as const)('graphs for %s', (target) => {
  it.each<[string, number, Partial<Sam2Options>]>([
    ['in one run', 1e-3, {}],
    ['in three runs', 1e-3, { fused: false }],
    ['of a large picture', 1e-3, { imageSize: severalParts }],
    ['in half precision', 0.5, { precision: 'float16' }],
  ])('give what those for the CPU give, %s', async (_, atol, wanted) => {
    const expected = await performBuiltFor('cpu', wanted);
    const runtime = await openBuiltFor(target, wanted);
    try {
      expectSamePerformance(await perform(runtime, expected), expected, atol);
    } finally {
      await runtime.dispose();
    }
  });

  it('lie beside those for others, and keep to what the provider can do', async () => {
    const { graphs } = await prepareSam2(model.options(), target);
    await prepareSam2(model.options(), 'cpu');
    for (const [name, path] of graphs) {
      expect(path).toContain(`${name}-${target}-${smallSide}-`);
      const graph = readFileSync(path);
      expect(graph.includes('Scan'), name).toBe(false);
      const hasFusedAttention = graph.includes('MultiHeadAttention');
      if (target === 'cuda' && name === 'image_encoder') expect(hasFusedAttention).toBe(true);
      if (target === 'webgpu' && /encoder|decoder/.test(name)) expect(hasFusedAttention, name).toBe(false);
    }
  });
});

describe('openSessions', () => {
  it('builds no graphs for a provider that is not there', async () => {
    using fresh = await RandomModel.write();
    const runtime = await fresh.open({ executionProviders: ['cuda', 'webgpu', 'cpu'] });
    try {
      const files = readdirSync(fresh.folder).filter((name) => name.endsWith('.onnx'));
      expect(files.every((name) => name.includes(`-${runtime.provider}-`))).toBe(true);
      expect(files.length).toBeGreaterThan(0);
    } finally {
      await runtime.dispose();
    }
  });
});
