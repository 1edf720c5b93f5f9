import { describe, expect, it } from 'vitest';
import { encodeRunLengthRegion } from '../../../src/mask/run-length.ts';
import { AutoGrid } from '../../../src/prompting/auto-grid.ts';
import type { Prompt } from '../../../src/prompting/prompt.ts';
import { noStrategy } from '../../../src/prompting/prompt-strategy.ts';
import { IouStream } from '../../../src/tracker/iou/iou-stream.ts';
import type { TrackFrame } from '../../../src/tracker/track.ts';
import { blankFrame } from '../blank-frame.ts';
import { type GridBox, ScriptedLane, type Sight } from '../scripted-lane.ts';

function open(sights: readonly Sight[] | ((frameIndex: number) => Sight), automatic = true, maxObjects = 20) {
  const lane = new ScriptedLane();
  const sightOn = typeof sights === 'function' ? sights : (index: number) => sights[index] ?? {};
  lane.see = ({ frameIndex }) => sightOn(frameIndex);
  const strategy = automatic ? new AutoGrid() : noStrategy;
  const stream = new IouStream({ streamId: 'blank' }, { lane, strategy, maxObjects, waitsForTurn: false });
  const run = async (from: number, to: number): Promise<TrackFrame> => {
    let last = await stream.processFrame(blankFrame(from));
    for (let index = from + 1; index <= to; index++) last = await stream.processFrame(blankFrame(index));
    return last;
  };
  return { lane, stream, run };
}

const box = (x: number, y: number, width = 8, height = 6): GridBox => ({ x, y, width, height });

function given(x: number, y: number, width: number, height: number, objectId?: number): Prompt {
  const region = { x, y, width, height };
  const mask = encodeRunLengthRegion(new Uint8Array(width * height).fill(1), region, 128, 96);
  return {
    shape: { kind: 'mask', mask },
    author: 'person',
    ...(objectId === undefined ? {} : { objectId }),
  };
}

