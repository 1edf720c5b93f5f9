import { describe, expect, it } from 'vitest';
import { TrackcastError } from '../../../src/errors.ts';
import { encodeRunLength } from '../../../src/mask/run-length.ts';
import type { PromptShape } from '../../../src/prompting/prompt.ts';
import { CameraPredictor, type CameraPredictorOptions } from '../../../src/tracker/sam2/camera-predictor.ts';
import { FakeRuntime, fakeImageSize, fakeMaskSize, fakePixels } from './fake-runtime.ts';
import { publishedOptions } from './scenario.ts';

const [width, height] = [64, 16];
const click: PromptShape = { kind: 'points', points: [{ x: 8, y: 4, positive: true }] };
const negativeClick: PromptShape = { kind: 'points', points: [{ x: 48, y: 12, positive: false }] };
const box: PromptShape = { kind: 'box', box: { x: 16, y: 2, width: 32, height: 8 } };

function open(options: Partial<CameraPredictorOptions> = {}) {
  const runtime = new FakeRuntime();
  const predictor = new CameraPredictor(runtime, { ...publishedOptions, ...options });
  const show = (frame: number) => predictor.show(frame, fakePixels(frame), width, height);
  return { runtime, predictor, show };
}

function maskOf(inside: (x: number, y: number) => boolean): PromptShape {
  const mask = Uint8Array.from({ length: width * height }, (_, at) =>
    inside(at % width, Math.floor(at / width)) ? 1 : 0,
  );
  return { kind: 'mask', mask: encodeRunLength(mask, width, height) };
}

describe('several prompts at once', () => {
  const square = maskOf((x, y) => x < 20 && y < 9);

  it('come to what each comes to by itself, in one batch, first prompts and corrections alike', async () => {
    const [one, all] = [open(), open()];
    for (const { predictor, show } of [one, all]) {
      await show(0);
      await predictor.prompt(1, click);
      await show(1);
      await predictor.track();
    }
    const prompts = [
      { objectId: 3, shape: square },
      { objectId: 1, shape: negativeClick },
      { objectId: 2, shape: box },
    ];
    const apart = [];
    for (const { objectId, shape } of prompts) apart.push(await one.predictor.prompt(objectId, shape));
    all.runtime.promptBatches.length = 0;
    const together = await all.predictor.promptAll(prompts);
    expect([...together.values()]).toEqual(apart);
    expect(apart.map(({ provenance }) => provenance)).toEqual(['conditioned', 'refined', 'conditioned']);
    expect(all.runtime.promptBatches).toEqual([3]);
    for (const { show } of [one, all]) await show(2);
    expect([...(await all.predictor.track())]).toEqual([...(await one.predictor.track())]);
    expect(all.predictor.objectIds()).toEqual([1, 3, 2]);
  });

  it('are refused for one object, and come to nothing when one of them is bad or the model fails', async () => {
    const { runtime, predictor, show } = open();
    await show(0);
    const twice = [click, box].map((shape) => ({ objectId: 1, shape }));
    await expect(predictor.promptAll(twice)).rejects.toThrow(RangeError);
    const nothing = { objectId: 2, shape: { kind: 'points', points: [] } } as const;
    await expect(predictor.promptAll([{ objectId: 1, shape: click }, nothing])).rejects.toMatchObject({
      code: 'TRACKCAST_PROMPT_INVALID',
    });
    runtime.failure = new TrackcastError('TRACKCAST_INFERENCE_FAILED', 'out of memory');
    await expect(predictor.promptAll([{ objectId: 1, shape: click }])).rejects.toThrow('out of memory');
    expect(predictor.objectIds()).toEqual([]);
    expect(runtime.memories.size).toBe(0);
  });
});

