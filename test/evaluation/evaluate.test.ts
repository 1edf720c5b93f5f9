import { beforeAll, describe, expect, it } from 'vitest';
import { evaluate, type Variant } from '../../src/evaluation/evaluate.ts';
import { describeEvaluations } from '../../src/evaluation/report.ts';
import { findSequences } from '../../src/evaluation/sequence.ts';
import { RepeatingTracker } from './repeating-tracker.ts';
import { writeSequence } from './synthetic-sequence.ts';
import { temporaryFolder } from './temporary-folder.ts';

const folder = temporaryFolder();
const frames = 9;

beforeAll(async () => {
  await writeSequence(folder.path('clips', 'moving'), {
    width: 96,
    height: 64,
    frames,
    rectangles: [
      { objectId: 1, start: { x: 10, y: 8, width: 20, height: 16 }, speed: 2, firstFrame: 0 },
      { objectId: 3, start: { x: 40, y: 40, width: 16, height: 12 }, speed: 0, firstFrame: 4 },
    ],
    meta: { fps_nominal: 10 },
  });
  await writeSequence(folder.path('clips', 'sparse'), {
    width: 97,
    height: 65,
    frames,
    rectangles: [{ objectId: 2, start: { x: 10, y: 8, width: 20, height: 16 }, speed: 1, firstFrame: 0 }],
    annotated: [2, 5, 8],
  });
});

function repeating(trackers: RepeatingTracker[], finds: RepeatingTrackerFinds = null): Variant {
  return {
    name: 'repeating',
    strategy: 'auto_grid',
    geometry: { kind: 'fit', longSide: 96, multipleOf: 16 },
    create: async (clock) => {
      const tracker = new RepeatingTracker(() => clock.nowMs(), finds);
      trackers.push(tracker);
      return tracker;
    },
  };
}
type RepeatingTrackerFinds = ConstructorParameters<typeof RepeatingTracker>[1];

async function run(automatic: boolean, finds: RepeatingTrackerFinds = null) {
  const trackers: RepeatingTracker[] = [];
  const evaluations = await evaluate({
    sequences: await findSequences(folder.path('clips')),
    variants: [repeating(trackers, finds)],
    automatic,
    framesPerSecond: null,
    usualFramesPerSecond: 24,
    promptsPerSecond: Number.POSITIVE_INFINITY,
  });
  const [moving, sparse] = evaluations;
  if (moving === undefined || sparse === undefined) throw new RangeError('a sequence is missing');
  return { moving, sparse, trackers, evaluations };
}

/** J of a rectangle against itself moved by `shift` along a side of `length`. */
const shifted = (shift: number, length: number) => (length - shift) / (length + shift);

