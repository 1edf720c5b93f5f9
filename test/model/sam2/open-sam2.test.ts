import { existsSync, readdirSync, rmSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { promptOne, rememberOne } from '../../../bench/one-object.ts';
import { writeRandomSam2 } from '../../../bench/random-sam2.ts';
import { maskIou } from '../../../src/mask/mask-iou.ts';
import { openCheckpoint } from '../../../src/model/checkpoint/checkpoint.ts';
import { type WritableTensor, writeSafetensors } from '../../../src/model/checkpoint/safetensors-writer.ts';
import { fromHalf, toHalf } from '../../../src/model/graph/half-float.ts';
import type { OnnxSam2Runtime } from '../../../src/model/sam2/onnx-sam2-runtime.ts';
import { openSam2, prepareSam2 } from '../../../src/model/sam2/open-sam2.ts';
import type { Activations, DecodedObject, ObjectStep } from '../../../src/model/sam2/sam2-runtime.ts';
import { importModel } from '../../../src/model/store/import-model.ts';
import { resolveModel } from '../../../src/model/store/resolve-model.ts';
import { CameraPredictor, type ObjectResult } from '../../../src/tracker/sam2/camera-predictor.ts';
import { publishedOptions } from '../../tracker/sam2/scenario.ts';
import { codeOf } from './error-code.ts';
import { drawnPicture, RandomModel, smallSide } from './random-model.ts';

const floats = (values: Activations) => (values instanceof Float32Array ? values : fromHalf(values));

/** Rewrites a checkpoint with weights of half the size. */
async function halveCheckpoint(path: string, type: 'F16' | 'BF16'): Promise<void> {
  const checkpoint = await openCheckpoint(path);
  const tensors: WritableTensor[] = [];
  try {
    for (const [name, { shape }] of checkpoint.tensors) {
      const values = await checkpoint.readFloats(name);
      const bits = new Uint32Array(values.buffer);
      const halves = type === 'F16' ? toHalf(values) : Uint16Array.from(bits, (each) => each >>> 16);
      tensors.push({ name, type, shape, data: new Uint8Array(halves.buffer) });
    }
  } finally {
    await checkpoint.close();
  }
  await writeSafetensors(path, tensors);
}

interface Seen {
  readonly shown: DecodedObject;
  readonly memory: Activations;
  readonly found: ObjectStep;
}

/** Shows an object on one picture and finds it on the next. */
async function seeTwice(runtime: OnnxSam2Runtime): Promise<Seen> {
  using first = await runtime.encode(drawnPicture(smallSide));
  using second = await runtime.encode(drawnPicture(smallSide, 1));
  const shown = await promptOne(runtime, first, {
    ground: { kind: 'initial' },
    sparse: { points: Float32Array.of(44, 52), labels: [1] },
    mask: null,
    multimask: true,
  });
  const memory = await rememberOne(runtime, first, shown.lowResMask, shown.objectScore);
  const object = { memories: [{ memory, row: 6 }], pointers: [{ pointer: shown.pointer, time: 1 / 15 }] };
  const [found] = await runtime.step(second, [object]);
  return { shown, memory, found: found ?? expect.fail() };
}

async function seeWith(model: RandomModel, wanted: Parameters<RandomModel['open']>[0] = {}): Promise<Seen> {
  const runtime = await model.open(wanted);
  try {
    return await seeTwice(runtime);
  } finally {
    await runtime.dispose();
  }
}

/** Tracks two objects over a few frames. */
async function track(runtime: OnnxSam2Runtime, frames: number): Promise<ObjectResult[]> {
  const predictor = new CameraPredictor(runtime, publishedOptions);
  const results: ObjectResult[] = [];
  try {
    for (let frame = 0; frame < frames; frame++) {
      await predictor.show(frame, drawnPicture(smallSide, frame), smallSide, smallSide);
      if (frame < 2) {
        const points = [{ x: 40 + 30 * frame, y: 50, positive: true }];
        results.push(await predictor.prompt(frame, { kind: 'points', points }));
      }
      results.push(...(await predictor.track()).values());
    }
  } finally {
    predictor.dispose();
  }
  return results;
}

const insideOf = (logits: Float32Array) => Uint8Array.from(logits, (logit) => (logit > 0 ? 1 : 0));

interface Distances {
  /** Means of absolute differences, of logits that reach 30 and memories that reach 6. */
  readonly prompted: number;
  readonly tracked: number;
  readonly memory: number;
  readonly score: number;
}

/** Expects two models to be no further apart than rounded weights make them. A flipped pixel of a prompted mask counts. */
function expectLoosely(actual: Seen, expected: Seen, limit: Distances): void {
  const mean = (one: ArrayLike<number>, other: ArrayLike<number>) =>
    Array.from(one).reduce((sum, value, at) => sum + Math.abs(value - (other[at] as number)), 0) / one.length;
  const { shown, found, memory } = actual;
  const distances: Distances = {
    prompted: mean(shown.lowResMask, expected.shown.lowResMask),
    tracked: mean(found.lowResMask, expected.found.lowResMask),
    memory: mean(floats(memory), floats(expected.memory)),
    score: Math.abs(found.objectScore - expected.found.objectScore),
  };
  for (const what of Object.keys(limit) as (keyof Distances)[]) {
    expect(distances[what], what).toBeGreaterThan(0);
    expect(distances[what], what).toBeLessThan(limit[what]);
  }
  expect(shown.maskIndex).toBe(expected.shown.maskIndex);
  expect(found.maskIndex).toBe(expected.found.maskIndex);
  const overlap = maskIou(insideOf(found.lowResMask), insideOf(expected.found.lowResMask));
  expect(overlap).toBeGreaterThan(0.85);
}

/** About three times what was measured; models of other seeds are some 5 apart. */
const halfLimits: Distances = { prompted: 0.03, tracked: 0.6, memory: 0.16, score: 0.15 };
const brainLimits: Distances = { prompted: 0.4, tracked: 0.8, memory: 0.4, score: 0.15 };

describe('openSam2', () => {
  it('tracks at the size for which the model was trained, unless another is asked for', async () => {
    using model = await RandomModel.write();
    const { imageSize: _, ...options } = model.options();
    const runtime = await openSam2(options);
    expect(runtime.geometry).toEqual({ imageSize: 256, gridSize: 16, maskSize: 64 });
    await runtime.dispose();
    expect(await codeOf(model.open({ imageSize: 100 }))).toBe('TRACKCAST_CONFIG_INVALID');
  });

  it.each(['2.0', '2.1'] as const)('opens SAM %s and tracks', async (version) => {
    using model = await RandomModel.write({ version });
    const runtime = await model.open();
    try {
      expect(runtime.architecture).toMatchObject({ family: 'hiera_nano', version });
      const results = await track(runtime, 10);
      expect(results).toHaveLength(2 + 9 + 8);
      for (const { objectScore, lowResMask, pointer, ious } of results) {
        expect(Number.isFinite(objectScore)).toBe(true);
        const numbers = [...lowResMask, ...floats(pointer), ...ious];
        expect(numbers.every(Number.isFinite)).toBe(true);
      }
      expect(results.some(({ lowResMask }) => insideOf(lowResMask).includes(1))).toBe(true);
    } finally {
      await runtime.dispose();
    }
  });

  it('reads PyTorch files as it reads safetensors', async () => {
    using model = await RandomModel.write();
    using other = await RandomModel.write();
    const checkpoint = join(other.folder, 'checkpoint.pt');
    await writeRandomSam2(checkpoint, 'hiera_nano');
    expect(await seeWith(other, { checkpoint })).toEqual(await seeWith(model));
    expect(existsSync(join(other.folder, 'weights-float32.bin'))).toBe(false);
  });

  it.each([
    ['F16', halfLimits],
    ['BF16', brainLimits],
  ] as const)('widens weights of %s once', async (type, limits) => {
    using exact = await RandomModel.write();
    using model = await RandomModel.write();
    await halveCheckpoint(model.checkpoint, type);
    const seen = await seeWith(model);
    const widened = join(model.folder, 'weights-float32.bin');
    const { ino, size } = statSync(widened);
    expect(size).toBeGreaterThan(1.9 * statSync(model.checkpoint).size);
    expect(await seeWith(model)).toEqual(seen);
    expect(statSync(widened).ino).toBe(ino);
    expectLoosely(seen, await seeWith(exact), limits);
  });

  it('writes weights anew that were made from another checkpoint', async () => {
    using model = await RandomModel.write({ seed: 1 });
    using other = await RandomModel.write({ seed: 2 });
    await halveCheckpoint(other.checkpoint, 'F16');
    const expected = await seeWith(other);
    await halveCheckpoint(model.checkpoint, 'F16');
    await seeWith(model);
    expect(await seeWith(model, { checkpoint: other.checkpoint })).toEqual(expected);
  });

  it.each([true, false])('tracks in half precision (fused: %s)', async (fused) => {
    using model = await RandomModel.write();
    const seen = await seeWith(model, { precision: 'float16', fused });
    expect(seen.memory).toBeInstanceOf(Uint16Array);
    expect(seen.found.memory).toBeInstanceOf(Uint16Array);
    expect(seen.found.pointer).toBeInstanceOf(Uint16Array);
    expect(readdirSync(model.folder)).toContain('weights-float16.bin');
    expectLoosely(seen, await seeWith(model, { fused }), halfLimits);
  });
});

describe('a model of the store whose graph is damaged', () => {
  it.each([
    {
      kind: 'is given by its path',
      add: (model: RandomModel, store: string) => resolveModel(model.checkpoint, store),
      remedy: (folder: string) => `delete the folder ${folder},`,
      renew: async (_: RandomModel, __: string, folder: string) => rmSync(folder, { recursive: true }),
    },
    {
      kind: 'has a name',
      add: async (model: RandomModel, store: string) => {
        await importModel(store, model.checkpoint, { name: 'endo', replace: false });
        return resolveModel('endo', store);
      },
      remedy: () => "import the model 'endo' again with --replace",
      renew: async (model: RandomModel, store: string) => {
        await importModel(store, model.checkpoint, { name: 'endo', replace: true });
      },
    },
  ])('says what to do about it, and that works, where it $kind', async ({ add, remedy, renew }) => {
    using model = await RandomModel.write();
    const store = join(model.folder, 'store');
    const { checkpoint, folder } = await add(model, store);
    const { graphs } = await prepareSam2(model.options({ checkpoint, folder }));
    truncateSync(graphs.get('memory_encoder') ?? expect.fail(), 100);
    await expect(model.open({ checkpoint, folder })).rejects.toMatchObject({
      code: 'TRACKCAST_MODEL_INVALID',
      message: expect.stringContaining(remedy(folder)),
    });
    await renew(model, store, folder);
    const renewed = await add(model, store).catch(() => resolveModel('endo', store));
    const runtime = await model.open({ checkpoint: renewed.checkpoint, folder: renewed.folder });
    await runtime.dispose();
  });
});
