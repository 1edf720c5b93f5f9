import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import type { ProposedMasks } from '../../src/model/sam2/sam2-runtime.ts';
import { AutomaticObjects } from '../../src/replay/automatic-objects.ts';
import { LogitsFolder } from '../../src/replay/logits-folder.ts';
import { parsePromptEntries } from '../../src/replay/prompt-entry.ts';
import { noPrompts, schedulePrompts } from '../../src/replay/prompt-schedule.ts';
import type { RecordedFrame, Recording } from '../../src/replay/recording.ts';
import type { ReplayedFrame } from '../../src/replay/replay-tracker.ts';
import { Sam2Replay, type Sam2ReplayOptions } from '../../src/replay/sam2-replay.ts';
import { temporaryFolder } from '../evaluation/temporary-folder.ts';
import { FakeRuntime, fakeImageSize, fakeMaskSize, fakePixels } from '../tracker/sam2/fake-runtime.ts';
import { publishedOptions } from '../tracker/sam2/scenario.ts';
import { readLogits } from './prompted-run.ts';

const folder = temporaryFolder();

const click = { points: [[10, 10, 1]] };
const notStopped = new AbortController().signal;
const objectSize = fakeMaskSize ** 2;
/** What the model says of an object that it does not see. */
const absent = { objectScore: -1, lowResMask: new Float32Array(objectSize).fill(-1024) };
const present = { objectScore: 2, lowResMask: new Float32Array(objectSize).fill(1) };

function frameOf(index: number): RecordedFrame {
  const size = { width: fakeImageSize, height: fakeImageSize };
  return { index, ...size, pixels: fakePixels(index), timestampNs: 0n, isKeyframe: true, isDamaged: false };
}

function recordingOf(frameCount: number): Recording {
  return {
    kind: 'tensor',
    frameCount,
    async *frames() {
      for (let index = 0; index < frameCount; index++) yield frameOf(index);
    },
  };
}

interface Run extends Partial<Sam2ReplayOptions> {
  readonly runtime?: FakeRuntime;
  readonly entries: readonly object[];
  readonly frames: number;
  readonly ahead?: boolean;
}

async function run({ runtime = new FakeRuntime(), entries, frames, ahead = false, ...options }: Run) {
  const schedule = schedulePrompts(parsePromptEntries(JSON.stringify(entries)), ahead);
  const predictor = publishedOptions;
  const usual = { predictor, automatic: null, firstAutomaticId: 10, logits: null };
  const replay = new Sam2Replay({ ...usual, ...options, runtime });
  const results: ReplayedFrame[] = [];
  try {
    if (ahead) await replay.promptAhead(recordingOf(frames), schedule, notStopped);
    for (let index = 0; index < frames; index++) {
      results.push(await replay.process(frameOf(index), schedule.get(index) ?? noPrompts));
    }
  } finally {
    await replay.close();
  }
  expect(runtime.openFeatures).toBe(0);
  expect(runtime.memories.size).toBe(0);
  return results;
}

const idsOf = (results: readonly ReplayedFrame[]) => results.map(({ tracks }) => tracks.map(({ id }) => id));
const eventsOf = (results: readonly ReplayedFrame[]) =>
  results.map(({ events }) => events.map(({ kind, trackId }) => `${kind} ${trackId}`));

