import { describe, expect, it } from 'vitest';
import { renderMask } from '../../../src/mask/mask-logits.ts';
import { encodeRunLength } from '../../../src/mask/run-length.ts';
import type { DecodedObject, ObjectStep, ProposedMasks } from '../../../src/model/sam2/sam2-runtime.ts';
import type { PromptShape } from '../../../src/prompting/prompt.ts';
import { CameraPredictor, type ObjectResult } from '../../../src/tracker/sam2/camera-predictor.ts';
import { Sam2Segmenter } from '../../../src/tracker/sam2/sam2-segmenter.ts';
import type { SegmentationRequest, SegmentationResult } from '../../../src/tracker/segmentation.ts';
import { FakeRuntime, fakeImageSize, fakeMaskSize, fakePixels } from './fake-runtime.ts';
import { publishedOptions } from './scenario.ts';

const [width, height] = [64, 48];
const click: PromptShape = { kind: 'points', points: [{ x: 20, y: 30, positive: true }] };
const correction: PromptShape = { kind: 'points', points: [{ x: 50, y: 10, positive: false }] };
const box: PromptShape = { kind: 'box', box: { x: 8, y: 8, width: 30, height: 20 } };

/** A rectangle of the mask grid as logits. */
function logitsOf(left: number, top: number, right: number, bottom: number): Float32Array {
  return Float32Array.from({ length: fakeMaskSize ** 2 }, (_, at) => {
    const [x, y] = [at % fakeMaskSize, Math.floor(at / fakeMaskSize)];
    return x >= left && x < right && y >= top && y < bottom ? 8 : -8;
  });
}

/** What a click proposes: three rectangles that no gate refuses. */
const proposals = [logitsOf(1, 1, 4, 4), logitsOf(1, 1, 6, 5), logitsOf(3, 2, 7, 7)];

class Runtime extends FakeRuntime {
  readonly provider = 'cpu';
  readonly refusedProviders = [];
  /** Whether objects are seen whatever the numbers say. */
  seesAll = true;
  encodes = 0;

  override async encode(pixels: Uint8Array) {
    this.encodes++;
    return super.encode(pixels);
  }

  override async step(...args: Parameters<FakeRuntime['step']>): Promise<ObjectStep[]> {
    const steps = await super.step(...args);
    return this.seesAll ? steps.map((step) => ({ ...step, ...seen(step) })) : steps;
  }

  override async prompt(...args: Parameters<FakeRuntime['prompt']>): Promise<DecodedObject> {
    const decoded = await super.prompt(...args);
    return this.seesAll ? { ...decoded, ...seen(decoded) } : decoded;
  }

  override async propose(...args: Parameters<FakeRuntime['propose']>): Promise<ProposedMasks> {
    const clicks = Array.from({ length: args[1].length / 2 });
    return {
      ...(await super.propose(...args)),
      masks: Float32Array.from(clicks.flatMap(() => proposals.flatMap((mask) => [...mask]))),
      ious: new Float32Array(clicks.length * 3).fill(0.9),
      objectScores: new Float32Array(clicks.length).fill(5),
    };
  }
}

/** Score and mask of an object, in place of those of an absent one. */
function seen({ objectScore, lowResMask, ious }: DecodedObject) {
  if (objectScore > 0) return { objectScore, lowResMask };
  return { objectScore: 1, lowResMask: lowResMask.map((_, at) => (ious[at % 4] as number) - 0.1) };
}

function open() {
  const runtime = new Runtime();
  return { runtime, segmenter: new Sam2Segmenter({ runtime, refused: [] }, publishedOptions) };
}

function request(frameIndex: number, parts: Partial<SegmentationRequest> = {}): SegmentationRequest {
  const side = fakeImageSize;
  return {
    streamId: 'a',
    frameIndex,
    pixels: fakePixels(frameIndex),
    pixelSize: { width: side, height: side, contentWidth: side, contentHeight: side },
    width,
    height,
    targets: [],
    prompted: [],
    gridPoints: new Float32Array(0),
    forgotten: [],
    forgetAll: false,
    ...parts,
  };
}