describe('a first prompt', () => {
  it('scales clicks by width and height apart, asks for the best of three masks, and looks at no memory', async () => {
    const { runtime, predictor, show } = open();
    await show(0);
    const result = await predictor.prompt(1, click);
    expect(runtime.prompts).toEqual([
      {
        ground: { kind: 'initial' },
        sparse: { points: Float32Array.of(4, 8), labels: [1] },
        mask: null,
        multimask: true,
      },
    ]);
    expect(result).toMatchObject({
      objectId: 1,
      provenance: 'conditioned',
      attended: { memories: [], pointers: [] },
    });
    expect(runtime.remembered).toEqual([{ mask: result.lowResMask, kind: 'binary' }]);
  });

  it('puts the corners of a box before clicks, and then asks for one mask', async () => {
    const { runtime, predictor, show } = open();
    await show(0);
    await predictor.prompt(1, box);
    await predictor.prompt(2, { kind: 'points', points: [{ x: 8, y: 4, positive: false }], box: box.box });
    expect(runtime.prompts[0]?.sparse).toEqual({ points: Float32Array.of(8, 4, 24, 20), labels: [2, 3] });
    expect(runtime.prompts[0]?.multimask).toBe(false);
    expect(runtime.prompts[1]?.sparse).toEqual({
      points: Float32Array.of(8, 4, 24, 20, 4, 8),
      labels: [2, 3, 0],
    });
  });

  it('conditions a known object anew, without memory, on a frame that it was not tracked on', async () => {
    const { runtime, predictor, show } = open();
    await show(0);
    await predictor.prompt(1, click);
    await show(1);
    const result = await predictor.prompt(1, click);
    expect(result.provenance).toBe('conditioned');
    expect(runtime.prompts[1]?.ground.kind).toBe('initial');
    expect(runtime.prompts[1]?.mask).toBeNull();
    expect((await predictor.track()).size).toBe(0);
    await show(2);
    const tracked = (await predictor.track()).get(1);
    expect(tracked?.attended.memories).toEqual([
      { frame: 0, row: 6 },
      { frame: 1, row: 6 },
    ]);
  });
});

describe('a further prompt on a frame that was conditioned', () => {
  it('replaces the clicks, goes with the logits before, and stays without memory', async () => {
    const { runtime, predictor, show } = open();
    await show(0);
    await predictor.prompt(1, box);
    await show(1);
    const first = await predictor.prompt(1, click);
    const second = await predictor.prompt(1, negativeClick);
    const clamped = first.lowResMask.map((logit) => Math.min(32, Math.max(-32, logit)));
    expect(clamped).not.toEqual(first.lowResMask);
    expect(runtime.prompts[2]).toEqual({
      ground: { kind: 'initial' },
      sparse: { points: Float32Array.of(24, 24), labels: [0] },
      mask: clamped,
      multimask: true,
    });
    expect(second.provenance).toBe('conditioned');
    // The frame's memory is that of the last prompt; the one before it was given back.
    expect(runtime.memories.size).toBe(2);
    await show(2);
    expect((await predictor.track()).get(1)?.attended.memories).toHaveLength(2);
  });

  it('adds clicks where earlier ones are kept, which then ask for one mask', async () => {
    const { runtime, predictor, show } = open();
    await show(0);
    await predictor.prompt(1, click);
    await predictor.prompt(1, negativeClick, { keepsEarlierPoints: true });
    expect(runtime.prompts[1]?.sparse).toEqual({ points: Float32Array.of(4, 8, 24, 24), labels: [1, 0] });
    expect(runtime.prompts[1]?.multimask).toBe(false);
  });

  it('cannot add a box to clicks', async () => {
    const { predictor, show } = open();
    await show(0);
    await predictor.prompt(1, click);
    const adding = predictor.prompt(1, box, { keepsEarlierPoints: true });
    await expect(adding).rejects.toMatchObject({ code: 'TRACKCAST_PROMPT_INVALID' });
  });

  it('keeps no clicks from before a mask', async () => {
    const { runtime, predictor, show } = open();
    await show(0);
    await predictor.prompt(1, click);
    await predictor.prompt(
      1,
      maskOf((x) => x < 32),
    );
    await predictor.prompt(1, negativeClick, { keepsEarlierPoints: true });
    expect(runtime.prompts.at(-1)?.sparse.labels).toEqual([0]);
    expect(Math.max(...(runtime.prompts.at(-1)?.mask ?? []))).toBe(10);
  });
});