describe('a replay with SAM 2', () => {
  it('tells of objects from the frame on which they are shown to that on which they are removed', async () => {
    const results = await run({
      entries: [
        { frame: 1, objectId: 7, ...click, label: 'ball' },
        { frame: 2, objectId: 3, ...click },
        { frame: 3, objectId: 7, remove: true },
        { frame: 4, objectId: 3, remove: true, when: 'after' },
      ],
      frames: 6,
    });
    expect(idsOf(results)).toEqual([[], [7], [7, 3], [3], [], []]);
    const beginsAndEnds = eventsOf(results).map((events) =>
      events.filter((event) => /^(created|removed)/.test(event)),
    );
    expect(beginsAndEnds).toEqual([[], ['created 7'], ['created 3'], ['removed 7'], ['removed 3'], []]);
    expect(results[2]?.tracks[0]).toMatchObject({ label: 'ball', firstFrame: 1, author: 'person' });
  });

  it('calls objects occluded while the model does not see them, and gives their masks at source size', async () => {
    const runtime = new FakeRuntime();
    runtime.script = (step) => (step === 1 || step === 2 ? absent : { ...present, maskIndex: 2 });
    const results = await run({ runtime, entries: [{ frame: 0, objectId: 1, ...click }], frames: 5 });
    const tracks = results.map((frame) => frame.tracks[0]);
    expect(tracks.slice(1).map((track) => track?.state)).toEqual([
      'active',
      'occluded',
      'occluded',
      'active',
    ]);
    expect(tracks.map((track) => track?.lastSeenFrame)).toEqual([0, 1, 1, 1, 4]);
    expect(tracks[2]).toMatchObject({ mask: null, box: null, area: 0, score: 0 });
    expect(tracks[4]).toMatchObject({
      area: fakeImageSize ** 2,
      box: { x: 0, y: 0, width: fakeImageSize, height: fakeImageSize },
      mask: { size: [fakeImageSize, fakeImageSize] },
    });
    expect(eventsOf(results).slice(2)).toEqual([['occluded 1'], [], ['recovered 1']]);
  });

  it('shows corrections at once, and new names', async () => {
    const entries = [
      { frame: 0, objectId: 1, ...click },
      { frame: 1, objectId: 1, points: [[3, 3, 0]], label: 'ball' },
    ];
    const plain = await run({ entries: entries.slice(0, 1), frames: 2 });
    const corrected = await run({ entries, frames: 2 });
    expect(corrected[0]).toEqual(plain[0]);
    expect(corrected[1]?.tracks[0]?.mask).not.toEqual(plain[1]?.tracks[0]?.mask);
    expect(corrected[1]?.tracks[0]?.label).toBe('ball');
  });

  it('gives the same in every run', async () => {
    const entries = [
      { frame: 0, objectId: 1, box: [1, 2, 10, 12] },
      { frame: 2, objectId: 2, ...click },
      { frame: 3, objectId: 1, points: [[3, 3, 0]] },
    ];
    expect(await run({ entries, frames: 6 })).toEqual(await run({ entries, frames: 6 }));
  });

  it.each([
    { name: 'outside the picture', shape: { points: [[10, fakeImageSize + 1, 1]] }, reason: /outside/ },
    { name: 'of another size', shape: { mask: { size: [2, 2], counts: [0, 4] } }, reason: /does not fit/ },
  ])('names the entry of a prompt that is $name', async ({ shape, reason }) => {
    const failing = run({ entries: [{ frame: 1, objectId: 4, ...shape }], frames: 2 });
    await expect(failing).rejects.toMatchObject({ code: 'TRACKCAST_PROMPT_INVALID' });
    await expect(failing).rejects.toThrow(/^entry 1 \(frame 1, object 4\): /);
    await expect(failing).rejects.toThrow(reason);
  });

  it('stops giving prompts ahead after the frame in hand when it is interrupted', async () => {
    const stopping = new AbortController();
    const runtime = new FakeRuntime();
    // As a signal that comes while the model runs.
    runtime.onCall = () => setTimeout(() => stopping.abort(), 0);
    const entries = [0, 1, 2].map((frame) => ({ frame, objectId: frame + 1, ...click }));
    const schedule = schedulePrompts(parsePromptEntries(JSON.stringify(entries)), true);
    const usual = { predictor: publishedOptions, automatic: null, firstAutomaticId: 10, logits: null };
    const replay = new Sam2Replay({ ...usual, runtime });
    const slow: Recording = {
      ...recordingOf(3),
      async *frames() {
        for await (const frame of recordingOf(3).frames()) {
          if (frame.index > 0) await once(stopping.signal, 'abort');
          yield frame;
        }
      },
    };
    await replay.promptAhead(slow, schedule, stopping.signal);
    await replay.close();
    expect(runtime.prompts).toHaveLength(1);
    expect(runtime.openFeatures).toBe(0);
  });

  it('lets earlier frames attend to prompts that are given ahead', async () => {
    const entries = [
      { frame: 0, objectId: 1, ...click },
      { frame: 3, objectId: 1, points: [[20, 20, 1]] },
      { frame: 3, objectId: 2, ...click },
    ];
    const path = folder.path('ahead');
    const header = { imageSize: fakeImageSize, maskSize: fakeMaskSize };
    const logits = await LogitsFolder.create(path, header);
    const results = await run({ entries, frames: 5, ahead: true, logits });
    expect(idsOf(results)).toEqual([[1], [1], [1], [1, 2], [1, 2]]);
    const { decisions } = await readLogits(path);
    expect(decisions.get('o1.f01')).toMatchObject({
      provenance: 'tracked',
      memories: [
        [0, 6],
        [3, 6],
      ],
      pointers: [[0, 1 / 15]],
    });
    expect(decisions.get('o1.f03')?.provenance).toBe('conditioned');
    expect(decisions.get('o2.f04')?.memories).toEqual([[3, 6]]);
  });
});

