import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { promptOne, rememberOne } from '../../../bench/one-object.ts';
import { fromHalf } from '../../../src/model/graph/half-float.ts';
import { MaskReduction } from '../../../src/model/sam2/mask-reduction.ts';
import { OnnxSam2Runtime } from '../../../src/model/sam2/onnx-sam2-runtime.ts';
import { prepareSam2 } from '../../../src/model/sam2/open-sam2.ts';
import type {
  Activations,
  DecodedObject,
  FrameFeatures,
  ObjectMemory,
  ObjectStep,
  PromptRequest,
} from '../../../src/model/sam2/sam2-runtime.ts';
import { openSessions } from '../../../src/model/sam2/sam2-sessions.ts';
import { codeOf } from './error-code.ts';
import { expectClose } from './golden.ts';
import { drawnPicture, RandomModel, smallSide } from './random-model.ts';

const maskLength = (smallSide / 4) ** 2;
const presence = 'sam_mask_decoder.pred_obj_score_head.layers.2.bias';
/** Rounding alone: masks have logits of up to 30. */
const rounding = 1e-4;

function clickAt(x: number, y: number, multimask = true): PromptRequest {
  return {
    ground: { kind: 'initial' },
    sparse: { points: Float32Array.of(x, y), labels: [1] },
    mask: null,
    multimask,
  };
}

const floats = (values: Activations) => (values instanceof Float32Array ? values : fromHalf(values));

function expectSame(actual: DecodedObject, expected: DecodedObject, atol: number, what: string): void {
  expectClose([actual.objectScore], [expected.objectScore], atol, `score of ${what}`);
  expectClose(actual.ious, expected.ious, atol, `IoUs of ${what}`);
  expect(actual.maskIndex, `mask index of ${what}`).toBe(expected.maskIndex);
  expectClose(actual.lowResMask, expected.lowResMask, atol, `mask of ${what}`);
  expectClose(floats(actual.pointer), floats(expected.pointer), atol, `pointer of ${what}`);
}

function expectSameStep(
  actual: ObjectStep | undefined,
  expected: ObjectStep | undefined,
  what: string,
): void {
  if (actual === undefined || expected === undefined) throw new Error(`there is no ${what}`);
  expectSame(actual, expected, rounding, what);
  expectClose(floats(actual.memory), floats(expected.memory), rounding, `memory of ${what}`);
}