describe('evaluate', () => {
  it('scores each object under its annotated id, from the frame after its first mask', async () => {
    const { moving } = await run(false);
    expect(moving.score.objects.map(({ objectId, promptFrame }) => [objectId, promptFrame])).toEqual([
      [1, 0],
      [3, 4],
    ]);
    const [one, three] = moving.score.objects;
    // All frames are annotated: the last one is left out.
    expect(one?.frames.map(({ frameIndex }) => frameIndex)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    one?.frames.forEach(({ frameIndex, j }) => {
      expect(j).toBeCloseTo(shifted(2 * frameIndex, 20), 12);
    });
    expect(three?.frames.map(({ frameIndex }) => frameIndex)).toEqual([5, 6, 7]);
    expect(three).toMatchObject({ j: 1, f: 1, jAndF: 1, jRecall: 1, jDecay: 0 });
    expect(one?.jDecay).toBeGreaterThan(0);
  });

  it('scores the last of a few annotated frames, on a picture of odd size', async () => {
    const { sparse } = await run(false);
    const [object] = sparse.score.objects;
    expect(object?.promptFrame).toBe(2);
    expect(object?.frames.map(({ frameIndex, j }) => [frameIndex, j])).toEqual([
      [5, expect.closeTo(shifted(3, 20), 12)],
      [8, expect.closeTo(shifted(6, 20), 12)],
    ]);
  });

  it('shows every frame, at its own moment of virtual time, and closes what it opened', async () => {
    const { moving, sparse, trackers } = await run(false);
    const [tracker] = trackers;
    expect(trackers).toHaveLength(1);
    expect(tracker?.seen).toEqual([...Array(frames).keys(), ...Array(frames).keys()]);
    expect([moving.framesPerSecond, sparse.framesPerSecond]).toEqual([10, 24]);
    const [first = 0, ...others] = tracker?.momentsMs.slice(0, frames) ?? [];
    expect(first).toBe(0);
    others.forEach((moment, at) => {
      expect(moment).toBeCloseTo((at + 1) * 100, 9);
    });
    const second = tracker?.momentsMs.slice(frames) ?? [];
    expect(second[0]).toBeGreaterThan(others.at(-1) ?? 0);
    expect((second.at(-1) ?? 0) - (second[0] ?? 0)).toBeCloseTo(((frames - 1) * 1000) / 24, 6);
    expect(tracker).toMatchObject({ openStreams: 0, disposed: true });
  });

  it('measures what a tracker finds by itself', async () => {
    const { moving, sparse } = await run(true, { x: 40, y: 40, width: 16, height: 12 });
    expect(moving.score.objects).toEqual([]);
    // The second of two objects is found, on its five frames; before that the mask lies on nothing.
    expect(moving.score.recall).toMatchObject({
      foundWithin: [
        { seconds: 1, share: 0.5 },
        { seconds: 3, share: 0.5 },
      ],
      overSequence: 5 / 14,
      precision: 5 / 9,
    });
    expect(moving.score.identity).toMatchObject({ switches: 0, idf1: 10 / 23 });
    expect(sparse.score.recall).toMatchObject({ overSequence: 0, precision: 0 });
  });

  it('measures how restless masks are, and annotations where all frames have them', async () => {
    const { moving, sparse } = await run(false);
    // Two objects; the second appears on the fifth frame.
    expect(moving.annotatedJitter.pairs).toBe(8 + 4);
    expect(moving.jitter.pairs).toBe(8 + 4);
    // Annotations move with their objects, masks that stay behind do not.
    expect(moving.annotatedJitter.p95).toBeLessThan(moving.jitter.p95);
    expect(sparse.annotatedJitter.pairs).toBe(0);
  });

  it('disposes of the tracker when a sequence fails', async () => {
    const trackers: RepeatingTracker[] = [];
    const [moving] = await findSequences(folder.path('clips', 'moving'));
    if (moving === undefined) throw new RangeError('a sequence is missing');
    const broken = { ...moving, prompts: new Map([[0, folder.path('clips', 'moving', 'meta.json')]]) };
    const failing = evaluate({
      sequences: [broken],
      variants: [repeating(trackers)],
      automatic: false,
      framesPerSecond: null,
      usualFramesPerSecond: 24,
      promptsPerSecond: Number.POSITIVE_INFINITY,
    });
    await expect(failing).rejects.toMatchObject({ code: 'TRACKCAST_SOURCE_UNREADABLE' });
    expect(trackers[0]?.disposed).toBe(true);
  });
});

describe('describeEvaluations', () => {
  it('has a row for each object and the mean of the objects', async () => {
    const { evaluations, moving } = await run(false);
    const report = describeEvaluations(evaluations, false);
    const mean = ((moving.score.objects[0]?.j ?? 0) + 1 + (shifted(3, 20) + shifted(6, 20)) / 2) / 3;
    expect(report).toMatch(/^.+\/clips$/m);
    expect(report).toMatch(
      /^moving +3 +repeating +3 +100\.0 +100\.0 +100\.0 +100\.0 +0\.0 +0 +\S+ +\S+ +\S+$/m,
    );
    expect(report).toMatch(
      new RegExp(`^mean of objects +3 +repeating +12 +${(mean * 100).toFixed(1)} `, 'm'),
    );
  });

  it('has a row for each sequence that was tracked without prompts', async () => {
    const { evaluations } = await run(true, { x: 40, y: 40, width: 16, height: 12 });
    const report = describeEvaluations(evaluations, true);
    expect(report).toMatch(/^moving +repeating +50\.0 +50\.0 +35\.7 +55\.6 +100\.0 +0\.00 +0\.0 +43\.5 /m);
    expect(report).toMatch(/^mean of sequences +repeating +25\.0 /m);
    // Masks per frame, the jitter of a mask that does not move on a picture that does not, and no prompts.
    expect(report).toMatch(/^sparse +repeating +1\.0 +0\.0 +0\.0 +- +0\.0 +0\.00 +0\.00$/m);
  });
});