describe('a correction', () => {
  it('looks through the memory of other frames, with the logits before as its dense prompt', async () => {
    const { runtime, predictor, show } = open();
    await show(0);
    await predictor.prompt(1, click);
    for (const frame of [1, 2]) {
      await show(frame);
      await predictor.track();
    }
    const before = runtime.steps.at(-1)?.[0];
    const corrected = await predictor.prompt(1, negativeClick);
    const again = await predictor.prompt(1, click);
    for (const result of [corrected, again]) {
      expect(result.provenance).toBe('refined');
      expect(result.attended.memories).toEqual([
        { frame: 0, row: 6 },
        { frame: 1, row: 0 },
      ]);
    }
    expect(runtime.prompts[1]?.ground).toEqual({ kind: 'remembered', memory: before });
    expect(runtime.prompts[1]?.mask).not.toBeNull();
    expect(runtime.remembered.at(-1)?.kind).toBe('binary');
    expect((await predictor.track()).size).toBe(0);
  });

  it.each([
    {
      correctionsCondition: false,
      rows: [
        [0, 6],
        [1, 0],
      ],
    },
    {
      correctionsCondition: true,
      rows: [
        [0, 6],
        [1, 6],
      ],
    },
  ])(
    'replaces the memory of its frame (conditioning: $correctionsCondition)',
    async ({ rows, ...options }) => {
      const { runtime, predictor, show } = open(options);
      await show(0);
      await predictor.prompt(1, click);
      await show(1);
      await predictor.track();
      await predictor.prompt(1, negativeClick);
      expect(runtime.memories.size).toBe(2);
      await show(2);
      const { attended } = (await predictor.track()).get(1) ?? {};
      expect(attended?.memories.map(({ frame, row }) => [frame, row])).toEqual(rows);
      expect(attended?.pointers.map(({ frame }) => frame)).toEqual([0, 1]);
    },
  );

  it('by a mask takes the mask as it is', async () => {
    const { runtime, predictor, show } = open();
    await show(0);
    await predictor.prompt(1, click);
    await show(1);
    await predictor.track();
    const result = await predictor.prompt(
      1,
      maskOf((x) => x < 32),
    );
    expect(result.provenance).toBe('refined');
    expect(result.attended.memories).toEqual([]);
    expect(runtime.prompts[1]?.ground.kind).toBe('raw');
  });
});

describe('a mask prompt', () => {
  it('is its own result; the decoder is only asked for the pointer', async () => {
    const { runtime, predictor, show } = open();
    await show(0);
    const result = await predictor.prompt(
      1,
      maskOf((x) => x < 32),
    );
    expect(result.objectScore).toBe(10);
    expect([...result.ious]).toEqual([1, 1, 1, 1]);
    const row = [...result.lowResMask.subarray(0, fakeMaskSize)];
    expect(row[0]).toBeCloseTo(10, 4);
    expect(row[fakeMaskSize - 1]).toBeCloseTo(-10, 4);
    expect(runtime.prompts[0]).toMatchObject({ ground: { kind: 'raw' }, multimask: false });
    // One point that is none, to which the runtime adds the padding point.
    expect(runtime.prompts[0]?.sparse).toEqual({ points: new Float32Array(2), labels: [-1] });
    expect(runtime.prompts[0]?.mask?.length).toBe(fakeMaskSize ** 2);
  });

  it('without a pixel says that the object is absent', async () => {
    const { runtime, predictor, show } = open();
    await show(0);
    const result = await predictor.prompt(
      1,
      maskOf(() => false),
    );
    expect(result.objectScore).toBe(-10);
    expect(result.pointer).toBe(runtime.absentPointer);
    expect([...new Set(result.lowResMask)]).toEqual([-10]);
  });
});