describe('OnnxSam2Runtime', () => {
  let model: RandomModel;
  let fused: OnnxSam2Runtime;
  let apart: OnnxSam2Runtime;
  let features: FrameFeatures;
  /** Memories and pointers of seven pictures. */
  let remembered: { readonly memory: Activations; readonly pointer: Activations }[];

  beforeAll(async () => {
    model = await RandomModel.write();
    fused = await model.open({ fused: true });
    apart = await model.open({ fused: false });
    remembered = [];
    for (let seed = 1; seed < 8; seed++) {
      using earlier = await fused.encode(drawnPicture(smallSide, seed));
      const { lowResMask, objectScore, pointer } = await promptOne(
        fused,
        earlier,
        clickAt(30 + 7 * seed, 55),
      );
      remembered.push({ memory: await rememberOne(fused, earlier, lowResMask, objectScore), pointer });
    }
    features = await fused.encode(drawnPicture());
  });

  afterAll(async () => {
    features?.[Symbol.dispose]();
    await fused?.dispose();
    await apart?.dispose();
    model[Symbol.dispose]();
  });

  /** An object that was shown on picture `first` and has been seen on the next ones. */
  function objectOf(memories: number, pointers: number, first = 0): ObjectMemory {
    const at = (index: number) => remembered[(first + index) % remembered.length] ?? expect.fail();
    return {
      memories: Array.from({ length: memories }, (_, index) => ({
        memory: at(index).memory,
        row: index === 0 ? 6 : index - 1,
      })),
      pointers: Array.from({ length: pointers }, (_, index) => ({
        pointer: at(index).pointer,
        time: (index + 1) / 15,
      })),
    };
  }

  /** Banks of different fill, in no order. */
  const differentBanks = () => [
    objectOf(1, 1),
    objectOf(7, 16, 1),
    objectOf(2, 2, 3),
    objectOf(4, 9, 5),
    objectOf(1, 1, 2),
  ];

  it('tells objects and pictures apart', async () => {
    const [one, other] = await fused.step(features, [objectOf(2, 2), objectOf(2, 2, 3)]);
    using later = await fused.encode(drawnPicture(smallSide, 1));
    const [moved] = await fused.step(later, [objectOf(2, 2)]);
    const difference = (a?: ObjectStep, b?: ObjectStep) =>
      Math.max(...(a?.lowResMask ?? []).map((logit, at) => Math.abs(logit - (b?.lowResMask[at] ?? 0))));
    expect(difference(one, other)).toBeGreaterThan(1);
    expect(difference(one, moved)).toBeGreaterThan(1);
  });

  it('steps in one run as in three', async () => {
    const objects = differentBanks();
    const inOne = await fused.step(features, objects);
    const inThree = await apart.step(features, objects);
    for (const [at, step] of inOne.entries()) expectSameStep(step, inThree[at], `object ${at}`);
  });

  it.each([
    ['the fused graph', () => fused],
    ['graphs apart', () => apart],
  ])('finds an object among others as it does alone, with %s', async (_, runtimeOf) => {
    const objects = differentBanks();
    const together = await runtimeOf().step(features, objects);
    expect(together).toHaveLength(objects.length);
    for (const [at, object] of objects.entries()) {
      const [alone] = await runtimeOf().step(features, [object]);
      expectSameStep(together[at], alone, `object ${at}`);
    }
  });

  it('finds more objects than one run takes, in the order in which they were given', async () => {
    const { architecture, geometry, weights, graphs } = await prepareSam2(model.options());
    const small = new OnnxSam2Runtime({
      architecture,
      geometry,
      precision: 'float32',
      opened: await openSessions(async () => graphs, model.options()),
      fused: true,
      maskReduction: new MaskReduction(weights.readValues('mask_downsample.weight'), 0),
      absentPointer: weights.readValues('no_obj_ptr'),
      objectsPerRun: (memories) => (memories > 2 ? 1 : 2),
    });
    try {
      const objects = differentBanks();
      const all = await fused.step(features, objects);
      const inParts = await small.step(features, objects);
      expect(inParts).toHaveLength(objects.length);
      for (const [at, step] of inParts.entries()) expectSameStep(step, all[at], `object ${at}`);
    } finally {
      await small.dispose();
    }
  });

  it('finds the same in batches that are filled up, as on graphics processors', async () => {
    const { architecture, geometry, weights, graphs } = await prepareSam2(model.options());
    const opened = await openSessions(async () => graphs, model.options());
    const filling = new OnnxSam2Runtime({
      architecture,
      geometry,
      precision: 'float32',
      // Sizes of batches go by the provider's name.
      opened: { ...opened, provider: 'cuda' },
      fused: true,
      maskReduction: new MaskReduction(weights.readValues('mask_downsample.weight'), 0),
      absentPointer: weights.readValues('no_obj_ptr'),
      objectsPerRun: () => 8,
    });
    try {
      expect(filling.slowAtFirst).toEqual({
        objects: [1, 2, 3, 4, 6, 8],
        prompts: [1, 2, 3, 4, 6, 8, 12, 16],
      });
      expect(fused.slowAtFirst).toEqual({ objects: [], prompts: [] });
      using seen = await filling.encode(drawnPicture());
      for (const candidates of [false, true]) {
        const objects = differentBanks().map((object) => ({ ...object, candidates }));
        const steps = await filling.step(seen, objects);
        const expected = await fused.step(features, objects);
        expect(steps).toHaveLength(objects.length);
        for (const [at, step] of steps.entries()) expectSameStep(step, expected[at], `object ${at}`);
      }
      const requests = Array.from({ length: 5 }, (_, at) => clickAt(10 + 20 * at, 100 - 15 * at));
      const shown = await filling.promptAll(seen, requests);
      const wanted = await fused.promptAll(features, requests);
      expect(shown).toHaveLength(5);
      for (const [at, each] of shown.entries()) {
        expectSame(each, wanted[at] ?? expect.fail(), rounding, `prompt ${at}`);
      }
      const memories = await filling.rememberAll(seen, shown);
      const expected = await fused.rememberAll(features, shown);
      expect(memories).toHaveLength(5);
      for (const [at, memory] of memories.entries()) {
        expectClose(floats(memory), floats(expected[at] ?? expect.fail()), rounding, `memory ${at}`);
      }
      const clicks = Float32Array.from({ length: 10 }, (_, at) => 12 * at + 5);
      const { masks, ious } = await filling.propose(seen, clicks);
      const proposed = await fused.propose(features, clicks);
      expectClose(masks, proposed.masks, rounding, 'proposed masks');
      expectClose(ious, proposed.ious, rounding, 'IoUs of proposed masks');
    } finally {
      await filling.dispose();
    }
  });

  it('finds nothing for no objects', async () => {
    expect(await fused.step(features, [])).toEqual([]);
  });

  it('decodes a remembered picture without a prompt as a step does', async () => {
    const memory = objectOf(3, 4);
    const [step] = await fused.step(features, [memory]);
    const decoded = await promptOne(fused, features, {
      ground: { kind: 'remembered', memory },
      sparse: { points: new Float32Array(2), labels: [-1] },
      mask: null,
      multimask: true,
    });
    expectSame(decoded, step ?? expect.fail(), rounding, 'the prompt');
  });

  it('shows the three masks that a step chose from to those who ask', async () => {
    const objects = differentBanks().map((object, at) => ({ ...object, candidates: at !== 1 }));
    const plain = await fused.step(features, differentBanks());
    const steps = await fused.step(features, objects);
    for (const [at, { candidates, ...step }] of steps.entries()) {
      expectSameStep(step, plain[at], `object ${at}`);
      if (at === 1) {
        expect(candidates).toBeUndefined();
        continue;
      }
      if (candidates === undefined) throw new Error(`object ${at} has no candidates`);
      expect(step.objectScore).toBeGreaterThan(0);
      const best = step.ious.subarray(1).indexOf(Math.max(...step.ious.subarray(1)));
      expect(step.maskIndex).toBe(best + 1);
      const { masks, pointers } = candidates;
      expect(masks).toHaveLength(3 * maskLength);
      expect(masks.slice(best * maskLength, (best + 1) * maskLength)).toEqual(step.lowResMask);
      const length = step.pointer.length;
      expect(pointers).toHaveLength(3 * length);
      expect(pointers.slice(best * length, (best + 1) * length)).toEqual(step.pointer);
      const other = (best + 1) % 3;
      expect(masks.slice(other * maskLength, (other + 1) * maskLength)).not.toEqual(step.lowResMask);
    }
  });

  it('proposes what a prompt of each click gives, in several runs', async () => {
    const clicks = Array.from({ length: 18 }, (_, at): [number, number] => [5 + 7 * at, 120 - 5.5 * at]);
    const proposed = await fused.propose(features, Float32Array.from(clicks.flat()));
    const { masks, ious, objectScores, pointers } = proposed;
    expect([masks.length, ious.length, objectScores.length]).toEqual([18 * 3 * maskLength, 54, 18]);
    const { channels } = fused.architecture;
    expect(pointers).toHaveLength(54 * channels);
    for (const [at, [x, y]] of clicks.entries()) {
      const prompted = await promptOne(fused, features, clickAt(x, y));
      const name = `click ${at}`;
      expectClose([objectScores[at] as number], [prompted.objectScore], rounding, `score of ${name}`);
      expectClose(ious.subarray(at * 3, at * 3 + 3), prompted.ious.subarray(1), rounding, name);
      expect(prompted.objectScore, `score of ${name}`).toBeGreaterThan(0);
      const from = (at * 3 + prompted.maskIndex - 1) * maskLength;
      expectClose(masks.subarray(from, from + maskLength), prompted.lowResMask, rounding, name);
      const place = (from / maskLength) * channels;
      const pointer = floats(pointers).subarray(place, place + channels);
      expectClose(pointer, floats(prompted.pointer), rounding, `pointer of ${name}`);
    }
    const none = await fused.propose(features, new Float32Array(0));
    expect(Object.values(none).map(({ length }) => length)).toEqual([0, 0, 0, 0]);
  });

  /** Prompts of every kind, in no order; those of one kind differ. */
  function differentPrompts(): PromptRequest[] {
    const [x, y] = [40, 50];
    const sparse = (...labels: number[]) => ({
      points: Float32Array.from(labels.flatMap((_, at) => [x + 21 * at, y + 17 * at])),
      labels,
    });
    const logits = (shift: number) =>
      Float32Array.from({ length: maskLength }, (_, at) => ((at + shift) % 37) - 18);
    const refined = (memory: ObjectMemory, labels: number[], mask: Float32Array | null): PromptRequest => ({
      ground: { kind: 'remembered', memory },
      sparse: sparse(...labels),
      mask,
      multimask: false,
    });
    const given = (shift: number): PromptRequest => ({
      ground: { kind: 'raw' },
      sparse: { points: new Float32Array(2), labels: [-1] },
      mask: logits(shift),
      multimask: false,
    });
    return [
      clickAt(20, 30),
      given(1),
      { ...clickAt(0, 0, false), sparse: sparse(2, 3) },
      refined(objectOf(2, 2), [0], logits(3)),
      clickAt(90, 70, false),
      given(9),
      refined(objectOf(7, 16, 1), [1], logits(5)),
      { ...clickAt(60, 90), mask: logits(4) },
      refined(objectOf(1, 3, 4), [0], logits(8)),
      { ...clickAt(0, 0, false), sparse: sparse(0, 1, 1) },
      clickAt(64, 64),
      refined(objectOf(3, 3, 2), [1, 0], null),
    ];
  }

  it('decodes prompts among others as it does alone, in the order in which they were given', async () => {
    const requests = differentPrompts();
    const together = await fused.promptAll(features, requests);
    expect(together).toHaveLength(requests.length);
    for (const [at, request] of requests.entries()) {
      const alone = await promptOne(fused, features, request);
      expectSame(together[at] ?? expect.fail(), alone, rounding, `prompt ${at}`);
    }
    expect(await fused.promptAll(features, [])).toEqual([]);
  });

  it('remembers objects among others as it does alone, of the picture that it is asked about', async () => {
    const shown = await fused.promptAll(features, differentPrompts());
    const objects = [...shown, ...shown].map(({ lowResMask, objectScore }, at) => ({
      lowResMask,
      objectScore: at % 3 === 0 ? -objectScore : objectScore,
      isSoft: at % 2 === 0,
    }));
    using other = await fused.encode(drawnPicture(smallSide, 3));
    for (const picture of [features, other]) {
      const together = await fused.rememberAll(picture, objects);
      expect(together).toHaveLength(objects.length);
      for (const [at, { lowResMask, objectScore, isSoft }] of objects.entries()) {
        const kind = isSoft ? 'soft' : 'binary';
        const alone = await rememberOne(fused, picture, lowResMask, objectScore, kind);
        expectClose(floats(together[at] ?? expect.fail()), floats(alone), rounding, `memory of object ${at}`);
      }
    }
    expect(await fused.rememberAll(features, [])).toEqual([]);
  });

  it('remembers the outline of a prompted mask, and the doubts of a soft one', async () => {
    const { lowResMask, objectScore } = await promptOne(fused, features, clickAt(40, 50));
    const surer = lowResMask.map((logit) => logit * 3);
    const binary = await rememberOne(fused, features, lowResMask, objectScore);
    expect(await rememberOne(fused, features, lowResMask, objectScore, 'binary')).toEqual(binary);
    expect(await rememberOne(fused, features, surer, objectScore)).toEqual(binary);
    const soft = await rememberOne(fused, features, lowResMask, objectScore, 'soft');
    const distance = (one: Activations, other: Activations) =>
      Math.max(...floats(one).map((value, at) => Math.abs(value - (other[at] ?? 0))));
    expect(distance(soft, binary)).toBeGreaterThan(0.01);
    expect(distance(await rememberOne(fused, features, surer, objectScore, 'soft'), soft)).toBeGreaterThan(
      0.01,
    );
  });

  it('leaves the memory of a tracked frame that its soft mask leaves', async () => {
    const [step] = await fused.step(features, [objectOf(2, 3)]);
    const { lowResMask, objectScore, memory } = step ?? expect.fail();
    const soft = await rememberOne(fused, features, lowResMask, objectScore, 'soft');
    expectClose(floats(memory), floats(soft), rounding, 'memory');
  });

  it('writes into arrays that were given back, each once', async () => {
    const { lowResMask, objectScore } = await promptOne(fused, features, clickAt(60, 60));
    const expected = await rememberOne(fused, features, lowResMask, objectScore);
    const used = new Float32Array(expected.length).fill(Number.NaN);
    fused.recycle(used);
    fused.recycle(used);
    const first = await rememberOne(fused, features, lowResMask, objectScore);
    expect(first).toBe(used);
    expect(first).toEqual(expected);
    const second = await rememberOne(fused, features, lowResMask, objectScore);
    expect(second).not.toBe(used);
    expect(second).toEqual(expected);
    expect(() => fused.recycle(new Float32Array(expected.length - 1))).toThrow(RangeError);
    expect(() => fused.recycle(new Uint16Array(expected.length))).toThrow(TypeError);
  });

  it('gives arrays that later runs leave alone', async () => {
    const kept = await promptOne(fused, features, clickAt(40, 50));
    const [step] = await fused.step(features, [objectOf(3, 3)]);
    const copies = structuredClone([kept, step]);
    await promptOne(fused, features, clickAt(100, 90));
    await fused.step(features, differentBanks());
    expect([kept, step]).toEqual(copies);
  });

  it('keeps no hold on pixels, which may lie in shared memory', async () => {
    const picture = drawnPicture();
    const shared = new Uint8Array(new SharedArrayBuffer(picture.length));
    shared.set(picture);
    using encoded = await fused.encode(shared);
    shared.fill(0);
    using other = await fused.encode(drawnPicture(smallSide, 2));
    expect(other.imageSize).toBe(smallSide);
    const [before] = await fused.step(features, [objectOf(2, 2)]);
    const [now] = await fused.step(encoded, [objectOf(2, 2)]);
    expect(now).toEqual(before);
  });

  it('refuses arrays of wrong sizes', async () => {
    const click = clickAt(40, 50);
    const sparse = (points: Float32Array, labels: readonly number[]) => ({
      ...click,
      sparse: { points, labels },
    });
    const wrong: (() => Promise<unknown>)[] = [
      () => fused.encode(new Uint8Array(10)),
      () => fused.encode(drawnPicture(smallSide + 32)),
      () => promptOne(fused, features, sparse(new Float32Array(3), [1])),
      () => promptOne(fused, features, sparse(new Float32Array(2), [4])),
      () => promptOne(fused, features, { ...click, mask: new Float32Array(maskLength - 1) }),
      () => fused.propose(features, new Float32Array(5)),
      () => rememberOne(fused, features, new Float32Array(maskLength + 1), 1),
      () => fused.step(features, [{ ...objectOf(1, 1), pointers: [] }]),
      async () => fused.reduceMask(new Float32Array(maskLength)),
    ];
    for (const call of wrong) await expect(call()).rejects.toThrow(RangeError);
    expect(fused.reduceMask(new Float32Array(smallSide ** 2))).toHaveLength(maskLength);
  });

  it('fails in words, and goes on, when features were released or are not its own', async () => {
    const gone = await fused.encode(drawnPicture());
    gone[Symbol.dispose]();
    gone[Symbol.dispose]();
    const mask = new Float32Array(maskLength);
    const failed = 'TRACKCAST_INFERENCE_FAILED';
    expect(await codeOf(fused.step(gone, [objectOf(1, 1)]))).toBe(failed);
    expect(await codeOf(apart.step(gone, [objectOf(1, 1)]))).toBe(failed);
    expect(await codeOf(promptOne(fused, gone, clickAt(1, 1)))).toBe(failed);
    expect(await codeOf(fused.propose(gone, new Float32Array(2)))).toBe(failed);
    expect(await codeOf(rememberOne(fused, gone, mask, 1))).toBe(failed);
    const foreign: FrameFeatures = { imageSize: smallSide, [Symbol.dispose]: () => undefined };
    await expect(fused.step(foreign, [objectOf(1, 1)])).rejects.toThrow(TypeError);
    expect(await fused.step(features, [objectOf(1, 1)])).toHaveLength(1);
  });

  it('can be disposed of twice, and then says that it is closed', async () => {
    const runtime = await model.open();
    await runtime.dispose();
    await runtime.dispose();
    expect(await codeOf(runtime.encode(drawnPicture()))).toBe('TRACKCAST_INFERENCE_FAILED');
  });
});

