import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { encodeRunLength } from '../../src/mask/run-length.ts';
import { temporaryFolder } from '../evaluation/temporary-folder.ts';
import {
  atolOf,
  expectClose,
  goldenEntry,
  goldenPath,
  hasGoldens,
  readGolden,
} from '../model/sam2/golden.ts';
import { readLogits, replayCommand, writePrompts } from './prompted-run.ts';

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
    { scenario: 'e2e_A', firstFrame: 0, entries: () => [click] },
    {
      scenario: 'e2e_B',
      firstFrame: 0,
      entries: () => [
        click,
        { frame: 0, objectId: 2, box: [170.25, 152, 213 - 170.25, 211.25 - 152] },
        { frame: 0, objectId: 3, mask: maskOfObject3() },
      ],
    },
    { scenario: 'e2e_C', firstFrame: 0, entries: () => corrected },
    {
      scenario: 'e2e_C_cond',
      // Its frames before are those of the scenario above.
      firstFrame: 12,
      entries: () => corrected,
      settings: { SAM2_ADD_ALL_FRAMES_TO_CORRECT_AS_COND: 'true' },
    },
  ])('in the scenario $scenario', async ({ scenario, firstFrame, entries, settings = {} }) => {
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
      expect(decisions.get(name), name).toMatchObject({ multimask, best, area });
      expect(decisions.get(name)?.score, name).toBeCloseTo(score, 3);
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
