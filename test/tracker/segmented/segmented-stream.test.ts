import { describe, expect, it } from 'vitest';
import type { Frame } from '../../../src/buffer/frame.ts';
import { maskIou } from '../../../src/mask/mask-iou.ts';
import { decodeRunLength } from '../../../src/mask/run-length.ts';
import { AutoGrid } from '../../../src/prompting/auto-grid.ts';
import { defaultGates } from '../../../src/prompting/candidate-filter.ts';
import type { Prompt } from '../../../src/prompting/prompt.ts';
import { noStrategy, type PromptStrategy } from '../../../src/prompting/prompt-strategy.ts';
import type { LostLook } from '../../../src/tracker/lost-look.ts';
import {
  SegmentedStream,
  type SegmentedStreamSettings,
} from '../../../src/tracker/segmented/segmented-stream.ts';
import { blankFrame } from '../blank-frame.ts';
import { DiscScene, moving, red } from '../disc-scene.ts';
import { ScriptedLane } from '../scripted-lane.ts';
import { lumaPlane, texture } from '../texture.ts';

const scene = new DiscScene({ discs: [{ radius: 40, colour: red, at: moving(100, 110, 4, 0) }] });
const small = new DiscScene({
  width: 192,
  height: 108,
  discs: [{ radius: 20, colour: red, at: moving(50, 55, 2, 0) }],
});
const elsewhere = new DiscScene({ discs: [], backdrop: 2 });
const object = { x: 20, y: 20, width: 12, height: 10 };

function open(settings: Partial<SegmentedStreamSettings> = {}) {
  const lane = new ScriptedLane();
  const lost: LostLook[] = [];
  const stream = new SegmentedStream(
    { streamId: 'a', onLookLost: (look) => lost.push(look) },
    {
      lane,
      strategy: noStrategy,
      repromptIntervalFrames: 100,
      promptBudgetMs: null,
      maskSmoothing: 0,
      gates: defaultGates,
      maxObjects: 5,
      maxSegmentationsPerSecond: Number.POSITIVE_INFINITY,
      waitsForSegmentation: false,
      ...settings,
    },
  );
  const see = (index: number, prompts: readonly Prompt[] = [], of = scene) =>
    stream.processFrame(of.frame(index, 'a'), prompts);
  return { lane, stream, see, lost };
}

const showMask = (index: number): Prompt => ({
  shape: { kind: 'mask', mask: scene.mask(0, index) },
  author: 'person',
});
const clickAt = (x: number, y: number): Prompt => ({
  shape: { kind: 'points', points: [{ x, y, positive: true }] },
  author: 'person',
});

/** How far a picture shows its world to the right, luma pixels: to and fro, and on the whole to the right. */
const panOf = (index: number) => 12 * Math.sin(index / 12) + index / 30;
const world = lumaPlane(400, 64, (x, y) => texture(x, y, 3));

/** A frame of 256 x 128 pixels that a camera shows which pans over a textured world. */
function panned(index: number): Frame {
  const [width, height] = [256, 128];
  const luma = new Uint8Array((width / 2) * (height / 2));
  for (let y = 0; y < height / 2; y++) {
    for (let x = 0; x < width / 2; x++) {
      const at = x - panOf(index) + 100;
      const left = Math.floor(at);
      const [a, b] = [world[y * 400 + left] as number, world[y * 400 + left + 1] as number];
      luma[(y * width) / 2 + x] = Math.round(a + (b - a) * (at - left));
    }
  }
  return blankFrame(index, { streamId: 'a', width, height, luma, timestampNs: BigInt(index) * 40_000_000n });
}

function promptedShape({ requests }: ScriptedLane) {
  return requests.at(-1)?.prompted[0]?.shape;
}

