import { describe, expect, it } from 'vitest';
import { type Frame, frameInfoOf } from '../../src/buffer/frame.ts';
import type { Prompt } from '../../src/prompting/prompt.ts';
import { parsePromptEntries } from '../../src/replay/prompt-entry.ts';
import { noPrompts, schedulePrompts } from '../../src/replay/prompt-schedule.ts';
import { TrackerReplay } from '../../src/replay/tracker-replay.ts';
import { ObjectTable, objectOfPrompt } from '../../src/tracker/object-table.ts';
import type { TrackFrame } from '../../src/tracker/track.ts';
import type { TrackedStream, VideoTracker } from '../../src/tracker/video-tracker.ts';
import { colourDistance, colourPicture, coloursOfQuarters, quarterColours } from '../ingest/h264-clips.ts';

/** A tracker that only keeps the objects that it is told of, and finds one by itself on each of the first frames. */
class ObjectKeeper implements VideoTracker {
  readonly kind = 'mobile_sam';
  readonly frames: Frame[] = [];
  readonly corrections: Prompt[] = [];
  isDisposed = false;
  readonly #found: number;
  readonly #objects = new ObjectTable('replay', 50, 1);

  constructor(found = 0) {
    this.#found = found;
  }

  openStream(): TrackedStream {
    return {
      streamId: 'replay',
      processFrame: async (frame, prompts = []) => this.#process(frame, prompts),
      prompt: async (prompt) => {
        this.corrections.push(prompt);
        return this.#objects.get(prompt.objectId ?? -1).id;
      },
      remove: (id) => this.#objects.remove(id),
      snapshot: () => ({ streamId: 'replay', nextTrackId: this.#objects.nextId, tracks: [] }),
      counters: () => ({
        segmentations: this.frames.length,
        lastSegmentation: null,
        prompts: 0,
        reprompts: { interval: 0, scene_cut: 0, first_frame: 0 },
        rejectedCandidates: {},
      }),
      skipFrame: () => {},
      change: () => {},
      reset: () => {},
      close: async () => {},
    };
  }

  async dispose(): Promise<void> {
    this.isDisposed = true;
  }

  #process(frame: Frame, prompts: readonly Prompt[]): TrackFrame {
    this.frames.push({ ...frame, pixels: frame.pixels.slice(), luma: frame.luma.slice() });
    const { index: frameIndex, timestampNs } = frame;
    for (const prompt of prompts) objectOfPrompt(prompt, frame, this.#objects);
    if (frame.index < this.#found) {
      const found = { author: 'strategy', label: null, isCertain: true } as const;
      this.#objects.create({ ...found, frameIndex, timestampNs, score: 1 });
    }
    const { width, height } = frame;
    const tracks = [...this.#objects.all()].map((object) =>
      object.toTrack(width, height, (size) => new Float32Array(size)),
    );
    const latencyMs = { decode: 0, queue: 0, track: 0, total: 0 };
    const events = this.#objects.takeEvents();
    return { frame: frameInfoOf(frame), provenance: 'segmented', latencyMs, tracks, events };
  }
}

async function run(tracker: ObjectKeeper, list: readonly object[], frames: number) {
  const schedule = schedulePrompts(parsePromptEntries(JSON.stringify(list)));
  const geometry = { kind: 'fit', longSide: 48, multipleOf: 16 } as const;
  const replay = new TrackerReplay({ tracker, geometry, firstAutomaticId: 10 });
  const ids: number[][] = [];
  const events: string[][] = [];
  try {
    for (let index = 0; index < frames; index++) {
      const pixels = colourPicture(96, 64);
      const picture = { width: 96, height: 64, pixels, isKeyframe: true, isDamaged: false };
      const recorded = { ...picture, index, timestampNs: BigInt(index) };
      const frame = await replay.process(recorded, schedule.get(index) ?? noPrompts);
      ids.push(frame.tracks.map(({ id }) => id));
      events.push(frame.events.map(({ kind, trackId }) => `${kind} ${trackId}`));
    }
  } finally {
    await replay.close();
  }
  expect(tracker.isDisposed).toBe(true);
  return { ids, events };
}

const click = { points: [[10, 10, 1]] };

describe('a replay with a tracker of live streams', () => {
  it('gives objects the ids of the file, and those that were found by the tracker free ones', async () => {
    const entries = [
      { frame: 0, objectId: 3, ...click },
      { frame: 0, objectId: 3, points: [[5, 5, 0]] },
      { frame: 1, objectId: 2, ...click, label: 'ball' },
      { frame: 2, objectId: 3, ...click },
    ];
    const { ids, events } = await run(new ObjectKeeper(2), entries, 3);
    expect(ids).toEqual([
      [3, 10],
      [3, 10, 2, 11],
      [3, 10, 2, 11],
    ]);
    expect(events).toEqual([['created 3', 'created 10'], ['created 2', 'created 11'], []]);
  });

  it('removes objects, and corrects them after their frame', async () => {
    const tracker = new ObjectKeeper();
    const entries = [
      { frame: 0, objectId: 8, ...click },
      { frame: 0, objectId: 9, ...click },
      { frame: 1, objectId: 9, points: [[5, 5, 0]] },
      { frame: 2, objectId: 8, remove: true },
      { frame: 2, objectId: 9, remove: true, when: 'after' },
    ];
    const { ids } = await run(tracker, entries, 4);
    expect(ids).toEqual([[8, 9], [8, 9], [9], []]);
    expect(tracker.corrections).toEqual([
      { objectId: 2, author: 'person', shape: { kind: 'points', points: [{ x: 5, y: 5, positive: false }] } },
    ]);
  });

  it('shows the tracker frames of its size, with luma and without motion', async () => {
    const tracker = new ObjectKeeper();
    await run(tracker, [], 1);
    const [frame] = tracker.frames;
    expect(frame).toMatchObject({
      width: 96,
      height: 64,
      pixelSize: { width: 48, height: 32, contentWidth: 48, contentHeight: 32 },
      lumaWidth: 512,
      lumaHeight: 341,
      motionVectors: new Int16Array(0),
    });
    const colours = coloursOfQuarters(frame?.pixels ?? new Uint8Array(0), 48, 32);
    expect(colourDistance(colours, quarterColours)).toBeLessThan(8);
  });

  it('names the entry of a prompt that it cannot follow', async () => {
    const added = { frame: 0, objectId: 1, points: [[1, 1, 1]], add: true };
    await expect(run(new ObjectKeeper(), [added], 1)).rejects.toThrow(/^entry 1 .* only sam2_video/);
    const outside = { frame: 0, objectId: 1, points: [[100, 1, 1]] };
    await expect(run(new ObjectKeeper(), [outside], 1)).rejects.toThrow(/^entry 1 .* outside/);
  });
});