const target = (objectId: number, prior: Float32Array | null = null) => ({
  objectId,
  prior,
  priorSupport: 1,
});
const prompt = (objectId: number, shape: PromptShape, currentLogits: Float32Array | null = null) => ({
  objectId,
  shape,
  currentLogits,
});
const onGrid = (width: number, height: number, logits: Float32Array): PromptShape => {
  const side = fakeMaskSize;
  const rendered = renderMask(
    { width: side, height: side, spanX: side, spanY: side, data: logits },
    width,
    height,
  );
  if (rendered === null) throw new Error('the mask is empty');
  return { kind: 'mask', mask: rendered.mask };
};

/** A predictor of its own, with what it is told frame by frame. */
async function reference(
  ...frames: readonly ((predictor: CameraPredictor) => Promise<unknown>)[]
): Promise<ReadonlyMap<number, ObjectResult>> {
  const predictor = new CameraPredictor(new Runtime(), publishedOptions);
  const results = new Map<number, ObjectResult>();
  for (const [frame, act] of frames.entries()) {
    results.clear();
    await predictor.show(frame, fakePixels(frame), width, height);
    const done = await act(predictor);
    for (const result of done instanceof Map ? done.values() : [done]) {
      results.set((result as ObjectResult).objectId, result as ObjectResult);
    }
  }
  return results;
}

function expectMasks(found: SegmentationResult, expected: ReadonlyMap<number, ObjectResult>): void {
  expect(found.objects.map(({ objectId }) => objectId)).toEqual([...expected.keys()]);
  for (const { objectId, logits, score } of found.objects) {
    const result = expected.get(objectId);
    expect(logits, `mask of object ${objectId}`).toEqual(result?.lowResMask);
    expect(score).toBe(result?.ious[result.maskIndex]);
  }
}

