import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { TrackcastError } from '../../src/errors.ts';
import { parsePromptEntries } from '../../src/replay/prompt-entry.ts';
import { schedulePrompts } from '../../src/replay/prompt-schedule.ts';
import {
  checkFrames,
  type MeasuredFrame,
  type PromptedReplayOptions,
  replayWithPrompts,
} from '../../src/replay/prompted-replay.ts';
import type { RecordedFrame, Recording } from '../../src/replay/recording.ts';

const entries = parsePromptEntries(
  JSON.stringify([
    { frame: 0, objectId: 1, points: [[0, 0, 1]] },
    { frame: 2, objectId: 1, points: [[0, 0, 0]] },
  ]),
);

/** A recording that says when it is left. */
class CountedRecording implements Recording {
  readonly kind = 'tensor';
  readonly frameCount = null;
  readonly #count: number;
  isOpen = false;

  constructor(count: number) {
    this.#count = count;
  }

  async *frames(): AsyncGenerator<RecordedFrame, void, undefined> {
    this.isOpen = true;
    try {
      for (let index = 0; index < this.#count; index++) {
        const timestampNs = BigInt(index);
        const picture = {
          width: 1,
          height: 1,
          pixels: new Uint8Array(3),
          isKeyframe: true,
          isDamaged: false,
        };
        yield { ...picture, index, timestampNs };
      }
    } finally {
      this.isOpen = false;
    }
  }
}

async function run(count: number, options: Partial<PromptedReplayOptions> = {}) {
  const recording = new CountedRecording(count);
  const seen: string[] = [];
  const measured: MeasuredFrame[] = [];
  const replaying = replayWithPrompts({
    recording,
    schedule: schedulePrompts(entries),
    tracker: {
      process: async ({ index }, { before, after }) => {
        seen.push(`${index}: ${before.length} ${after.length}`);
        return { provenance: 'segmented', tracks: [], events: [] };
      },
      segmentations: 0,
      close: async () => {},
    },
    streamId: 'a',
    maxFrames: Number.POSITIVE_INFINITY,
    signal: new AbortController().signal,
    onFrame: (frame) => {
      measured.push(frame);
    },
    ...options,
  });
  const outcome = await replaying.then(
    (frames) => ({ frames, error: null }),
    (error: unknown) => ({ frames: null, error }),
  );
  expect(recording.isOpen).toBe(false);
  return { ...outcome, seen, measured };
}

describe('replayWithPrompts', () => {
  it('gives each frame its prompts, and results that are the same in every run', async () => {
    const { frames, seen, measured } = await run(3);
    expect(frames).toBe(3);
    expect(seen).toEqual(['0: 1 0', '1: 0 0', '2: 0 1']);
    expect(measured[1]?.trackFrame).toEqual({
      frame: {
        streamId: 'a',
        index: 1,
        timestampNs: 1n,
        isKeyframe: true,
        isDamaged: false,
        width: 1,
        height: 1,
        chunkSequence: 1,
        unitInChunk: 0,
        receivedAtMs: 0,
        decodedAtMs: 0,
      },
      provenance: 'segmented',
      latencyMs: { decode: 0, queue: 0, track: 0, total: 0 },
      tracks: [],
      events: [],
    });
  });

  it('uses as many frames as it is told to', async () => {
    expect(await run(3, { maxFrames: 2 })).toMatchObject({ frames: 2, seen: ['0: 1 0', '1: 0 0'] });
  });

  it('ends after the frame in hand when it is interrupted', async () => {
    const stopping = new AbortController();
    const onFrame = async ({ frame }: MeasuredFrame) => {
      if (frame.index === 1) stopping.abort();
      await setImmediate();
    };
    expect(await run(9, { signal: stopping.signal, onFrame })).toMatchObject({ frames: 2, error: null });
  });

  it('does not begin when it is interrupted before', async () => {
    expect(await run(9, { signal: AbortSignal.abort() })).toMatchObject({ frames: 0, seen: [] });
  });

  it('names the prompt of a frame that never came', async () => {
    const { error } = await run(2);
    expect(error).toBeInstanceOf(TrackcastError);
    expect(error).toMatchObject({ code: 'TRACKCAST_PROMPT_INVALID' });
    expect(String(error)).toMatch(/entry 2 \(frame 2, object 1\): the recording has 2 frames/);
  });
});

describe('checkFrames', () => {
  it('lets pass what is there', () => {
    expect(() => checkFrames(entries, 3)).not.toThrow();
  });

  it('names what is not', () => {
    expect(() => checkFrames(entries, 2)).toThrow(/^entry 2 /);
  });
});