describe('OnnxSam2Runtime without an object', () => {
  it.each([true, false])('gives no mask and the pointer of absence (fused: %s)', async (isFused) => {
    using model = await RandomModel.write({ replaced: { [presence]: [-40] } });
    const runtime = await model.open({ fused: isFused });
    try {
      using features = await runtime.encode(drawnPicture());
      const shown = await promptOne(runtime, features, clickAt(40, 50));
      const { channels, memoryChannels } = runtime.architecture;
      expect(runtime.absentPointer).toHaveLength(channels);
      const memory = new Float32Array((smallSide / 16) ** 2 * memoryChannels);
      const object: ObjectMemory = {
        memories: [{ memory, row: 6 }],
        pointers: [{ pointer: shown.pointer, time: 0.5 }],
        candidates: true,
      };
      const [found] = await runtime.step(features, [object]);
      for (const { lowResMask, objectScore, pointer } of [shown, found ?? expect.fail()]) {
        expect(objectScore).toBeLessThan(0);
        expect(new Set(lowResMask)).toEqual(new Set([-1024]));
        expect(pointer).toEqual(runtime.absentPointer);
      }
      // What it would look like if it was there.
      expect(new Set(found?.candidates?.masks).size).toBeGreaterThan(100);
      expect(found?.candidates?.pointers.slice(0, channels)).not.toEqual(runtime.absentPointer);
    } finally {
      await runtime.dispose();
    }
  });
});
