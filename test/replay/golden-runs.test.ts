import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { writePicture } from '../../src/evaluation/picture-file.ts';
import { encodeRunLength } from '../../src/mask/run-length.ts';
import { temporaryFolder } from '../evaluation/temporary-folder.ts';
import { scenePicture } from '../ingest/h264-clips.ts';
import {
  atolOf,
  expectClose,
  type GoldenFile,
  goldenEntry,
  goldenPath,
  hasGoldens,
  readGolden,
} from '../model/sam2/golden.ts';
import { readLogits, readMessages, replayCommand, writePrompts } from './prompted-run.ts';

const folder = temporaryFolder();

const click = { frame: 0, objectId: 1, points: [[62, 77, 1]] };
const corrected = [
  click,
  { frame: 8, objectId: 2, points: [[156.25, 154.75, 1]] },
  { frame: 12, objectId: 1, points: [[138.75, 91.75, 0]] },
];

function maskOfObject3() {
  return encodeRunLength(readGolden('video').bytes('mask_obj3_frame0'), 256, 256);
}

/** How many logits are so near 0 that rounding decides about them; null where the file has no such mask. */
function undecidedLogits(golden: GoldenFile, scenario: string, name: string): number | null {
  if (!golden.tensors.has(name)) return null;
  const atol = atolOf(scenario, name);
  return golden.floats(name).filter((logit) => Math.abs(logit) <= atol).length;
}

interface GoldenDecision {
  readonly multimask: boolean;
  readonly best: number | null;
  readonly score: number;
  readonly area: number;
}

interface GoldenTrace {
  readonly mem: readonly (readonly [number, number])[];
  readonly ptr: readonly (readonly [number, number])[];
}

beforeEach(() => {
  vi.stubEnv('MODEL_DIR', folder.path('models'));
});

afterEach(() => {
  vi.unstubAllEnvs();
});

describe.skipIf(!hasGoldens)('a replay with prompts computes what the published predictor computed', () => {
  it.each([
    { scenario: 'e2e_A', name: 'a click', firstFrame: 0, entries: () => [click], settings: {} },
    {
      scenario: 'e2e_B',
      name: 'a click, a box and a mask',
      firstFrame: 0,
      entries: () => [
        click,
        { frame: 0, objectId: 2, box: [170.25, 152, 213 - 170.25, 211.25 - 152] },
        { frame: 0, objectId: 3, mask: maskOfObject3() },
      ],
      settings: {},
    },
    { scenario: 'e2e_C', name: 'a correction', firstFrame: 0, entries: () => corrected, settings: {} },
    {
      scenario: 'e2e_C',
      name: 'without the fused graph',
      firstFrame: 0,
      entries: () => corrected,
      settings: { SAM2_VOS_OPTIMIZED: 'false' },
    },
    {
      scenario: 'e2e_C_cond',
      name: 'a correction that is remembered for good',
      // Its frames before are those of the scenario above.
      firstFrame: 12,
      entries: () => corrected,
      settings: { SAM2_ADD_ALL_FRAMES_TO_CORRECT_AS_COND: 'true' },
    },
  ])('in the scenario $scenario ($name)', async ({ scenario, firstFrame, entries, settings }) => {
    for (const [name, value] of Object.entries(settings)) vi.stubEnv(name, value);
    const prompts = await writePrompts(folder.path(`${scenario}.json`), entries());
    const logits = folder.path(scenario);
    const summary = await replayCommand(
      ...[goldenPath('video.safetensors'), '--prompts', prompts, '--no-auto', '--logits', logits],
      ...['--model', goldenPath('nano.safetensors')],
    );
    expect(summary).toMatchObject({ tracker: 'sam2_video', end: 'ended', frames: { tracked: 24 } });
    const { decisions, tensors } = await readLogits(logits);
    const golden = readGolden(scenario);
    let compared = 0;
    for (const [name, expected] of golden.tensors) {
      const found = tensors.get(name.replace(/^f32\./, ''));
      if (!/^f32\..*\.(low_res_mask|object_score_logits|obj_ptr|ious)$/.test(name)) continue;
      expect(found?.shape, name).toEqual(expected.shape);
      expectClose(found?.values ?? [], expected, atolOf(scenario, name), name);
      compared += 1;
    }
    expect(compared).toBeGreaterThanOrEqual(4 * (24 - firstFrame));
    const entry = goldenEntry(scenario);
    const expectedDecisions = entry['decisions'] as Readonly<Record<string, GoldenDecision>>;
    for (const [name, { multimask, best, score, area }] of Object.entries(expectedDecisions)) {
      const found = decisions.get(name);
      expect(found, name).toMatchObject({ multimask, best });
      expect(found?.score, name).toBeCloseTo(score, 3);
      const undecided = undecidedLogits(golden, scenario, `f32.${name}.low_res_mask`);
      if (undecided !== null)
        expect(Math.abs((found?.area ?? -1) - area), name).toBeLessThanOrEqual(undecided);
    }
    expect(decisions.size).toBe(Object.keys(expectedDecisions).length);
    const traces = entry['memory_trace'] as Readonly<Record<string, GoldenTrace>>;
    for (const [name, { mem, ptr }] of Object.entries(traces)) {
      const { memories = [], pointers = [] } = decisions.get(name) ?? {};
      expect(memories, `memories of ${name}`).toEqual(mem);
      expect(
        pointers.map(([frame]) => frame),
        `pointers of ${name}`,
      ).toEqual(ptr.map(([frame]) => frame));
      for (const [at, [, time]] of pointers.entries()) expect(time).toBeCloseTo(ptr[at]?.[1] ?? -1, 6);
    }
  });
});

