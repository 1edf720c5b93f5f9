import { afterAll, beforeAll, describe, it } from 'vitest';
import type { Precision } from '../../../src/model/graph/graph-builder.ts';
import type { OnnxSam2Runtime } from '../../../src/model/sam2/onnx-sam2-runtime.ts';
import { RandomModel } from './random-model.ts';
import { expectSamePerformance, perform } from './runtime-scenario.ts';

/** Of nano's logits, up to 30: products of CUDA's TF32 and of WebGPU's half precision are as coarse as half floats. */
const tolerances = {
  webgpu: { float32: 1e-3, float16: 1 },
  cuda: { float32: 0.2, float16: 0.2 },
} as const;

/** Software drivers compile each kernel for seconds. */
const timeout = 600_000;

describe.each(['webgpu', 'cuda'] as const)('SAM 2 on %s', (provider) => {
  let model: RandomModel;

  beforeAll(async () => {
    model = await RandomModel.write();
  });

  afterAll(() => model[Symbol.dispose]());

  async function openOnDevice(precision: Precision, fused: boolean): Promise<OnnxSam2Runtime | string> {
    try {
      return await model.open({ precision, fused, executionProviders: [provider] });
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  it.for([
    ['float32', true],
    ['float32', false],
    ['float16', true],
  ] as const)('agrees with the CPU in %s (fused: %s)', { timeout }, async ([precision, fused], { skip }) => {
    const device = await openOnDevice(precision, fused);
    if (typeof device === 'string') {
      console.warn(`SKIPPED: SAM 2 is not checked on ${provider}: ${device}`);
      return skip(device);
    }
    const cpu = await model.open({ precision, fused });
    try {
      const expected = await perform(cpu);
      expectSamePerformance(await perform(device, expected), expected, tolerances[provider][precision]);
    } finally {
      await device.dispose();
      await cpu.dispose();
    }
  });
});