describe('Sam2Segmenter', () => {
  it('shows all objects of a look at once, and the prompts of one object in their order', async () => {
    const { segmenter, runtime } = open();
    const prior = logitsOf(1, 1, 5, 5);
    await segmenter.segment(
      request(0, {
        targets: [target(4, prior), target(5, prior), target(6)],
        prompted: [prompt(1, click), prompt(2, box), prompt(1, correction), prompt(3, click)],
      }),
    );
    expect(runtime.promptBatches).toEqual([2, 3, 1]);
    expect(runtime.prompts.at(-1)?.sparse.labels).toEqual([1, 0]);
  });

  it('conditions objects by the prompts of people, and finds them on later frames', async () => {
    const { segmenter } = open();
    const mask: PromptShape = {
      kind: 'mask',
      mask: encodeRunLength(new Uint8Array(width * height).fill(1, 0, 900), width, height),
    };
    const first = await segmenter.segment(request(0, { prompted: [prompt(1, click), prompt(2, mask)] }));
    expectMasks(
      first,
      await reference(
        async (predictor) =>
          new Map([
            [1, await predictor.prompt(1, click)],
            [2, await predictor.prompt(2, mask)],
          ]),
      ),
    );
    const second = await segmenter.segment(request(1, { targets: [target(1), target(2)] }));
    expectMasks(
      second,
      await reference(
        async (predictor) => {
          await predictor.prompt(1, click);
          return predictor.prompt(2, mask);
        },
        (predictor) => predictor.track(),
      ),
    );
    expect(second.grid).toEqual({ width: 8, height: 8, spanX: 8, spanY: 8 });
    expect(second.timing.total).toBeGreaterThan(0);
  });

  it('conditions an automatic object by its own mask on the frame on which it was found', async () => {
    const { segmenter, runtime } = open();
    const { candidates } = await segmenter.segment(request(0, { gridPoints: Float32Array.of(0.5, 0.5) }));
    expect(candidates.map(({ logits }) => logits)).toEqual(proposals);
    expect(runtime.openFeatures).toBe(1);
    // Motion has no word in it, be it as wrong as here.
    const carried = logitsOf(0, 0, 8, 1);
    const found = await segmenter.segment(
      request(1, { targets: [{ ...target(7, carried), origin: { frameIndex: 0, candidate: 1 } }] }),
    );
    const shape = onGrid(fakeImageSize, fakeImageSize, proposals[1] as Float32Array);
    expectMasks(
      found,
      await reference(
        (predictor) => predictor.prompt(7, shape),
        (predictor) => predictor.track(),
      ),
    );
    expect(runtime.openFeatures).toBe(1);
  });

  it('takes prompts in on the frame of the last look without a picture, as its predictor would', async () => {
    const { segmenter, runtime } = open();
    await segmenter.segment(request(0, { prompted: [prompt(1, click)] }));
    await segmenter.segment(request(1, { targets: [target(1)] }));
    const encoded = runtime.encodes;
    const onKept = { pixels: null, prompted: [prompt(1, correction), prompt(2, box)] };
    const prompted = await segmenter.segment(request(1, onKept));
    expect(runtime.encodes).toBe(encoded);
    const refined = async (predictor: CameraPredictor) => {
      await predictor.track();
      const results = await predictor.promptAll([
        { objectId: 1, shape: correction, keepsEarlierPoints: true },
        { objectId: 2, shape: box },
      ]);
      return results;
    };
    const first = (predictor: CameraPredictor) => predictor.prompt(1, click);
    expectMasks(prompted, await reference(first, refined));
    expect(prompted).toMatchObject({ frameIndex: 1, candidates: [] });
    const next = await segmenter.segment(request(2, { targets: [target(1), target(2)] }));
    expectMasks(next, await reference(first, refined, (predictor) => predictor.track()));
  });

  it('refuses prompts on a frame that is not kept any more, and goes on', async () => {
    const { segmenter } = open();
    const onKept = { pixels: null, prompted: [prompt(1, click)] };
    const refusal = { code: 'TRACKCAST_INFERENCE_FAILED' };
    await expect(segmenter.segment(request(0, onKept))).rejects.toMatchObject(refusal);
    await segmenter.segment(request(0, { prompted: [prompt(1, click)] }));
    await expect(segmenter.segment(request(1, onKept))).rejects.toMatchObject(refusal);
    await segmenter.segment(request(0, onKept));
    await segmenter.segment(request(1, { forgetAll: true }));
    segmenter.closeStream('a');
    await expect(segmenter.segment(request(1, onKept))).rejects.toMatchObject(refusal);
  });

  it('decodes what a detector has seen as it does a person’s box, and remembers nothing of it', async () => {
    const { segmenter, runtime } = open();
    runtime.seesAll = true;
    const box = { x: width / 4, y: height / 4, width: width / 2, height: height / 4 };
    const detection = { box, label: 'hook', score: 0.6 };
    const gridPoints = Float32Array.of(0.5, 0.5);
    const { candidates, objects } = await segmenter.segment(
      request(0, { detections: [detection], gridPoints }),
    );
    expect(objects).toEqual([]);
    expect(runtime.remembered).toEqual([]);
    const [seen, ...proposed] = candidates;
    expect(seen).toMatchObject({ detection, x: 0.5, y: 0.375 });
    expect(proposed.map(({ logits }) => logits)).toEqual(proposals);
    const shown = await reference((predictor) => predictor.prompt(1, { kind: 'box', box }));
    expect(seen?.logits).toEqual(shown.get(1)?.lowResMask);
    expect(seen?.descriptor).not.toBeNull();
    const origin = { frameIndex: 0, candidate: 0 };
    const found = await segmenter.segment(request(1, { targets: [{ ...target(7), origin }] }));
    expect(found.objects).toMatchObject([{ objectId: 7 }]);
    const [first] = runtime.remembered;
    const shape = onGrid(fakeImageSize, fakeImageSize, seen?.logits ?? new Float32Array(0));
    const conditioned = new Runtime();
    const predictor = new CameraPredictor(conditioned, publishedOptions);
    await predictor.show(0, fakePixels(0), width, height);
    await predictor.prompt(7, shape);
    expect(first).toEqual(conditioned.remembered[0]);
  });

  it.each([
    { name: 'whose frame is not looked at any more', origin: { frameIndex: 3, candidate: 0 } },
    { name: 'of which nobody tells where it comes from', origin: undefined },
  ])('conditions an object $name where motion has carried it', async ({ origin }) => {
    const { segmenter } = open();
    const prior = logitsOf(2, 2, 5, 6);
    const found = await segmenter.segment(request(0, { targets: [{ ...target(7, prior), origin }] }));
    expectMasks(found, await reference((predictor) => predictor.prompt(7, onGrid(width, height, prior))));
    const later = await segmenter.segment(request(1, { targets: [target(7)] }));
    expect(later.objects[0]?.logits).not.toBeNull();
  });

  it('does not find what it was never shown', async () => {
    const { segmenter, runtime } = open();
    const empty = new Float32Array(fakeMaskSize ** 2).fill(-8);
    const found = await segmenter.segment(request(0, { targets: [target(7), target(8, empty)] }));
    const absent = { logits: null, score: 0, appearance: null, descriptor: null };
    expect(found.objects).toEqual([
      { objectId: 7, ...absent },
      { objectId: 8, ...absent },
    ]);
    expect(runtime.prompts).toEqual([]);
  });

  it('takes clicks on a known object for corrections of what it finds on the frame', async () => {
    const { segmenter } = open();
    await segmenter.segment(request(0, { prompted: [prompt(1, box)] }));
    const found = await segmenter.segment(request(1, { prompted: [prompt(1, correction)] }));
    expectMasks(
      found,
      await reference(
        (predictor) => predictor.prompt(1, box),
        async (predictor) => {
          await predictor.track();
          return predictor.prompt(1, correction);
        },
      ),
    );
  });

  it.each([
    { name: 'a box', shape: box },
    { name: 'a box with clicks', shape: { ...correction, box: box.box } as PromptShape },
    { name: 'a mask', shape: onGrid(width, height, logitsOf(1, 1, 4, 6)) },
  ])('lets $name show a known object anew', async ({ shape }) => {
    const { segmenter } = open();
    await segmenter.segment(request(0, { prompted: [prompt(1, click), prompt(2, click)] }));
    const found = await segmenter.segment(
      request(1, { targets: [target(2)], prompted: [prompt(1, correction), prompt(1, shape)] }),
    );
    const expected = await reference(
      async (predictor) => {
        await predictor.prompt(1, click);
        return predictor.prompt(2, click);
      },
      async (predictor) =>
        new Map([...(await predictor.track(new Set([2]))), [1, await predictor.prompt(1, shape)]]),
    );
    expectMasks(found, expected);
    expect(expected.get(1)?.provenance).toBe('conditioned');
  });

  it.each([
    { name: 'a box', shape: box },
    { name: 'a box with clicks', shape: { ...correction, box: box.box } as PromptShape },
    { name: 'a mask', shape: onGrid(width, height, logitsOf(1, 1, 4, 6)) },
  ])(
    'lets $name on the frame of the last look show an object anew that was found there',
    async ({ shape }) => {
      const { segmenter, runtime } = open();
      await segmenter.segment(request(0, { prompted: [prompt(1, click)] }));
      await segmenter.segment(request(1, { targets: [target(1)] }));
      // What was shown on the same frame before has no share in it either.
      await segmenter.segment(request(1, { pixels: null, prompted: [prompt(1, correction)] }));
      await segmenter.segment(request(1, { pixels: null, prompted: [prompt(1, box)] }));
      const shown = await segmenter.segment(request(1, { pixels: null, prompted: [prompt(1, shape)] }));
      const first = (predictor: CameraPredictor) => predictor.prompt(1, click);
      const anew = (predictor: CameraPredictor) => predictor.prompt(1, shape);
      expectMasks(shown, await reference(first, anew));
      const next = await segmenter.segment(request(2, { targets: [target(1)] }));
      expectMasks(next, await reference(first, anew, (predictor) => predictor.track()));
      // Two conditioning frames; the one that was tracked is not remembered beside them.
      expect(runtime.steps.at(-1)?.map(({ memories }) => memories.map(({ row }) => row))).toEqual([[6, 6]]);
      expect(runtime.memories.size).toBe(3);
    },
  );

  it('leaves an object as it was found where what shows it anew fails', async () => {
    const { segmenter, runtime } = open();
    await segmenter.segment(request(0, { prompted: [prompt(1, click)] }));
    await segmenter.segment(request(1, { targets: [target(1)] }));
    runtime.failure = new Error('out of memory');
    const failing = segmenter.segment(request(1, { pixels: null, prompted: [prompt(1, box)] }));
    await expect(failing).rejects.toThrow('out of memory');
    const next = await segmenter.segment(request(2, { targets: [target(1)] }));
    const track = (predictor: CameraPredictor) => predictor.track();
    expectMasks(next, await reference((predictor) => predictor.prompt(1, click), track, track));
  });

  it('shows an object by the candidate that it turned out to be, once, so that memory finds it', async () => {
    const { segmenter, runtime } = open();
    const gridPoints = Float32Array.of(0.5, 0.5);
    await segmenter.segment(request(0, { prompted: [prompt(1, click), prompt(2, click)] }));
    await segmenter.segment(request(1, { targets: [target(1)], gridPoints }));
    const shape = onGrid(fakeImageSize, fakeImageSize, proposals[1] as Float32Array);
    const recognised = [1, 2].map((id) => ({ ...target(id), origin: { frameIndex: 1, candidate: 1 } }));
    // On the frame itself first, where a person then says better.
    const better = { ...prompt(2, box), origin: { frameIndex: 1, candidate: 1 } };
    await segmenter.segment(request(1, { pixels: null, prompted: [better] }));
    const found = await segmenter.segment(request(2, { targets: recognised }));
    expectMasks(
      found,
      await reference(
        async (predictor) => {
          await predictor.prompt(1, click);
          return predictor.prompt(2, click);
        },
        async (predictor) => {
          await predictor.prompt(1, shape);
          return predictor.prompt(2, box);
        },
        (predictor) => predictor.track(),
      ),
    );
    const rows = runtime.steps.at(-1)?.map(({ memories }) => memories.map(({ row }) => row));
    expect(rows).toEqual([
      [6, 6],
      [6, 6],
    ]);
    const prompts = runtime.prompts.length;
    await segmenter.segment(request(3, { targets: recognised }));
    expect(runtime.prompts).toHaveLength(prompts);
  });

  it('adds up the clicks that one look has for an object', async () => {
    const { segmenter, runtime } = open();
    await segmenter.segment(request(0, { prompted: [prompt(1, click), prompt(1, correction)] }));
    expect(runtime.prompts.map(({ sparse }) => sparse.labels)).toEqual([[1], [1, 0]]);
    await segmenter.segment(request(1, { prompted: [prompt(1, correction), prompt(1, click)] }));
    expect(runtime.prompts.slice(2).map(({ sparse }) => sparse.labels)).toEqual([[0], [0, 1]]);
    await segmenter.segment(request(2, { prompted: [prompt(1, click)] }));
    expect(runtime.prompts[4]?.sparse.labels).toEqual([1]);
  });

  it('corrects an automatic object by what was found of it', async () => {
    const { segmenter, runtime } = open();
    await segmenter.segment(request(0, { gridPoints: Float32Array.of(0.5, 0.5) }));
    const origin = { frameIndex: 0, candidate: 0 };
    await segmenter.segment(request(1, { prompted: [{ ...prompt(7, correction), origin }] }));
    expect(runtime.prompts.map(({ ground }) => ground.kind)).toEqual(['raw', 'remembered']);
    // Where its frame has gone, its carried mask is shown first.
    const carried = logitsOf(2, 2, 5, 6);
    await segmenter.segment(request(2, { prompted: [{ ...prompt(8, correction, carried), origin }] }));
    const [shown, corrected] = runtime.prompts.slice(2);
    expect([shown?.ground.kind, corrected?.ground.kind]).toEqual(['raw', 'initial']);
    expect(corrected?.mask).not.toBeNull();
  });

  it('looks only for the objects that are asked for, and forgets none of the others', async () => {
    const { segmenter, runtime } = open();
    await segmenter.segment(request(0, { prompted: [prompt(1, click), prompt(2, box)] }));
    await segmenter.segment(request(1, { targets: [target(1)] }));
    const found = await segmenter.segment(request(2, { targets: [target(1), target(2)] }));
    expect(runtime.steps.map((objects) => objects.length)).toEqual([1, 2]);
    expect(found.objects.every(({ logits }) => logits !== null)).toBe(true);
  });

  it('takes an object for absent by its score, and where its mask has no pixel of the picture', async () => {
    const { segmenter, runtime } = open();
    const prompted = [1, 2, 3, 4].map((objectId) => prompt(objectId, click));
    await segmenter.segment(request(0, { prompted }));
    runtime.seesAll = false;
    const faint = (inside: number) => {
      const lowResMask = new Float32Array(fakeMaskSize ** 2).fill(-50);
      lowResMask[27] = inside;
      return { objectScore: 3, lowResMask };
    };
    runtime.script = (_, object) => [{ objectScore: -0.1 }, faint(-0.5), faint(0.1), faint(40)][object] ?? {};
    const targets = prompted.map(({ objectId }) => target(objectId));
    const { objects } = await segmenter.segment(request(1, { targets }));
    expect(objects.map(({ logits }) => logits !== null)).toEqual([false, false, false, true]);
    expect(objects.map(({ score }) => score > 0)).toEqual([false, false, false, true]);
  });

  it('forgets objects that are gone, and everything after a reset', async () => {
    const { segmenter, runtime } = open();
    const prompted = [prompt(1, click), prompt(2, box)];
    await segmenter.segment(request(0, { prompted }));
    const { objects } = await segmenter.segment(
      request(1, { targets: [target(1), target(2)], forgotten: [2, 99] }),
    );
    expect(objects.map(({ logits }) => logits === null)).toEqual([false, true]);
    const afresh = await segmenter.segment(request(2, { prompted, forgetAll: true }));
    const begun = await open().segmenter.segment(request(2, { prompted }));
    expect(afresh.objects).toEqual(begun.objects);
    await segmenter.segment(request(3, { targets: [target(1)], forgetAll: true }));
    expect(runtime.memories.size).toBe(0);
  });

  it('goes on when the frame indices of a stream begin anew or its pictures change their size', async () => {
    const { segmenter } = open();
    await segmenter.segment(request(900, { prompted: [prompt(1, click)] }));
    for (const frameIndex of [901, 0, 1, 1]) {
      const { objects } = await segmenter.segment(request(frameIndex, { targets: [target(1)] }));
      expect(objects[0]?.logits).not.toBeNull();
    }
    const small = request(2, { width: 32, height: 24, prompted: [prompt(2, click)], targets: [target(1)] });
    const { objects } = await segmenter.segment(small);
    expect(objects.map(({ logits }) => logits === null)).toEqual([false, false]);
  });

  it('refuses pictures that are not of the size of its input, and goes on', async () => {
    const { segmenter } = open();
    const pixelSize = { width: 32, height: 16, contentWidth: 32, contentHeight: 16 };
    await expect(
      segmenter.segment(request(0, { pixelSize, prompted: [prompt(1, click)] })),
    ).rejects.toMatchObject({
      code: 'TRACKCAST_INFERENCE_FAILED',
      place: { streamId: 'a', frameIndex: 0 },
    });
    const { objects } = await segmenter.segment(request(1, { prompted: [prompt(1, click)] }));
    expect(objects[0]?.logits).not.toBeNull();
  });

  it('keeps streams apart, though their looks are asked for at once', async () => {
    const alone = new Map<string, SegmentationResult[]>();
    const streamIds = ['a', 'b', 'c'];
    const looks = (streamId: string) => {
      const seed = streamId.charCodeAt(0) * 1000;
      const pixels = (index: number) => fakePixels(seed + index);
      return [
        request(0, { streamId, pixels: pixels(0), prompted: [prompt(1, click), prompt(2, box)] }),
        request(1, { streamId, pixels: pixels(1), targets: [target(1), target(2)] }),
        request(2, { streamId, pixels: pixels(2), targets: [target(1)], prompted: [prompt(2, correction)] }),
      ];
    };
    for (const streamId of streamIds) {
      const { segmenter } = open();
      const results: SegmentationResult[] = [];
      for (const look of looks(streamId)) results.push(await segmenter.segment(look));
      alone.set(streamId, results);
    }
    const { segmenter } = open();
    const together = await Promise.all(
      [0, 1, 2].flatMap((at) =>
        streamIds.map((streamId) => segmenter.segment(looks(streamId)[at] as SegmentationRequest)),
      ),
    );
    for (const result of together) {
      expect(result.objects).toEqual(alone.get(result.streamId)?.[result.frameIndex]?.objects);
    }
  });

  it('gives back all that a stream held when it is closed, at the latest when its look ends', async () => {
    const { segmenter, runtime } = open();
    const gridPoints = Float32Array.of(0.5, 0.5);
    await segmenter.segment(request(0, { prompted: [prompt(1, click)], gridPoints }));
    expect(runtime.memories.size).toBe(1);
    const looking = segmenter.segment(request(1, { targets: [target(1)], gridPoints }));
    const waiting = segmenter.segment(request(2, { targets: [target(1)] }));
    // So far that the first look is under way.
    await Promise.resolve();
    segmenter.closeStream('a');
    expect((await looking).objects[0]?.logits).not.toBeNull();
    await expect(waiting).rejects.toMatchObject({ code: 'TRACKCAST_INFERENCE_FAILED' });
    expect({ memories: runtime.memories.size, features: runtime.openFeatures }).toEqual({
      memories: 0,
      features: 0,
    });
    segmenter.closeStream('a');
    const again = await segmenter.segment(request(0, { targets: [target(1)] }));
    expect(again.objects[0]?.logits).toBeNull();
  });

  it('stays usable whichever call of a look fails, and loses no memory', async () => {
    const prompted = [prompt(1, click), prompt(2, box)];
    const gridPoints = Float32Array.of(0.5, 0.5);
    for (let failing = 0; failing < 7; failing++) {
      const { segmenter, runtime } = open();
      await segmenter.segment(request(0, { prompted, gridPoints }));
      let calls = 0;
      runtime.onCall = () => {
        if (calls++ === failing) throw new Error('out of memory');
      };
      const targets = [target(2), { ...target(3), origin: { frameIndex: 0, candidate: 0 } }];
      const look = request(1, { targets, prompted: [prompt(1, correction)], gridPoints });
      await expect(segmenter.segment(look), `call ${failing}`).rejects.toThrow('out of memory');
      runtime.onCall = () => {};
      const { objects } = await segmenter.segment(
        request(2, { targets: [target(1), target(2), { ...target(3, logitsOf(1, 1, 4, 4)) }] }),
      );
      expect(objects.map(({ logits }) => logits === null)).toEqual([false, false, false]);
      segmenter.closeStream('a');
      expect(runtime.memories.size, `memories after call ${failing}`).toBe(0);
      expect(runtime.openFeatures).toBe(0);
    }
  });

  it('remembers no more however long objects come and go', async () => {
    const { segmenter, runtime } = open();
    const live: number[] = [];
    let most = 0;
    let nextId = 1;
    let forgotten: number[] = [];
    for (let frame = 0; frame < 300; frame++) {
      const prompted = frame % 3 === 0 ? [prompt(nextId++, frame % 2 === 0 ? click : box)] : [];
      const corrected = live.filter((id) => (id + frame) % 11 === 0).map((id) => prompt(id, correction));
      const asked = [...prompted, ...corrected].map(({ objectId }) => objectId);
      const targets = live.filter((id) => !asked.includes(id)).map((id) => target(id));
      await segmenter.segment(request(frame, { targets, prompted: [...prompted, ...corrected], forgotten }));
      live.push(...prompted.map(({ objectId }) => objectId));
      forgotten = live.length > 6 ? live.splice(frame % 5, 2) : [];
      most = Math.max(most, runtime.memories.size);
      expect(runtime.openFeatures).toBe(1);
    }
    // At most eight objects, each with its first frame, six recent ones and the present one.
    expect(most).toBeLessThanOrEqual(8 * 8);
    expect(most).toBeGreaterThan(20);
    segmenter.closeStream('a');
    expect(runtime.memories.size).toBe(0);
    expect(runtime.openFeatures).toBe(0);
  });
});