describe.skipIf(!hasGoldens)('a replay with SAM 2', () => {
  const model = goldenPath('nano.safetensors');
  let prompts: string;
  let sameWords: readonly string[];
  let expected: string;

  beforeAll(async () => {
    vi.stubEnv('MODEL_DIR', folder.path('models'));
    prompts = await writePrompts(folder.path('corrected.json'), corrected);
    sameWords = ['--prompts', prompts, '--no-auto', '--model', model, '--stream', 'golden', '--events'];
    expected = await messagesOf(goldenPath('video.safetensors'));
    vi.unstubAllEnvs();
  });

  /** The messages of a run over another form of the golden video. */
  async function messagesOf(recording: string, ...words: string[]): Promise<string> {
    const out = folder.path('tracks.jsonl');
    await replayCommand(recording, ...sameWords, '--out', out, ...words);
    return await readFile(out, 'utf8');
  }

  it('tells of objects as they are seen: hidden behind the occluder, and back', async () => {
    const messages = (await readMessages(folder.path('tracks.jsonl'))).map(({ frame, tracks }) => ({
      frame: frame.index,
      states: tracks.map(({ id, state }) => `${id} ${state}`),
    }));
    expect(messages.map(({ frame }) => frame)).toEqual(Array.from({ length: 24 }, (_, at) => at));
    expect(messages[7]?.states).toEqual(['1 active']);
    expect(messages[8]?.states).toEqual(['1 active', '2 active']);
    for (const { frame, states } of messages.slice(8)) {
      const isHidden = frame >= 14 && frame <= 16;
      expect(states).toEqual(isHidden ? ['1 occluded', '2 occluded'] : ['1 active', '2 active']);
    }
  });

  it('gives the same for raw frames and for pictures, to the last byte', async () => {
    const golden = readGolden('video').bytes('frames');
    const frameBytes = 256 * 256 * 3;
    await mkdir(folder.path('raw'));
    await mkdir(folder.path('png'));
    for (let index = 0; index < 24; index++) {
      const data = golden.subarray(index * frameBytes, (index + 1) * frameBytes);
      await writeFile(folder.path('raw', `${index}.rgb`), data);
      await writePicture(folder.path('png', `${index}.png`), { width: 256, height: 256, data });
    }
    await writeFile(folder.path('video.rgb'), golden);
    expect(await messagesOf(folder.path('raw'))).toBe(expected);
    expect(await messagesOf(folder.path('png'))).toBe(expected);
    expect(await messagesOf(folder.path('video.rgb'))).toBe(expected);
    expect(await messagesOf(folder.path('video.rgb'), '--raw-size', '256x256')).toBe(expected);
  });

  it('gives the beginning of it where fewer frames are used', async () => {
    const beginning = await messagesOf(goldenPath('video.safetensors'), '--max-frames', '10');
    expect(beginning.trimEnd().split('\n').length).toBeGreaterThanOrEqual(10);
    expect(expected.startsWith(beginning)).toBe(true);
  });

  it('measures the time of pointers by the length of a short recording', async () => {
    await writePrompts(folder.path('click.json'), [click]);
    await mkdir(folder.path('short'));
    for (let index = 0; index < 3; index++) {
      await writeFile(folder.path('short', `${index}.rgb`), new Uint8Array(256 * 256 * 3).fill(index * 20));
    }
    const logits = folder.path('short-logits');
    const words = ['--prompts', folder.path('click.json'), '--no-auto', '--model', model];
    await replayCommand(folder.path('short'), ...words, '--logits', logits);
    const { decisions } = await readLogits(logits);
    expect(decisions.get('o1.f02')?.pointers).toEqual([
      [0, 1],
      [1, 0.5],
    ]);
  });

  it('lets earlier frames know of later prompts that are given ahead', async () => {
    const logits = folder.path('ahead-logits');
    const words = ['--prompts', prompts, '--no-auto', '--model', model, '--max-frames', '14'];
    await replayCommand(goldenPath('video.safetensors'), ...words, '--prompts-ahead', '--logits', logits);
    const { decisions } = await readLogits(logits);
    expect(decisions.get('o1.f05')?.memories.slice(0, 2)).toEqual([
      [0, 6],
      [12, 6],
    ]);
    expect(decisions.get('o1.f12')?.provenance).toBe('conditioned');
    expect(decisions.get('o1.f12.refine')).toBeUndefined();
  });

  it('takes pictures of any shape, and can look for objects itself', async () => {
    await mkdir(folder.path('wide'));
    for (let index = 0; index < 2; index++) {
      const data = scenePicture(320, 180, index);
      await writePicture(folder.path('wide', `${index}.png`), { width: 320, height: 180, data });
    }
    const box = { frame: 0, objectId: 1, box: [100, 60, 80, 60] };
    await writePrompts(folder.path('box.json'), [box]);
    const out = folder.path('wide.jsonl');
    const words = ['--prompts', folder.path('box.json'), '--model', model, '--out', out];
    const summary = await replayCommand(folder.path('wide'), ...words);
    expect(summary).toMatchObject({
      tracker: 'sam2_video',
      segmentations: 2,
      model: { imageSize: 256, precision: 'float32', provider: 'cpu' },
    });
    for (const { tracks } of await readMessages(out)) {
      expect(tracks[0]?.id).toBe(1);
      for (const { mask } of tracks) if (mask !== null) expect(mask.size).toEqual([180, 320]);
    }
  });
});