describe('tracking', () => {
  it('is one batch of all objects that are not prompted on the frame, or of those asked for', async () => {
    const { runtime, predictor, show } = open();
    await show(0);
    for (const objectId of [4, 2, 9]) await predictor.prompt(objectId, click);
    await show(1);
    await predictor.prompt(2, click);
    await predictor.prompt(7, click);
    expect([...(await predictor.track()).keys()]).toEqual([4, 9]);
    expect(runtime.steps.map((objects) => objects.length)).toEqual([2]);
    expect((await predictor.track()).size).toBe(0);
    await show(2);
    expect([...(await predictor.track(new Set([9, 7, 100]))).keys()]).toEqual([9, 7]);
    expect([...(await predictor.track()).keys()]).toEqual([4, 2]);
  });

  it('measures time in frames on which the object was looked for', async () => {
    const { predictor, show } = open();
    await show(10);
    await predictor.prompt(1, click);
    for (const frame of [13, 20]) {
      await show(frame);
      await predictor.track();
    }
    await show(21);
    await show(40);
    const { attended } = (await predictor.track()).get(1) ?? {};
    expect(attended?.memories).toEqual([
      { frame: 10, row: 6 },
      { frame: 13, row: 1 },
      { frame: 20, row: 0 },
    ]);
    expect(attended?.pointers).toEqual([
      { frame: 10, time: 3 / 15 },
      { frame: 20, time: 1 / 15 },
      { frame: 13, time: 2 / 15 },
    ]);
  });

  it('remembers tracked masks before their holes are filled, and prompted ones after', async () => {
    const { runtime, predictor, show } = open({ holeArea: 1 });
    const holed = new Float32Array(fakeMaskSize ** 2).fill(5);
    holed[9] = -3;
    runtime.script = () => ({ lowResMask: holed.slice(), objectScore: 1 });
    await show(0);
    await predictor.prompt(1, click);
    await show(1);
    const tracked = (await predictor.track()).get(1);
    expect(tracked?.lowResMask[9]).toBeCloseTo(0.1);
    expect(runtime.remembered).toHaveLength(1);
    await predictor.prompt(1, negativeClick);
    // The filled mask is what goes with a correction.
    expect(runtime.prompts.at(-1)?.mask?.[9]).toBeCloseTo(0.1);
    const corrected = await predictor.prompt(1, {
      kind: 'mask',
      mask: encodeRunLength(
        Uint8Array.from({ length: fakeImageSize ** 2 }, (_, at) => {
          const [x, y] = [at % fakeImageSize, Math.floor(at / fakeImageSize)];
          return x >= 12 && x < 16 && y >= 12 && y < 16 ? 0 : 1;
        }),
        fakeImageSize,
        fakeImageSize,
      ),
    });
    expect(corrected.lowResMask[3 * fakeMaskSize + 3]).toBeCloseTo(0.1);
    expect(runtime.remembered.at(-1)?.mask).toEqual(corrected.lowResMask);
  });
});

describe('conditioning frames', () => {
  async function promptOn(frames: readonly number[], options: Partial<CameraPredictorOptions>) {
    const opened = open(options);
    for (let frame = 0; frame <= (frames.at(-1) as number); frame++) {
      await opened.show(frame);
      if (frames.includes(frame)) await opened.predictor.prompt(1, click);
      else await opened.predictor.track();
    }
    return opened;
  }

  it('beyond the limit count as any other frame while they are near, and then are let go of', async () => {
    const { predictor, show } = await promptOn([0, 9, 11, 13], { maxConditioningFrames: 2 });
    const attendedOn = async (frame: number) => {
      await show(frame);
      return (await predictor.track()).get(1)?.attended;
    };
    await attendedOn(14);
    // What the published predictor attends to in the same case.
    const attended = await attendedOn(15);
    expect(attended?.memories.map(({ frame, row }) => [frame, row])).toEqual([
      [13, 6],
      [11, 6],
      [9, 5],
      [10, 4],
      [12, 2],
      [14, 0],
    ]);
    expect(attended?.pointers.map(({ frame }) => frame)).toEqual([
      13, 11, 14, 12, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0,
    ]);
    for (let frame = 16; frame < 40; frame++) await attendedOn(frame);
    expect(predictor.bankSizes().get(1)?.conditioning).toBe(2);
  });

  it('are the first and the newest where there are more than are kept', async () => {
    const frames = [0, 1, 2, 3, 4, 5, 6];
    const { runtime, predictor, show } = await promptOn(frames, { keptConditioningFrames: 3 });
    await show(7);
    const attended = (await predictor.track()).get(1)?.attended;
    expect(attended?.memories.map(({ frame }) => frame)).toEqual([0, 5, 6]);
    // Three conditioning frames, and the one that was just tracked.
    expect(runtime.memories.size).toBe(4);
  });

  it('can be shown ahead of their turn, and are then attended to from the past', async () => {
    const { runtime, predictor, show } = open();
    const showAhead = (frame: number) => predictor.showAhead(frame, fakePixels(frame), width, height);
    await showAhead(4);
    const ahead = await predictor.prompt(1, click);
    expect(ahead.provenance).toBe('conditioned');
    await expect(predictor.track()).rejects.toThrow('in their turn');
    await showAhead(2);
    await predictor.prompt(1, click);
    await showAhead(4);
    await predictor.prompt(1, negativeClick);
    expect(runtime.prompts.at(-1)?.mask).not.toBeNull();
    await show(0);
    expect((await predictor.track()).size).toBe(0);
    await predictor.prompt(1, click);
    const attended: unknown[] = [];
    for (let frame = 1; frame < 6; frame++) {
      await show(frame);
      const result = (await predictor.track()).get(1);
      attended.push(result?.attended.memories.map(({ frame: from, row }) => [from, row]) ?? 'conditioned');
      // Pointers are of the past alone.
      for (const pointer of result?.attended.pointers ?? []) expect(pointer.frame).toBeLessThan(frame);
    }
    const all = [
      [4, 6],
      [2, 6],
      [0, 6],
    ];
    expect(attended).toEqual([all, 'conditioned', [...all, [1, 1]], 'conditioned', [...all, [1, 3], [3, 1]]]);
  });
});

