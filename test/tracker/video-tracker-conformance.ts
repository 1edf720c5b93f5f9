import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PixelGeometry } from '../../src/buffer/frame.ts';
import { maskIou } from '../../src/mask/mask-iou.ts';
import { decodeRunLength, encodeRunLengthRegion } from '../../src/mask/run-length.ts';
import type { Prompt } from '../../src/prompting/prompt.ts';
import type { Track, TrackFrame } from '../../src/tracker/track.ts';
import type { TrackedStream, VideoTracker } from '../../src/tracker/video-tracker.ts';
import { blue, type Disc, DiscScene, type DiscSceneOptions, moving, red, yellow } from './disc-scene.ts';
import { TrackLedger } from './track-ledger.ts';

export interface TrackerUnderTest {
  readonly name: string;
  /** @param automatic whether the tracker looks for objects by itself */
  readonly open: (automatic: boolean) => Promise<VideoTracker>;
  /** False for trackers that only carry what they are shown as masks. */
  readonly segments: boolean;
  /** Size at which it wants pictures, where that is not any. */
  readonly geometry?: PixelGeometry;
}

const redDisc: Disc = { radius: 34, colour: red, at: moving(98, 112, 2, 0) };
const yellowDisc: Disc = { radius: 30, colour: yellow, at: moving(270, 96, -1, 1) };
const blueDisc: Disc = { radius: 32, colour: blue, at: moving(192, 100, 1, 0.5) };

const person = 'person' as const;