describe('SegmentedStream', () => {
  it('gives the model a mask as it was shown where it looks at once', async () => {
    const { lane, see } = open();
    const prompt = showMask(0);
    await see(0, [prompt]);
    expect(promptedShape(lane)).toBe(prompt.shape);
  });

  it('lets a mask ride on motion until the model is free', async () => {
    const { lane, see } = open();
    lane.isFree = false;
    await see(0, [showMask(0)]);
    for (let index = 1; index < 8; index++) await see(index);
    lane.isFree = true;
    await see(8);
    const shape = promptedShape(lane);
    if (shape?.kind !== 'mask') throw new Error('no mask was given');
    expect(maskIou(decodeRunLength(shape.mask), scene.visible(0, 8))).toBeGreaterThan(0.85);
    expect(maskIou(decodeRunLength(shape.mask), scene.visible(0, 0))).toBeLessThan(0.7);
  });

  it('lets a click follow what it was meant for until the model is free', async () => {
    const { lane, see, stream } = open();
    lane.isFree = false;
    await see(0);
    await stream.prompt(clickAt(100, 110));
    for (let index = 1; index < 11; index++) await see(index);
    lane.isFree = true;
    await see(11);
    const shape = promptedShape(lane);
    if (shape?.kind !== 'points') throw new Error('no click was given');
    expect(shape.points[0]?.x).toBeGreaterThan(136);
    expect(shape.points[0]?.x).toBeLessThan(152);
    expect(shape.points[0]?.y).toBeCloseTo(110, -0.5);
  });

  it('gives up prompts that wait when the scene changes, and objects that they would have made', async () => {
    const { lane, see } = open();
    lane.isFree = false;
    const first = await see(0, [clickAt(100, 110), showMask(0)]);
    const [clicked, shown] = first.events.map(({ trackId }) => trackId);
    const cut = await see(1, [], elsewhere);
    expect(cut.events).toContainEqual({ kind: 'removed', trackId: clicked });
    expect(cut.tracks).toMatchObject([{ id: shown, state: 'occluded' }]);
    lane.isFree = true;
    await see(2, [], elsewhere);
    expect(lane.requests.map(({ prompted }) => prompted)).toEqual([[]]);
  });

  it('shows what the model made of a mask on the frame of the mask itself', async () => {
    const { lane, see } = open({ waitsForSegmentation: true });
    lane.see = () => ({ objects: { 1: object } });
    const { tracks } = await see(0, [showMask(0)]);
    // The mask grid has 256 columns of 4 by 4 model pixels for 384 source pixels.
    expect(tracks[0]?.box).toEqual({ x: 120, y: 120, width: 72, height: 60 });
    expect(tracks[0]?.score).toBeCloseTo(0.9);
  });

  it('does not show what a look made of an object that was shown anew meanwhile', async () => {
    const { lane, see, stream } = open();
    lane.see = () => ({ objects: { 1: object } });
    await see(0, [showMask(0)]);
    lane.withholds = true;
    await see(1);
    // The look at frame 1 is under way, and knows nothing of this.
    await stream.prompt({ ...showMask(1), objectId: 1 });
    lane.withholds = false;
    lane.isFree = false;
    const { tracks } = await see(2);
    const [track] = tracks;
    expect(track?.mask && maskIou(decodeRunLength(track.mask), scene.visible(0, 2))).toBeGreaterThan(0.85);
  });

  it('tells the model where an automatic object comes from', async () => {
    const { lane, see } = open({ strategy: new AutoGrid() });
    lane.see = ({ frameIndex }) =>
      frameIndex === 0 ? { candidates: [{ ...object, quality: 0.5 }, object] } : { objects: { 1: object } };
    for (let index = 0; index < 3; index++) await see(index);
    expect(lane.requests[1]?.targets).toMatchObject([
      { objectId: 1, origin: { frameIndex: 0, candidate: 1 } },
    ]);
  });

  it('shows its strategy the picture, its motion and what is tracked', async () => {
    const seen: { spread: number; reds: number; isTracked: boolean; motion: unknown }[] = [];
    const strategy: PromptStrategy = {
      name: 'motion',
      observe: ({ luma, colours, motion, isCovered }) => {
        const { contentWidth = 0, contentHeight = 0, width = 0 } = colours ?? {};
        const at = Math.floor(0.5 * contentHeight) * width + Math.floor((100 / 384) * contentWidth);
        seen.push({
          spread: new Set(luma?.luma).size,
          reds: (colours?.colours[at * 3] ?? 0) - (colours?.colours[at * 3 + 1] ?? 0),
          isTracked: isCovered(100 / 384, 110 / 216),
          motion: motion === null ? null : motion?.columns,
        });
      },
      propose: () => new Float32Array(0),
    };
    const { lane, see } = open({ strategy });
    lane.isFree = false;
    await see(0, [showMask(0)]);
    await see(1);
    await see(2, [], elsewhere);
    for (const { spread } of seen) expect(spread).toBeGreaterThan(20);
    expect(seen[0]?.reds).toBeGreaterThan(80);
    expect(seen[2]?.reds).toBeLessThan(40);
    expect(seen.map(({ isTracked }) => isTracked)).toEqual([true, true, false]);
    expect(seen.map(({ motion }) => motion)).toEqual([null, 24, null]);
  });

  it('has nothing remembered of a stream whose last object is gone', async () => {
    const { lane, see, stream } = open();
    lane.see = () => ({ objects: { 1: object, 2: object } });
    await see(0, [showMask(0), showMask(0)]);
    stream.remove(1);
    await see(1);
    expect(lane.closed).toEqual([]);
    expect(lane.requests.at(-1)).toMatchObject({ forgotten: [1], forgetAll: false });
    stream.reset();
    lane.isFree = false;
    await see(2);
    expect(lane.closed).toEqual([]);
    lane.isFree = true;
    for (let index = 3; index < 6; index++) await see(index);
    expect(lane.closed).toEqual(['a']);
    expect(lane.requests).toHaveLength(2);
    await see(6, [showMask(6)]);
    expect(lane.requests.at(-1)).toMatchObject({ forgotten: [], forgetAll: false });
  });

  it('says with the next look that everything is to be forgotten after a reset', async () => {
    const { lane, see, stream } = open();
    await see(0, [showMask(0)]);
    stream.reset();
    await see(1, [showMask(1)]);
    await see(2);
    expect(lane.requests.map(({ forgetAll }) => forgetAll)).toEqual([false, true, false]);
  });

  it('gives prompts of a look that failed to one more, then removes objects that they did not show', async () => {
    const { lane, see, lost } = open();
    lane.see = () => {
      throw new Error('out of memory');
    };
    const first = await see(0, [clickAt(100, 110), showMask(0)]);
    expect(first.events.map(({ kind }) => kind)).toEqual(['created', 'created']);
    const second = await see(1);
    expect(second.events).toEqual([{ kind: 'removed', trackId: 1 }]);
    expect(second.tracks).toMatchObject([{ id: 2, state: 'active' }]);
    await see(2);
    expect(lane.requests.map(({ prompted }) => prompted.length)).toEqual([2, 2, 0]);
    const failure = { kind: 'failed', streamId: 'a', code: 'TRACKCAST_INFERENCE_FAILED' };
    expect(lost[0]).toEqual({ ...failure, frameIndex: 0, message: 'out of memory' });
    expect(lost).toHaveLength(3);
    expect(lane.requests[1]?.prompted.map(({ objectId }) => objectId)).toEqual([1, 2]);
  });

  it('lets a click follow what it was meant for while a look is under way that fails', async () => {
    const { lane, see } = open();
    lane.withholds = true;
    lane.see = ({ frameIndex }) => {
      if (frameIndex === 0) throw new Error('out of memory');
      return { objects: { 1: object } };
    };
    await see(0, [clickAt(100, 110)]);
    for (let index = 1; index < 11; index++) await see(index);
    lane.withholds = false;
    const { tracks } = await see(11);
    const shape = promptedShape(lane);
    if (shape?.kind !== 'points') throw new Error('no click was given again');
    expect(shape.points[0]?.x).toBeGreaterThan(136);
    expect(shape.points[0]?.x).toBeLessThan(152);
    expect(tracks).toMatchObject([{ id: 1, state: 'active' }]);
  });

  it('removes what a look across a scene cut was to show, and says that the look was lost', async () => {
    const { lane, see, stream, lost } = open();
    lane.see = () => ({ objects: { 1: object, 2: object } });
    lane.withholds = true;
    await see(0, [clickAt(100, 110), showMask(0)]);
    const cut = await see(1, [], elsewhere);
    expect(cut.events).toContainEqual({ kind: 'removed', trackId: 1 });
    lane.withholds = false;
    lane.isFree = false;
    const after = await see(2, [], elsewhere);
    expect(after.tracks).toMatchObject([{ id: 2, state: 'occluded' }]);
    expect(lost).toEqual([{ kind: 'outdated', streamId: 'a', frameIndex: 0 }]);
    expect(stream.counters().rejectedCandidates).toEqual({ outdated: 1 });
  });

  it('gives a click to another look where the picture has changed its size during the first', async () => {
    const { lane, see, lost } = open();
    lane.see = () => ({ objects: { 1: object } });
    lane.withholds = true;
    await see(0, [clickAt(100, 110)]);
    await see(1, [], small);
    lane.withholds = false;
    await see(2, [], small);
    expect(lost).toMatchObject([{ kind: 'outdated', frameIndex: 0 }]);
    expect(promptedShape(lane)).toMatchObject({
      points: [{ x: expect.closeTo(52, -0.5), y: expect.closeTo(55, -0.5) }],
    });
    expect((await see(3, [], small)).tracks).toMatchObject([{ id: 1, state: 'active' }]);
  });

  it('says nothing of a look that a reset has made pointless', async () => {
    const { lane, see, stream, lost } = open();
    lane.withholds = true;
    await see(0, [clickAt(100, 110)]);
    stream.reset();
    lane.withholds = false;
    await see(1);
    expect(lost).toEqual([]);
    expect(stream.counters().rejectedCandidates).toEqual({ outdated: 1 });
  });

  it('lands a look that took longer than the whole history of motion near the right place', async () => {
    const { lane, stream, lost } = open();
    lane.withholds = true;
    lane.see = () => ({ objects: { 1: { x: 8, y: 4, width: 7, height: 7 } } });
    await stream.processFrame(panned(0), [clickAt(92, 60)]);
    for (let index = 1; index < 400; index++) await stream.processFrame(panned(index));
    lane.withholds = false;
    lane.isFree = false;
    const { tracks } = await stream.processFrame(panned(400));
    expect(lost).toEqual([]);
    expect(stream.counters().rejectedCandidates).toEqual({});
    expect(panOf(400)).toBeGreaterThan(20);
    // Eight source pixels to a place of the mask grid, two to a luma pixel.
    const [track] = tracks;
    expect(track).toMatchObject({ id: 1, state: 'active' });
    expect(Math.abs((track?.box?.x ?? 0) - (64 + 2 * panOf(400)))).toBeLessThan(8);
    expect(Math.abs((track?.box?.y ?? 0) - 32)).toBeLessThan(8);
    expect((track?.area ?? 0) / 56 ** 2).toBeCloseTo(1, 0.5);
  });

  it('decodes a click on what was looked at last, without a picture, before the next frame comes', async () => {
    const { lane, stream, see } = open({ maxSegmentationsPerSecond: 0.1 });
    lane.see = ({ prompted, targets }) => ({
      objects: Object.fromEntries([...prompted, ...targets].map(({ objectId }) => [objectId, object])),
    });
    await see(0, [clickAt(100, 110)]);
    for (let index = 1; index <= 10; index++) await see(index);
    expect(lane.requests).toHaveLength(1);
    // The disc has gone 40 pixels to the right since.
    const id = await stream.prompt(clickAt(140, 110));
    expect(lane.requests).toHaveLength(2);
    expect(lane.requests[1]).toMatchObject({ frameIndex: 0, pixels: null, targets: [] });
    const shape = promptedShape(lane);
    const [point] = shape?.kind === 'points' ? shape.points : [];
    expect(Math.hypot((point?.x ?? 0) - 100, (point?.y ?? 0) - 110)).toBeLessThan(8);
    const { tracks } = await see(11);
    expect(tracks.find((track) => track.id === id)).toMatchObject({ state: 'active' });
    expect(tracks.filter(({ mask }) => mask !== null)).toHaveLength(2);
    expect(stream.counters().segmentations).toBe(1);
  });

  it('leaves all other objects as they are where only prompts are decoded', async () => {
    const { lane, stream, see } = open({ maxSegmentationsPerSecond: 0.1 });
    lane.see = ({ prompted }) => ({
      objects: Object.fromEntries(prompted.map(({ objectId }) => [objectId, object])),
    });
    await see(0, [clickAt(100, 110)]);
    await see(1);
    for (let index = 2; index < 8; index++) {
      await stream.prompt(clickAt(104 + 4 * index, 112));
      await see(index);
    }
    const { tracks } = await see(8);
    expect(lane.requests.filter(({ pixels }) => pixels === null)).toHaveLength(6);
    expect(tracks.map(({ id, state }) => [id, state])).toEqual(
      [1, 2, 3, 4, 5, 6, 7].map((id) => [id, 'active']),
    );
  });

  it('shares one request among prompts that wait, and serves them before the next look', async () => {
    const { lane, stream, see } = open();
    await see(0, [clickAt(100, 110)]);
    lane.isFree = false;
    await see(1);
    await stream.prompt(clickAt(106, 110));
    await stream.prompt({
      shape: { kind: 'box', box: { x: 66, y: 70, width: 80, height: 80 } },
      author: 'person',
    });
    expect(lane.requests).toHaveLength(1);
    lane.isFree = true;
    await see(2);
    expect(lane.requests[1]).toMatchObject({ frameIndex: 0, pixels: null });
    expect(lane.requests[1]?.prompted.map(({ objectId }) => objectId)).toEqual([2, 3]);
    await see(3);
    expect(lane.requests[2]).toMatchObject({ frameIndex: 3, prompted: [] });
    expect(lane.requests[2]?.pixels).not.toBeNull();
  });

  it('looks at the present frame where what was looked at last is too old, cut off or gone', async () => {
    const late = open({ maxSegmentationsPerSecond: 0.1 });
    await late.see(0, [clickAt(100, 110)]);
    await late.see(1);
    await late.see(60);
    await late.stream.prompt(clickAt(200, 110));
    await late.see(61);
    expect(late.lane.requests[1]).toMatchObject({ frameIndex: 61 });

    const cut = open({ maxSegmentationsPerSecond: 0.1 });
    await cut.see(0, [clickAt(100, 110)]);
    await cut.see(1);
    await cut.see(2, [], elsewhere);
    await cut.stream.prompt(clickAt(200, 110));
    await cut.see(3, [], elsewhere);
    expect(cut.lane.requests[1]).toMatchObject({ frameIndex: 3 });

    const gone = open({ maxSegmentationsPerSecond: 0.1 });
    await gone.see(0, [clickAt(100, 110)]);
    await gone.see(1);
    gone.lane.see = ({ pixels }) => {
      if (pixels === null) throw new Error('nothing is kept');
      return {};
    };
    const id = await gone.stream.prompt(clickAt(104, 110));
    await gone.see(2);
    expect(
      gone.lane.requests.slice(1).map(({ frameIndex, pixels }) => [frameIndex, pixels === null]),
    ).toEqual([
      [0, true],
      [2, false],
    ]);
    expect(gone.lane.requests[2]?.prompted).toMatchObject([{ objectId: id }]);
  });

  it('does not go on from what it saw before a reset', async () => {
    const { lane, stream, see } = open({ maxSegmentationsPerSecond: 0.1 });
    await see(0, [clickAt(100, 110)]);
    await see(1);
    stream.reset();
    await stream.prompt(clickAt(104, 110));
    await see(2);
    expect(lane.requests[1]).toMatchObject({ frameIndex: 2, forgetAll: true });
  });

  it('brings a prompt of an earlier frame to the present', async () => {
    const { lane, stream, see } = open();
    lane.isFree = false;
    for (let index = 0; index <= 20; index++) await see(index);
    const { timestampNs } = scene.frame(5);
    await stream.prompt({ ...clickAt(120, 110), timestampNs });
    lane.isFree = true;
    await see(21);
    const shape = promptedShape(lane);
    const [point] = shape?.kind === 'points' ? shape.points : [];
    expect(Math.hypot((point?.x ?? 0) - 184, (point?.y ?? 0) - 110)).toBeLessThan(12);
  });

  it('carries a mask of an earlier frame to the present at once', async () => {
    const { lane, stream, see } = open();
    lane.isFree = false;
    for (let index = 0; index <= 20; index++) await see(index);
    const { timestampNs } = scene.frame(5);
    const id = await stream.prompt({ ...showMask(5), timestampNs });
    const { tracks } = await see(21);
    const mask = tracks.find((track) => track.id === id)?.mask;
    const shown = mask ? decodeRunLength(mask) : new Uint8Array(scene.width * scene.height);
    // Left where it was drawn, it would overlap by less than a tenth.
    expect(maskIou(shown, scene.visible(0, 21))).toBeGreaterThan(0.6);
  });

  it('refuses a prompt of a frame that does not lead to the present, and changes nothing', async () => {
    const { lane, stream, see } = open();
    lane.isFree = false;
    await see(0);
    await see(1);
    await see(2, [], elsewhere);
    const refusal = { code: 'TRACKCAST_FRAME_UNREACHABLE' };
    for (const timestampNs of [-1n, scene.frame(1).timestampNs, scene.frame(200).timestampNs]) {
      await expect(stream.prompt({ ...clickAt(10, 10), timestampNs })).rejects.toMatchObject(refusal);
      await expect(stream.prompt({ ...showMask(1), timestampNs })).rejects.toMatchObject(refusal);
    }
    expect((await see(3, [], elsewhere)).tracks).toEqual([]);
    expect(stream.snapshot().nextTrackId).toBe(1);
    await stream.prompt({ ...clickAt(10, 10), timestampNs: scene.frame(3).timestampNs });
    expect(stream.snapshot().nextTrackId).toBe(2);
  });
});