describe('the life of a predictor', () => {
  it('forgets objects and gives back what they held', async () => {
    const { runtime, predictor, show } = open();
    await show(0);
    for (const objectId of [1, 2]) await predictor.prompt(objectId, click);
    await show(1);
    await predictor.track();
    predictor.remove(1);
    predictor.remove(77);
    expect(predictor.objectIds()).toEqual([2]);
    expect(predictor.has(1)).toBe(false);
    expect(runtime.memories.size).toBe(2);
    predictor.reset();
    expect(predictor.objectIds()).toEqual([]);
    expect(runtime.memories.size).toBe(0);
    expect(runtime.openFeatures).toBe(0);
    await show(0);
    await predictor.prompt(1, click);
    predictor.dispose();
    expect(runtime.openFeatures).toBe(0);
  });

  it('takes frames in their order only', async () => {
    const { predictor, show } = open();
    await show(5);
    await expect(show(5)).rejects.toThrow(RangeError);
    await expect(predictor.showAhead(4, fakePixels(4), width, height)).rejects.toThrow(RangeError);
  });

  it('needs a frame before prompts', async () => {
    const { predictor } = open();
    await expect(predictor.prompt(1, click)).rejects.toThrow(TrackcastError);
    await expect(predictor.track()).rejects.toMatchObject({ code: 'TRACKCAST_PROMPT_INVALID' });
  });

  it.each([
    { maxConditioningFrames: 1 },
    { keptConditioningFrames: 1 },
    { pointerTimeSpan: 0 },
    { pointerTimeSpan: Number.NaN },
  ])('refuses %o', (options) => {
    expect(() => open(options)).toThrow(RangeError);
  });

  it('goes on as if nothing had been asked after a failure of the model', async () => {
    const runs = [false, true].map(async (fails) => {
      const { runtime, predictor, show } = open();
      const failing = async (call: () => Promise<unknown>) => {
        if (!fails) return;
        runtime.failure = new TrackcastError('TRACKCAST_INFERENCE_FAILED', 'out of memory');
        await expect(call()).rejects.toMatchObject({ code: 'TRACKCAST_INFERENCE_FAILED' });
      };
      await show(0);
      await failing(() => predictor.prompt(1, click));
      expect(predictor.has(1)).toBe(false);
      await predictor.prompt(1, click);
      await failing(() => show(1));
      await show(1);
      await failing(() => predictor.track());
      await predictor.track();
      await failing(() => predictor.prompt(1, negativeClick));
      await predictor.prompt(1, negativeClick);
      await show(2);
      return (await predictor.track()).get(1);
    });
    const [smooth, bumpy] = await Promise.all(runs);
    expect(bumpy).toEqual(smooth);
  });

  it('proposes masks of clicks without remembering them', async () => {
    const { runtime, predictor, show } = open();
    await show(0);
    const { ious } = await predictor.propose(Float32Array.of(8, 4, 16, 8));
    expect(ious).toHaveLength(6);
    expect(runtime.memories.size).toBe(0);
    expect(predictor.objectIds()).toEqual([]);
  });
});