describe('raw results', () => {
  it('hold for each object what the published code returns', async () => {
    const path = folder.path('raw');
    const header = { imageSize: fakeImageSize, maskSize: fakeMaskSize };
    const logits = await LogitsFolder.create(path, header);
    const mask = { size: [fakeImageSize, fakeImageSize], counts: [0, fakeImageSize ** 2] };
    const entries = [
      { frame: 0, objectId: 1, ...click },
      { frame: 0, objectId: 2, box: [1, 2, 10, 12] },
      { frame: 0, objectId: 3, mask },
      { frame: 0, objectId: 4, ...click },
      { frame: 0, objectId: 4, points: [[3, 3, 0]], add: true },
      { frame: 0, objectId: 5, ...click },
      { frame: 0, objectId: 5, points: [[3, 3, 1]] },
      { frame: 1, objectId: 1, points: [[3, 3, 0]] },
      { frame: 1, objectId: 2, ...click, when: 'before' },
    ];
    const runtime = new FakeRuntime();
    await run({ runtime, entries, frames: 2, logits });
    const { index, decisions, tensors } = await readLogits(path);
    expect(index).toMatchObject({ version: 1, ...header });
    expect(index.frames.map(({ file }) => file)).toEqual(['f000000.safetensors', 'f000001.safetensors']);
    const shapes = (name: string) =>
      Object.fromEntries(
        ['low_res_mask', 'object_score_logits', 'ious', 'obj_ptr'].map((field) => [
          field,
          tensors.get(`${name}.${field}`)?.shape,
        ]),
      );
    const common = { low_res_mask: [1, 1, 8, 8], object_score_logits: [1, 1], obj_ptr: [1, 4] };
    const ambiguous = { ...common, ious: [1, 3] };
    const single = { ...common, ious: [1, 1] };
    expect(shapes('o1.f00')).toEqual(ambiguous);
    expect(shapes('o2.f00')).toEqual(single);
    expect(shapes('o3.f00')).toEqual(single);
    expect(shapes('o4.f00')).toEqual(single);
    expect(shapes('o5.f00')).toEqual(ambiguous);
    expect(shapes('o1.f01')).toEqual(ambiguous);
    expect(shapes('o1.f01.refine')).toEqual(ambiguous);
    expect(tensors.size).toBe(4 * 11);
    expect(decisions.get('o1.f00')).toMatchObject({
      provenance: 'conditioned',
      multimask: true,
      memories: [],
    });
    expect(decisions.get('o2.f00')).toMatchObject({ multimask: false, best: 0, maskToken: 0 });
    expect(decisions.get('o3.f00')).toMatchObject({
      best: null,
      maskToken: null,
      score: 10,
      area: objectSize,
    });
    expect(decisions.get('o1.f01')).toMatchObject({ provenance: 'tracked', memories: [[0, 6]] });
    expect(decisions.get('o1.f01.refine')).toMatchObject({ provenance: 'refined', memories: [[0, 6]] });
    expect(decisions.get('o2.f01')).toMatchObject({ provenance: 'conditioned', memories: [] });
    const { best, maskToken } = decisions.get('o1.f00') ?? {};
    expect(maskToken).toBe((best ?? 0) + 1);
    const ious = tensors.get('o1.f00.ious')?.values ?? new Float32Array();
    expect(best).toBe(ious.indexOf(Math.max(...ious)));
    expect(tensors.get('o3.f00.ious')?.values).toEqual(Float32Array.of(1));
  });

  it('cannot be written where there can be no folder', async () => {
    const header = { imageSize: fakeImageSize, maskSize: fakeMaskSize };
    await expect(LogitsFolder.create('/dev/null/logits', header)).rejects.toMatchObject({
      code: 'TRACKCAST_OUTPUT_UNWRITABLE',
    });
  });
});