/** What every `VideoTracker` promises. */
export function describeVideoTrackerConformance({ name, open, segments, geometry }: TrackerUnderTest): void {
  const sceneOf = (options: DiscSceneOptions) =>
    new DiscScene({ ...options, ...(geometry === undefined ? {} : { geometry }) });

  describe(`${name} as a video tracker`, () => {
    let prompted: VideoTracker;
    let automatic: VideoTracker;
    let streams = 0;
    beforeAll(async () => {
      prompted = await open(false);
      automatic = segments ? await open(true) : prompted;
    });
    afterAll(async () => {
      await prompted.dispose();
      if (automatic !== prompted) await automatic.dispose();
    });

    /** A stream of its own with everything that it says checked. */
    function watch(scene: DiscScene, tracker = prompted, firstTrackId?: number) {
      const options = firstTrackId === undefined ? {} : { firstTrackId };
      const stream = tracker.openStream({ streamId: `stream-${++streams}`, ...options });
      const ledger = new TrackLedger();
      const see = async (index: number, prompts?: Prompt[], of = scene): Promise<TrackFrame> => {
        const frame = of.frame(index, stream.streamId);
        return ledger.enter(frame, await stream.processFrame(frame, prompts));
      };
      const run = async (from: number, to: number, of = scene): Promise<TrackFrame> => {
        let last = await see(from, undefined, of);
        for (let index = from + 1; index <= to; index++) last = await see(index, undefined, of);
        return last;
      };
      return { stream, ledger, see, run, [Symbol.asyncDispose]: () => stream.close() };
    }

    function overlap(scene: DiscScene, disc: number, frameIndex: number, track: Track | undefined): number {
      if (track === undefined || track.mask === null) return 0;
      return maskIou(decodeRunLength(track.mask), scene.visible(disc, frameIndex));
    }

    function maskPrompt(scene: DiscScene, disc: number, frameIndex: number): Prompt {
      return { shape: { kind: 'mask', mask: scene.mask(disc, frameIndex) }, author: person };
    }

    it('shows a prompted mask at once and follows the object', async () => {
      const scene = sceneOf({ discs: [redDisc, yellowDisc] });
      await using tracked = watch(scene);
      const first = await tracked.see(0, [maskPrompt(scene, 0, 0), maskPrompt(scene, 1, 0)]);
      expect(first.events.map(({ kind }) => kind)).toEqual(['created', 'created']);
      expect(first.tracks).toHaveLength(2);
      expect(first.tracks[0]).toMatchObject({
        author: person,
        firstFrame: 0,
        lastSeenFrame: 0,
        state: 'active',
      });
      expect(overlap(scene, 0, 0, first.tracks[0])).toBeGreaterThan(0.9);
      const last = await tracked.run(1, 14);
      expect(last.tracks.map(({ id }) => id)).toEqual(first.tracks.map(({ id }) => id));
      expect(last.tracks.map(({ lastSeenFrame }) => lastSeenFrame)).toEqual([14, 14]);
      expect(overlap(scene, 0, 14, last.tracks[0])).toBeGreaterThan(0.85);
      expect(overlap(scene, 1, 14, last.tracks[1])).toBeGreaterThan(0.85);
    });

    it('takes a prompt about the newest frame between two frames', async () => {
      const scene = sceneOf({ discs: [redDisc] });
      await using tracked = watch(scene);
      await tracked.see(0);
      const id = await tracked.stream.prompt({ ...maskPrompt(scene, 0, 0), label: 'ball' });
      const next = await tracked.see(1);
      expect(next.tracks).toMatchObject([{ id, label: 'ball', state: 'active' }]);
      expect(overlap(scene, 0, 1, next.tracks[0])).toBeGreaterThan(0.8);
    });

    it('refines the object that a prompt names, and makes no other', async () => {
      const scene = sceneOf({ discs: [redDisc, blueDisc] });
      await using tracked = watch(scene);
      const first = await tracked.see(0, [maskPrompt(scene, 0, 0)]);
      const id = first.tracks[0]?.id ?? -1;
      const refinement: Prompt = { ...maskPrompt(scene, 1, 1), objectId: id, label: 'the other' };
      const second = await tracked.see(1, [refinement]);
      expect(second.events).toEqual([]);
      expect(second.tracks).toMatchObject([{ id, label: 'the other', firstFrame: 0 }]);
      expect(overlap(scene, 1, 1, second.tracks[0])).toBeGreaterThan(0.85);
    });

    if (segments) {
      it.each([
        {
          shape: { kind: 'box', box: { x: 64, y: 78, width: 68, height: 68 } },
          name: 'a box',
        },
        { shape: { kind: 'points', points: [{ x: 98, y: 112, positive: true }] }, name: 'a click' },
        {
          shape: {
            kind: 'points',
            points: [
              { x: 90, y: 105, positive: true },
              { x: 106, y: 122, positive: true },
              { x: 270, y: 96, positive: false },
            ],
          },
          name: 'several clicks',
        },
      ] as const)('makes an object of $name, which appears and is followed', async ({ shape }) => {
        const scene = sceneOf({ discs: [redDisc, yellowDisc] });
        await using tracked = watch(scene);
        await tracked.see(0, [{ shape, author: person, label: 'ball' }]);
        expect(tracked.ledger.ids).toHaveLength(1);
        const last = await tracked.run(1, 4);
        expect(last.tracks).toMatchObject([{ id: tracked.ledger.ids[0], label: 'ball', state: 'active' }]);
        expect(overlap(scene, 0, 4, last.tracks[0])).toBeGreaterThan(0.8);
      });

      it('finds objects by itself and keeps their ids while they move', async () => {
        const scene = sceneOf({ discs: [redDisc, yellowDisc] });
        await using tracked = watch(scene, automatic);
        const early = await tracked.run(0, 5);
        const idOf = (frame: TrackFrame, disc: number): number | undefined =>
          frame.tracks.find((track) => overlap(scene, disc, frame.frame.index, track) > 0.7)?.id;
        const ids = [idOf(early, 0), idOf(early, 1)];
        expect(ids).not.toContain(undefined);
        const late = await tracked.run(6, 24);
        expect([idOf(late, 0), idOf(late, 1)]).toEqual(ids);
        expect(late.tracks.every(({ author }) => author === 'strategy')).toBe(true);
        const { prompts, segmentations, reprompts } = tracked.stream.counters();
        expect(prompts).toBeGreaterThan(0);
        expect(segmentations).toBeGreaterThan(0);
        expect(reprompts.first_frame).toBe(1);
      });

      it('hides an object that has gone, and shows it nowhere but where it returns', async () => {
        const coming: Disc = {
          ...redDisc,
          at: (index) => (index >= 6 && index < 14 ? null : { x: 98, y: 112 }),
        };
        const scene = sceneOf({ discs: [coming, yellowDisc] });
        await using tracked = watch(scene);
        const first = await tracked.see(0, [maskPrompt(scene, 0, 0)]);
        const id = first.tracks[0]?.id;
        expect((await tracked.run(1, 5)).tracks).toMatchObject([{ id, state: 'active' }]);
        const hidden = await tracked.run(6, 13);
        expect(hidden.tracks).toMatchObject([{ id, state: 'occluded', mask: null, box: null, area: 0 }]);
        expect(hidden.tracks[0]?.lastSeenFrame).toBeLessThan(13);
        const [back] = (await tracked.run(14, 20)).tracks;
        expect(back?.id).toBe(id);
        if (back?.state === 'active') expect(overlap(scene, 0, 20, back)).toBeGreaterThan(0.8);
      });
    }

    describe('refuses bad prompts and changes nothing', () => {
      const wrongMask = encodeRunLengthRegion(
        new Uint8Array(4).fill(1),
        { x: 0, y: 0, width: 2, height: 2 },
        8,
        8,
      );
      const at = (x: number, y: number): Prompt['shape'] => ({
        kind: 'points',
        points: [{ x, y, positive: true }],
      });
      const box = (x: number, y: number, width: number, height: number): Prompt['shape'] => ({
        kind: 'box',
        box: { x, y, width, height },
      });
      const cases: { name: string; prompt: Partial<Prompt> }[] = [
        { name: 'no points', prompt: { shape: { kind: 'points', points: [] } } },
        { name: 'a point left of the picture', prompt: { shape: at(-1, 10) } },
        { name: 'a point below the picture', prompt: { shape: at(10, 217) } },
        { name: 'a point that is no number', prompt: { shape: at(Number.NaN, 10) } },
        { name: 'a box without width', prompt: { shape: box(10, 10, 0, 10) } },
        { name: 'a box that leaves the picture', prompt: { shape: box(300, 10, 100, 10) } },
        { name: 'a box of negative height', prompt: { shape: box(10, 50, 10, -10) } },
        {
          name: 'a box beside good points',
          prompt: { shape: { ...at(9, 9), box: badBox } as Prompt['shape'] },
        },
        { name: 'a mask of another size', prompt: { shape: { kind: 'mask', mask: wrongMask } } },
        { name: 'a negative id', prompt: { shape: at(10, 10), objectId: -1 } },
        { name: 'an id with a fraction', prompt: { shape: at(10, 10), objectId: 1.5 } },
      ];

      it('whether they come between frames or with one', async () => {
        const scene = sceneOf({ discs: [redDisc] });
        await using tracked = watch(scene);
        await tracked.see(0, [maskPrompt(scene, 0, 0)]);
        const before = tracked.stream.snapshot();
        for (const { name: what, prompt } of cases) {
          const bad = { author: person, ...prompt } as Prompt;
          const refusal = { code: 'TRACKCAST_PROMPT_INVALID' };
          await expect(tracked.stream.prompt(bad), what).rejects.toMatchObject(refusal);
          expect(tracked.stream.snapshot(), what).toEqual(before);
        }
        const after = await tracked.see(1);
        expect(after.events).toEqual([]);
        expect(after.tracks).toHaveLength(1);
        const withFrame = tracked.stream.processFrame(scene.frame(2, tracked.stream.streamId), [
          { shape: at(-1, -1), author: person },
        ]);
        await expect(withFrame).rejects.toMatchObject({ code: 'TRACKCAST_PROMPT_INVALID' });
        expect((await tracked.see(3)).tracks).toMatchObject([{ id: before.tracks[0]?.id, state: 'active' }]);
      });

      it('before the first frame, when nobody can mean anything', async () => {
        const scene = sceneOf({ discs: [redDisc] });
        await using tracked = watch(scene);
        await expect(tracked.stream.prompt(maskPrompt(scene, 0, 0))).rejects.toMatchObject({
          code: 'TRACKCAST_PROMPT_INVALID',
        });
        expect((await tracked.see(0)).events).toEqual([]);
      });
    });

    it('renames and removes objects, and knows none but its own', async () => {
      const scene = sceneOf({ discs: [redDisc, yellowDisc] });
      await using tracked = watch(scene);
      const first = await tracked.see(0, [maskPrompt(scene, 0, 0), maskPrompt(scene, 1, 0)]);
      const [kept, removed] = first.tracks.map(({ id }) => id) as [number, number];
      tracked.stream.change(kept, { label: 'kept' });
      tracked.stream.remove(removed);
      const unknown = { code: 'TRACKCAST_OBJECT_UNKNOWN' };
      expect(() => tracked.stream.remove(removed)).toThrow(expect.objectContaining(unknown));
      expect(() => tracked.stream.change(removed, { label: 'x' })).toThrow(expect.objectContaining(unknown));
      expect(() => tracked.stream.change(999, { locked: true })).toThrow(expect.objectContaining(unknown));
      const next = await tracked.see(1);
      expect(next.events).toEqual([{ kind: 'removed', trackId: removed }]);
      expect(next.tracks).toMatchObject([{ id: kept, label: 'kept' }]);
      tracked.stream.change(kept, { label: null });
      const third = await tracked.see(2, [maskPrompt(scene, 1, 2)]);
      expect(third.tracks[0]?.label).toBeNull();
      expect(third.tracks[1]?.id).toBeGreaterThan(removed);
    });

    it('forgets everything at a reset, but not which ids it gave', async () => {
      const scene = sceneOf({ discs: [redDisc, yellowDisc] });
      await using tracked = watch(scene, prompted, 40);
      const first = await tracked.see(0, [maskPrompt(scene, 0, 0), maskPrompt(scene, 1, 0)]);
      expect(first.tracks.map(({ id }) => id)).toEqual([40, 41]);
      tracked.stream.reset();
      const next = await tracked.see(1, [maskPrompt(scene, 0, 1)]);
      expect(next.events).toEqual([
        { kind: 'removed', trackId: 40 },
        { kind: 'removed', trackId: 41 },
        { kind: 'created', trackId: 42 },
      ]);
      expect(next.tracks.map(({ id }) => id)).toEqual([42]);
      expect(tracked.stream.snapshot().nextTrackId).toBe(43);
    });

    it('never gives an id twice, whoever chose it and whoever comes after', async () => {
      const scene = sceneOf({ discs: [redDisc, yellowDisc] });
      await using tracked = watch(scene);
      await tracked.see(0, [{ ...maskPrompt(scene, 0, 0), objectId: 17 }]);
      await tracked.see(1, [maskPrompt(scene, 1, 1)]);
      expect(tracked.ledger.ids).toEqual([17, 18]);
      tracked.stream.remove(18);
      await tracked.see(2);
      const { nextTrackId, tracks } = tracked.stream.snapshot();
      expect(nextTrackId).toBe(19);
      expect(tracks.map(({ id }) => id)).toEqual([17]);
      await using successor = watch(scene, prompted, nextTrackId);
      await successor.see(3, [maskPrompt(scene, 1, 3)]);
      expect(successor.ledger.ids).toEqual([19]);
    });

    it('tolerates skipped frames, even before the first', async () => {
      const scene = sceneOf({ discs: [redDisc] });
      await using tracked = watch(scene);
      tracked.stream.skipFrame(scene.frame(0, tracked.stream.streamId));
      await tracked.see(1, [maskPrompt(scene, 0, 1)]);
      for (let index = 2; index <= 10; index += 2) {
        tracked.stream.skipFrame(scene.frame(index, tracked.stream.streamId));
        await tracked.see(index + 1);
      }
      const last = await tracked.see(12);
      expect(last.tracks).toMatchObject([{ id: tracked.ledger.ids[0], state: 'active' }]);
      expect(overlap(scene, 0, 12, last.tracks[0])).toBeGreaterThan(0.8);
    });

    it('gives masks of the new size when the picture changes its size', async () => {
      const wide = sceneOf({ discs: [redDisc] });
      const small = sceneOf({
        width: 192,
        height: 108,
        discs: [{ ...redDisc, radius: 17, at: moving(49, 56, 1, 0) }],
      });
      const square = sceneOf({ width: 208, height: 208, discs: [redDisc] });
      await using tracked = watch(wide);
      await tracked.see(0, [maskPrompt(wide, 0, 0)]);
      await tracked.run(1, 2);
      const shrunk = await tracked.run(3, 5, small);
      expect(overlap(small, 0, 5, shrunk.tracks[0])).toBeGreaterThan(0.7);
      await tracked.run(6, 8, square);
      await tracked.run(9, 10);
    });

    it('carries no mask over a cut', async () => {
      const before = sceneOf({ discs: [redDisc, yellowDisc] });
      const after = sceneOf({ discs: [], backdrop: 2 });
      await using tracked = watch(before);
      const prompts = [maskPrompt(before, 0, 0), maskPrompt(before, 1, 0)];
      await tracked.see(0, prompts);
      const last = await tracked.run(1, 3);
      expect(last.tracks.map(({ state }) => state)).toEqual(['active', 'active']);
      const cut = await tracked.see(4, undefined, after);
      expect(cut.tracks.map(({ state, mask }) => ({ state, mask }))).toEqual([
        { state: 'occluded', mask: null },
        { state: 'occluded', mask: null },
      ]);
      const later = await tracked.run(5, 8, after);
      expect(later.tracks.map(({ mask }) => mask)).toEqual([null, null]);
    });

    it('counts up only', async () => {
      const scene = sceneOf({ discs: [redDisc] });
      await using tracked = watch(scene, automatic);
      let before = tracked.stream.counters();
      expect(before.segmentations).toBe(0);
      for (let index = 0; index < 4; index++) {
        await tracked.see(index);
        const now = tracked.stream.counters();
        expect(now.segmentations).toBeGreaterThanOrEqual(before.segmentations);
        expect(now.prompts).toBeGreaterThanOrEqual(before.prompts);
        before = now;
      }
      if (segments) {
        expect(before.segmentations).toBe(4);
        expect(before.lastSegmentation?.total).toBeGreaterThan(0);
      }
    });

    it('keeps two streams apart', async () => {
      const scenes = [
        sceneOf({ discs: [redDisc, yellowDisc] }),
        sceneOf({ discs: [blueDisc], backdrop: 1 }),
      ] as const;
      const alone = await tracksOf(automatic, [scenes[0]]);
      const together = await tracksOf(automatic, scenes);
      expect(together[0]).toEqual(alone[0]);
      expect(together[1]?.every((tracks) => tracks.every(({ id }) => id <= 4))).toBe(true);
    });

    it('closes streams and then itself', async () => {
      const tracker = await open(false);
      const scene = sceneOf({ discs: [redDisc] });
      const stream = tracker.openStream({ streamId: 'short' });
      const unused = tracker.openStream({ streamId: 'never-used' });
      await stream.processFrame(scene.frame(0, 'short'), [maskPrompt(scene, 0, 0)]);
      await stream.close();
      await unused.close();
      await tracker.dispose();
    });

    /** Tracks of each scene, all tracked in turn, frame by frame. */
    async function tracksOf(
      tracker: VideoTracker,
      scenes: readonly DiscScene[],
    ): Promise<TrackFrame['tracks'][][]> {
      const opened: TrackedStream[] = scenes.map(() =>
        tracker.openStream({ streamId: `stream-${++streams}` }),
      );
      const tracks: TrackFrame['tracks'][][] = scenes.map(() => []);
      for (let index = 0; index < 6; index++) {
        for (const [at, scene] of scenes.entries()) {
          const frame = scene.frame(index, opened[at]?.streamId ?? '');
          const prompts = index === 0 ? [maskPrompt(scene, 0, 0)] : [];
          const tracked = await opened[at]?.processFrame(frame, prompts);
          tracks[at]?.push(tracked?.tracks ?? []);
        }
      }
      for (const stream of opened) await stream.close();
      return tracks;
    }
  });
}

const badBox = { x: 0, y: 0, width: 1000, height: 10 };