describe('IouStream', () => {
  it('shows what the model sees, at its place in source pixels', async () => {
    const { run } = open([{ candidates: [box(4, 3)] }]);
    const { tracks, provenance, events } = await run(0, 0);
    expect(provenance).toBe('segmented');
    expect(events).toEqual([{ kind: 'created', trackId: 1 }]);
    expect(tracks).toMatchObject([{ id: 1, box: { x: 16, y: 12, width: 32, height: 24 }, area: 764 }]);
  });

  it('continues each object with the mask that overlaps it, and gives new ids to the rest', async () => {
    const { run } = open([
      { candidates: [box(2, 2), box(20, 12)] },
      { candidates: [box(20, 14), box(4, 2), box(2, 14)] },
    ]);
    const first = await run(0, 0);
    const second = await run(1, 1);
    const boxOf = (frame: TrackFrame, id: number) => frame.tracks.find((track) => track.id === id)?.box;
    const left = first.tracks.find((track) => track.box?.x === 8)?.id ?? 0;
    const right = first.tracks.find((track) => track.box?.x === 80)?.id ?? 0;
    expect(boxOf(second, left)).toMatchObject({ x: 16, y: 8 });
    expect(boxOf(second, right)).toMatchObject({ x: 80, y: 56 });
    expect(boxOf(second, 3)).toMatchObject({ x: 8, y: 56 });
    expect(second.events).toEqual([{ kind: 'created', trackId: 3 }]);
  });

  it('hides an object that is missed, recovers it at its place, and loses it in the end', async () => {
    const seen = (index: number) => index < 3 || index === 10;
    const { run } = open((index) => (seen(index) ? { candidates: [box(4, 3)] } : {}));
    expect((await run(0, 2)).tracks).toMatchObject([{ id: 1, state: 'active' }]);
    const missed = await run(3, 3);
    expect(missed.events).toEqual([{ kind: 'occluded', trackId: 1 }]);
    expect(missed.tracks).toMatchObject([{ state: 'occluded', mask: null, score: 0, lastSeenFrame: 2 }]);
    const back = await run(4, 10);
    expect(back.events).toEqual([{ kind: 'recovered', trackId: 1 }]);
    expect(back.tracks).toMatchObject([{ id: 1, state: 'active', lastSeenFrame: 10 }]);
    // Ten frames a second: five seconds hidden are over with frame 61.
    const frames: TrackFrame[] = [];
    for (let index = 11; index <= 62; index++) frames.push(await run(index, index));
    const lost = frames.find(({ events }) => events.some(({ kind }) => kind === 'lost'));
    expect(lost?.frame.index).toBe(61);
  });

  it('takes what appears where a lost object was for a new one', async () => {
    const { run } = open((index) => (index < 3 || index === 70 ? { candidates: [box(4, 3)] } : {}));
    const again = await run(0, 70);
    expect(again.tracks.map(({ id, state }) => ({ id, state }))).toEqual([
      { id: 1, state: 'lost' },
      { id: 2, state: 'active' },
    ]);
  });

  it('takes back an automatic object that is seen only once', async () => {
    const { run, stream } = open([{ candidates: [box(4, 3)] }]);
    await run(0, 0);
    const next = await run(1, 1);
    expect(next.events).toEqual([{ kind: 'removed', trackId: 1 }]);
    expect(next.tracks).toEqual([]);
    expect(stream.counters().rejectedCandidates).toEqual({ not_found_again: 1 });
  });

  it('looks at the whole picture on every frame, and again at every object', async () => {
    const { run, lane, stream } = open(() => ({ candidates: [box(4, 3)] }));
    await run(0, 2);
    const points = lane.requests.map(({ gridPoints }) => gridPoints.length / 2);
    expect(points[0]).toBeGreaterThan(20);
    expect(points.slice(1)).toEqual([(points[0] ?? 0) + 1, (points[0] ?? 0) + 1]);
    const [x = 0, y = 0] = lane.requests[1]?.gridPoints ?? [];
    expect(x * 32).toBeGreaterThan(4);
    expect(x * 32).toBeLessThan(12);
    expect(y * 24).toBeGreaterThan(3);
    expect(y * 24).toBeLessThan(9);
    expect(lane.requests.every(({ targets, forgetAll }) => targets.length === 0 && forgetAll)).toBe(true);
    expect(stream.counters()).toMatchObject({
      segmentations: 3,
      prompts: points.reduce((sum, count) => sum + count, 0),
      reprompts: { first_frame: 1, interval: 2, scene_cut: 0 },
      lastSegmentation: { total: 6 },
    });
  });

  it('makes no more objects than allowed, but those of people', async () => {
    const three = { candidates: [box(2, 2), box(20, 2), box(2, 16)] };
    const { stream } = open([three, three], true, 2);
    const first = await stream.processFrame(blankFrame(0));
    expect(first.tracks).toHaveLength(2);
    expect(stream.counters().rejectedCandidates).toEqual({ limit: 1 });
    await stream.prompt(given(80, 64, 32, 24));
    expect((await stream.processFrame(blankFrame(1))).tracks.length).toBe(3);
  });

  it('gives a hidden object up for a new one at the limit, and its place with it', async () => {
    const here = { candidates: [box(4, 3)] };
    const there = { candidates: [box(20, 14)] };
    const { run } = open([here, here, there, { candidates: [box(4, 3), box(20, 14)] }], true, 1);
    await run(0, 1);
    expect((await run(2, 2)).events).toEqual([
      { kind: 'occluded', trackId: 1 },
      { kind: 'removed', trackId: 1 },
      { kind: 'created', trackId: 2 },
    ]);
    expect((await run(3, 3)).tracks).toMatchObject([{ id: 2, box: { x: 80, y: 56 } }]);
  });

  it('draws what a person points at, and takes no candidate at that place for another object', async () => {
    const { stream, run, lane } = open([
      {},
      { objects: { 1: box(4, 3) }, candidates: [box(4, 3)] },
      { candidates: [box(5, 3)] },
    ]);
    await run(0, 0);
    const points = [{ x: 30, y: 24, positive: true }];
    const id = await stream.prompt({ shape: { kind: 'points', points }, author: 'person' });
    const drawn = await run(1, 1);
    expect(lane.requests[1]?.prompted).toMatchObject([{ objectId: id, shape: { points } }]);
    expect(drawn.tracks).toMatchObject([{ id, author: 'person', box: { x: 16, y: 12 } }]);
    expect((await run(2, 2)).tracks).toMatchObject([{ id, box: { x: 20, y: 12 } }]);
  });

  it('believes a given mask on its own frame, whatever the model sees', async () => {
    const { stream, run } = open(() => ({}), false);
    const shown = await stream.processFrame(blankFrame(0), [given(16, 12, 32, 24)]);
    expect(shown.tracks).toMatchObject([{ id: 1, state: 'active', area: 764 }]);
    const next = await run(1, 1);
    expect(next.tracks).toMatchObject([{ id: 1, state: 'occluded' }]);
  });

  it('changes nothing for a mask whose runs are wrong', async () => {
    const { stream, run } = open(() => ({}), false);
    await run(0, 0);
    const mask = { size: [96, 128] as [number, number], counts: 'no runs' };
    const bad: Prompt = { shape: { kind: 'mask', mask }, author: 'person' };
    await expect(stream.prompt(bad)).rejects.toMatchObject({ code: 'TRACKCAST_MASK_INVALID' });
    expect((await run(1, 1)).events).toEqual([]);
    expect(stream.snapshot().nextTrackId).toBe(1);
  });

  it('refuses an empty mask', async () => {
    const { stream, run } = open(() => ({}), false);
    await run(0, 0);
    const region = { x: 0, y: 0, width: 2, height: 2 };
    const mask = encodeRunLengthRegion(new Uint8Array(4), region, 128, 96);
    await expect(stream.prompt({ shape: { kind: 'mask', mask }, author: 'person' })).rejects.toMatchObject({
      code: 'TRACKCAST_PROMPT_INVALID',
    });
    expect((await run(1, 1)).events).toEqual([]);
  });

  it('goes on with the masks that it has when a segmentation fails', async () => {
    const { run, lane, stream } = open(() => ({ candidates: [box(4, 3)] }));
    await run(0, 1);
    const see = lane.see;
    lane.see = () => {
      throw new Error('out of memory');
    };
    const failed = await run(2, 2);
    expect(failed).toMatchObject({ provenance: 'propagated', tracks: [{ id: 1, state: 'active' }] });
    expect(stream.counters()).toMatchObject({
      segmentations: 2,
      rejectedCandidates: { segmentation_failed: 1 },
    });
    lane.see = see;
    expect(await run(3, 3)).toMatchObject({ provenance: 'segmented', tracks: [{ id: 1 }] });
  });

  it('gives the prompts of a failed look to one more, then removes what they did not show', async () => {
    const { stream, run, lane } = open(() => ({}), false);
    const see = lane.see;
    lane.see = () => {
      throw new Error('out of memory');
    };
    const shape = { kind: 'points', points: [{ x: 30, y: 24, positive: true }] } as const;
    const click: Prompt = { shape, author: 'person' };
    await stream.processFrame(blankFrame(0), [click]);
    lane.see = () => ({ objects: { 1: box(4, 3) } });
    expect(await run(1, 1)).toMatchObject({ events: [], tracks: [{ id: 1, state: 'active' }] });
    lane.see = () => {
      throw new Error('out of memory');
    };
    await stream.processFrame(blankFrame(2), [click]);
    expect((await run(3, 3)).events).toEqual([{ kind: 'removed', trackId: 2 }]);
    lane.see = see;
    await run(4, 4);
    expect(lane.requests.map(({ prompted }) => prompted.map(({ objectId }) => objectId))).toEqual([
      [1],
      [1],
      [2],
      [2],
      [],
    ]);
  });

  it('holds the last masks until a late result lands', async () => {
    const { run, lane } = open((index) => ({ candidates: [box(4 + index, 3)] }));
    await run(0, 0);
    lane.withholds = true;
    const held = await run(1, 3);
    expect(held).toMatchObject({ provenance: 'propagated', tracks: [{ id: 1, box: { x: 16 } }] });
    expect(held.tracks[0]?.lastSeenFrame).toBe(0);
    expect(lane.requests).toHaveLength(2);
    lane.withholds = false;
    // What lands is about frame 1; the look at frame 4 begins and is there at once.
    const landed = await run(4, 4);
    expect(landed).toMatchObject({ provenance: 'segmented', tracks: [{ id: 1, box: { x: 32 } }] });
    expect(lane.requests.map(({ frameIndex }) => frameIndex)).toEqual([0, 1, 4]);
  });

  it('ignores a result from before a reset', async () => {
    const { run, lane, stream } = open([{ candidates: [box(4, 3)] }]);
    lane.withholds = true;
    await run(0, 0);
    stream.reset();
    lane.withholds = false;
    expect((await run(1, 1)).events).toEqual([]);
    expect(stream.counters().segmentations).toBe(2);
  });

  it('does not let the place of a removed object claim a mask', async () => {
    const { run, stream } = open(() => ({ candidates: [box(4, 3)] }));
    await run(0, 1);
    stream.remove(1);
    const next = await run(2, 2);
    expect(next.events).toEqual([
      { kind: 'removed', trackId: 1 },
      { kind: 'created', trackId: 2 },
    ]);
  });

  it('asks for nothing when there is nothing to look for', async () => {
    const { run, lane } = open(() => ({}), false);
    expect((await run(0, 1)).tracks).toEqual([]);
    expect(lane.requests).toEqual([]);
  });

  it('leaves the lane when it closes', async () => {
    const { run, lane, stream } = open(() => ({}));
    await run(0, 0);
    await stream.close();
    expect(lane.closed).toEqual(['blank']);
  });
});