/** Sees a square of 3 x 3 logits in the middle at every click, in the second of three masks. */
class SquareRuntime extends FakeRuntime {
  readonly clicks: number[] = [];

  override async propose(_: unknown, points: Float32Array): Promise<ProposedMasks> {
    this.clicks.push(points.length / 2);
    const clicks = points.length / 2;
    const masks = new Float32Array(clicks * 3 * objectSize).fill(-20);
    for (let click = 0; click < clicks; click++) {
      for (const at of [27, 28, 29, 35, 36, 37, 43, 44, 45]) masks[(click * 3 + 1) * objectSize + at] = 20;
    }
    return {
      masks,
      ious: Float32Array.from({ length: clicks * 3 }, (_, at) => (at % 3 === 1 ? 0.9 : 0.1)),
      objectScores: new Float32Array(clicks).fill(1),
      pointers: new Float32Array(clicks * 3),
    };
  }
}

describe('automatic objects', () => {
  const onePoint = { name: 'auto_grid', propose: () => Float32Array.of(0.5, 0.5) } as const;

  it('are found at regular distances, get free ids and are conditioned by their click', async () => {
    const runtime = new SquareRuntime();
    runtime.script = () => ({ objectScore: -1, lowResMask: absent.lowResMask });
    const automatic = new AutomaticObjects({ strategy: onePoint, intervalFrames: 3, maxObjects: 3 });
    const entries = [{ frame: 1, objectId: 4, ...click }];
    const results = await run({ runtime, entries, frames: 10, automatic, firstAutomaticId: 5 });
    expect(idsOf(results).map((ids) => ids.join())).toEqual([
      '5',
      '5,4',
      '5,4',
      '5,4,6',
      '5,4,6',
      '5,4,6',
      '5,4,6',
      '5,4,6',
      '5,4,6',
      '5,4,6',
    ]);
    expect(results[3]?.tracks[2]).toMatchObject({ id: 6, author: 'strategy', firstFrame: 3 });
    expect(runtime.clicks).toEqual([1, 1]);
    expect(runtime.prompts[0]).toMatchObject({
      multimask: true,
      ground: { kind: 'initial' },
      sparse: { points: Float32Array.of(16, 16), labels: [1] },
    });
  });

  it('are not found where something is tracked already', async () => {
    const runtime = new SquareRuntime();
    runtime.script = () => present;
    const automatic = new AutomaticObjects({ strategy: onePoint, intervalFrames: 1, maxObjects: 9 });
    const results = await run({ runtime, entries: [], frames: 4, automatic });
    expect(idsOf(results)).toEqual([[10], [10], [10], [10]]);
  });
});
