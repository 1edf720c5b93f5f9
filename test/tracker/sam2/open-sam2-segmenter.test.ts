import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { declareValue, GraphEditor } from '../../../src/model/graph/graph-editor.ts';
import { elementType } from '../../../src/model/graph/onnx-format.ts';
import { MaskReduction } from '../../../src/model/sam2/mask-reduction.ts';
import { OnnxSam2Runtime } from '../../../src/model/sam2/onnx-sam2-runtime.ts';
import { openSam2, prepareSam2 } from '../../../src/model/sam2/open-sam2.ts';
import { openSessions } from '../../../src/model/sam2/sam2-sessions.ts';
import { openSam2Segmenter, predictorOptionsOf } from '../../../src/tracker/sam2/open-sam2-segmenter.ts';
import { openWarmSam2 } from '../../../src/tracker/sam2/open-warm-sam2.ts';
import { codeOf } from '../../model/sam2/error-code.ts';
import { drawnPicture } from '../../model/sam2/random-model.ts';
import { liveModel, modelSide } from './live-model.ts';

/** A memory encoder that ONNX Runtime opens: only a run shows that its sizes do not fit together. */
function memoryEncoderThatFails(): Uint8Array {
  const { float32, int64 } = elementType;
  const editor = GraphEditor.create('memory encoder that fails', 20);
  editor.add('Add', ['features', 'low_res_mask'], {}, 'memory');
  editor.setInputs([
    declareValue('features', float32, ['frames', 'tokens', 'channels']),
    declareValue('frame_of_object', int64, ['objects']),
    declareValue('low_res_mask', float32, ['objects', 'one', 'rows', 'columns']),
    declareValue('binarize', float32, ['objects']),
    declareValue('object_score', float32, ['objects', 'scores']),
  ]);
  editor.setOutputs([declareValue('memory', float32, ['a', 'b', 'c', 'd'])]);
  return editor.finish();
}

describe('opening SAM 2 for live streams', () => {
  const models = liveModel('random');

  it('passes over providers that are not there, and tells why', async ({ skip }) => {
    const { sam2, intraOpThreads } = models();
    const wanted = ['cuda', 'webgpu', 'cpu'];
    const segmenter = await openSam2Segmenter(sam2, { executionProviders: wanted, intraOpThreads });
    try {
      const { provider, refusedProviders } = segmenter;
      if (provider !== 'cpu') {
        console.warn(`SKIPPED: ${provider} is here, so nothing shows how the CPU takes its place`);
        return skip();
      }
      expect(refusedProviders.map((refused) => refused.provider)).toEqual(['cuda', 'webgpu']);
      for (const { reason } of refusedProviders) expect(reason).toMatch(/\w+/);
      const side = modelSide;
      const result = await segmenter.segment({
        streamId: 'a',
        frameIndex: 0,
        pixels: drawnPicture(side),
        pixelSize: { width: side, height: side, contentWidth: side, contentHeight: side },
        width: side,
        height: side,
        targets: [],
        prompted: [],
        gridPoints: Float32Array.of(0.3, 0.4),
        forgotten: [],
        forgetAll: false,
      });
      expect(result.frameIndex).toBe(0);
    } finally {
      await segmenter.dispose();
    }
  });

  it('passes over a provider whose sessions open and fail to run, and lets go of them', async () => {
    const { sam2, intraOpThreads } = models();
    const options = { ...sam2, intraOpThreads, executionProviders: ['cpu'] };
    const { architecture, geometry, weights, graphs } = await prepareSam2(options);
    const path = join(sam2.folder, 'fails.onnx');
    writeFileSync(path, memoryEncoderThatFails());
    const opened = await openSessions(async () => new Map(graphs).set('memory_encoder', path), options);
    const missing = { provider: 'cuda', reason: 'no library' } as const;
    const failing = new OnnxSam2Runtime({
      architecture,
      geometry,
      precision: 'float32',
      opened: { ...opened, provider: 'webgpu', refused: [missing] },
      fused: true,
      maskReduction: new MaskReduction(weights.readValues('mask_downsample.weight'), 0),
      absentPointer: weights.readValues('no_obj_ptr'),
      objectsPerRun: () => 1,
    });
    const asked: (readonly string[])[] = [];
    const { runtime, refused } = await openWarmSam2(
      ['cuda', 'webgpu', 'cpu'],
      predictorOptionsOf(sam2),
      async (executionProviders) => {
        asked.push(executionProviders);
        return asked.length === 1 ? failing : openSam2({ ...options, executionProviders });
      },
    );
    try {
      expect(asked).toEqual([['cuda', 'webgpu', 'cpu'], ['cpu']]);
      expect(runtime.provider).toBe('cpu');
      expect(refused).toEqual([
        missing,
        {
          provider: 'webgpu',
          reason: expect.stringMatching(/^opens the model and fails to run it: memory_encoder failed: \S/),
        },
      ]);
      const picture = drawnPicture(modelSide);
      expect(await codeOf(failing.encode(picture))).toBe('TRACKCAST_INFERENCE_FAILED');
      using features = await runtime.encode(picture);
      expect(features.imageSize).toBe(modelSide);
    } finally {
      await runtime.dispose();
    }
  });

  it('ends with the failure where no provider is left', async () => {
    const { sam2, intraOpThreads } = models();
    await prepareSam2(sam2);
    const [graph] = readdirSync(sam2.folder).filter((name) => /^memory_encoder-cpu-.*\.onnx$/.test(name));
    writeFileSync(join(sam2.folder, graph ?? expect.fail()), memoryEncoderThatFails());
    const opening = openSam2Segmenter(sam2, { executionProviders: ['cpu'], intraOpThreads });
    await expect(opening).rejects.toMatchObject({
      code: 'TRACKCAST_INFERENCE_FAILED',
      message: expect.stringMatching(/^memory_encoder failed: /),
    });
  });
});
