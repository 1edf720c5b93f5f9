import { copyFile, mkdir, readdir, readFile } from 'node:fs/promises';
import { Command, CommanderError } from 'commander';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { writeRandomSam2 } from '../../bench/random-sam2.ts';
import { type EvaluationTrackerFactory, registerEval } from '../../src/commands/eval.ts';
import { createEvaluationTracker } from '../../src/commands/evaluation-tracker.ts';
import { RepeatingTracker } from '../evaluation/repeating-tracker.ts';
import { writeSequence } from '../evaluation/synthetic-sequence.ts';
import { temporaryFolder } from '../evaluation/temporary-folder.ts';
import { isMissing } from './missing-provider.ts';

const folder = temporaryFolder();
const rectangle = { objectId: 1, start: { x: 8, y: 8, width: 20, height: 16 }, speed: 1, firstFrame: 0 };

beforeAll(async () => {
  await writeSequence(folder.path('clip'), { width: 64, height: 48, frames: 6, rectangles: [rectangle] });
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

/** Runs the command with a tracker that looks at nothing; gives what it printed and the trackers that it asked for. */
async function run(...words: string[]) {
  return runWith(async () => new RepeatingTracker(), ...words);
}

async function runWith(create: EvaluationTrackerFactory, ...words: string[]) {
  const printed: string[] = [];
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => printed.push(String(text)) > 0);
  const asked: Parameters<EvaluationTrackerFactory>[0][] = [];
  const program = new Command().exitOverride().configureOutput({ writeErr: () => {} });
  registerEval(program, async (options) => {
    asked.push(options);
    return create(options);
  });
  for (const command of program.commands) command.exitOverride().configureOutput({ writeErr: () => {} });
  await program.parseAsync(['node', 'trackcast', 'eval', ...words]);
  return { printed: printed.join(''), asked };
}

describe('trackcast eval', () => {
  it('prints a row for each object and variant', async () => {
    const { printed, asked } = await run(
      folder.path('clip'),
      '--variants',
      'default,propagation,every-frame',
    );
    for (const name of ['default', 'propagation', 'every-frame']) {
      expect(printed).toMatch(new RegExp(`^clip +1 +${name} +4 `, 'm'));
    }
    expect(
      asked.map(({ timing }) => (timing.mode === 'virtual' ? timing.segmentationMs : timing.mode)),
    ).toEqual(['measured', Number.POSITIVE_INFINITY, 'lossless']);
    expect(asked.every(({ kind, strategy }) => kind === 'mobile_sam' && strategy === 'none')).toBe(true);
  });

  it('passes on the tracker, the time of a segmentation and whether objects are shown', async () => {
    const { asked } = await run(
      folder.path('clip'),
      '--tracker',
      'iou',
      '--auto',
      '--strategy',
      'auto_grid',
      '--segmentation-ms',
      '250',
    );
    expect(asked).toMatchObject([
      { kind: 'iou', strategy: 'auto_grid', timing: { mode: 'virtual', segmentationMs: 250 } },
    ]);
    expect((await run(folder.path('clip'), '--auto', '--strategy', 'motion')).asked).toMatchObject([
      { strategy: 'motion' },
    ]);
    expect((await run(folder.path('clip'), '--lossless')).asked).toMatchObject([
      { timing: { mode: 'lossless' } },
    ]);
  });

  it('measures every strategy that can find anything unless some are chosen', async () => {
    const { asked, printed } = await run(folder.path('clip'), '--auto');
    const strategies = ['auto_grid', 'motion', 'saliency', 'hybrid'];
    expect(asked.map(({ strategy }) => strategy)).toEqual(strategies);
    for (const name of strategies) expect(printed).toMatch(new RegExp(`^clip +${name} +0\\.0 `, 'm'));
    const chosen = await run(
      ...[folder.path('clip'), '--auto', '--strategy', 'hybrid, motion', '--variants', 'default,propagation'],
    );
    expect(chosen.asked.map(({ strategy }) => strategy)).toEqual(['hybrid', 'motion', 'hybrid', 'motion']);
    expect(chosen.printed).toMatch(/^clip +propagation\+motion /m);
  });

  it('repeats everything but real time, within the budget of prompts', async () => {
    const json = folder.path('repeated.json');
    const words = ['--auto', '--strategy', 'auto_grid', '--segmentation-ms', '100', '--fps', '8'];
    const figures = async () => {
      await runWith(
        createEvaluationTracker,
        ...[folder.path('clip'), ...words, '--max-frames', '3', '--prompts-per-second', '2', '--json', json],
      );
      const { evaluations, promptsPerSecond } = JSON.parse(await readFile(json, 'utf8'));
      expect(promptsPerSecond).toBe(2);
      return evaluations.map(({ score, jitter, prompting, variant }: Record<string, unknown>) => {
        const { prompts } = prompting as { prompts: number };
        return { variant, score, jitter, prompts };
      });
    };
    const first = await figures();
    expect(await figures()).toEqual(first);
    // All that a second's budget allows to begin with; the quarter of a second after it is not enough for another.
    expect(first).toMatchObject([{ variant: 'auto_grid', prompts: 2 }]);
  }, 120_000);

  it('prefers wholes or parts as configured', async () => {
    expect((await run(folder.path('clip'))).asked).toMatchObject([{ preferredExtent: 'whole' }]);
    vi.stubEnv('SAM2_PREFERRED_EXTENT', 'part');
    expect((await run(folder.path('clip'))).asked).toMatchObject([{ preferredExtent: 'part' }]);
  });

  it('says once why a provider was refused, in a line and among the figures', async () => {
    const written: string[] = [];
    vi.spyOn(process.stderr, 'write').mockImplementation((chunk) => written.push(String(chunk)) > 0);
    const json = folder.path('refused.json');
    const create: EvaluationTrackerFactory = async ({ onRefused }) => {
      onRefused([{ provider: 'cuda', reason: 'no library' }]);
      return new RepeatingTracker();
    };
    await runWith(create, folder.path('clip'), '--variants', 'default,every-frame', '--json', json);
    const warnings = written.filter((text) => text.startsWith('warning: '));
    expect(warnings).toEqual(['warning: execution provider refused: cuda: no library\n']);
    expect(JSON.parse(await readFile(json, 'utf8'))).toMatchObject({ refused: ['cuda: no library'] });
  });

  it('loads the models on the next provider where one is refused, and says so', async ({ skip }) => {
    if (!(await isMissing('cuda'))) {
      console.warn('SKIPPED: there is CUDA here, so no provider is refused for lack of it');
      skip();
    }
    vi.stubEnv('EXECUTION_PROVIDERS', 'cuda,cpu');
    const json = folder.path('refused.json');
    vi.spyOn(process.stderr, 'write').mockImplementation(() => true);
    await runWith(
      createEvaluationTracker,
      ...[folder.path('clip'), '--max-frames', '1', '--lossless', '--json', json],
    );
    const { refused } = JSON.parse(await readFile(json, 'utf8'));
    expect(refused).toEqual([expect.stringMatching(/^cuda: .+/)]);
  }, 60_000);

  it('says how far scores can be believed, and writes what it compared', async () => {
    const file = folder.path('pairs.jsonl');
    const { printed } = await run(folder.path('clip'), '--calibration', file);
    const pairs = (await readFile(file, 'utf8'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    // All frames but the one that shows the object.
    expect(pairs).toHaveLength(5);
    expect(pairs[0]).toMatchObject({
      sequence: 'clip',
      frameIndex: 1,
      trackId: 1,
      objectId: 1,
      score: 1,
      age: 1,
    });
    expect(pairs[0].iou).toBeCloseTo(19 / 21, 12);
    expect(printed).toMatch(/^0\.9 - 1\.0 +5 +1\.000 +0\.7\d\d /m);
    expect(printed).toMatch(/^expected calibration error 0\.2\d\d over 5 masks$/m);
  });

  it('uses the chosen sequences and frames', async () => {
    const json = folder.path('chosen.json');
    await run(folder.path('clip'), '--sequences', 'cl', '--first-frame', '2', '--json', json);
    const { evaluations } = JSON.parse(await readFile(json, 'utf8'));
    expect(evaluations).toMatchObject([{ sequence: 'clip', frames: 4, framesPerSecond: 24 }]);
    const missing = run(folder.path('clip'), '--sequences', 'dog');
    await expect(missing).rejects.toMatchObject({ code: 'TRACKCAST_SOURCE_UNREADABLE' });
  });

  it('leaves out what nothing can be compared with', async () => {
    const bare = { width: 64, height: 48, frames: 3, rectangles: [rectangle], annotated: [] };
    await writeSequence(folder.path('prompted'), bare);
    await mkdir(folder.path('prompted', 'Prompts'));
    await copyFile(
      folder.path('clip', 'Annotations', '00000.png'),
      folder.path('prompted', 'Prompts', '00000.png'),
    );
    await expect(run(folder.path('prompted'), '--auto')).rejects.toMatchObject({
      code: 'TRACKCAST_SOURCE_UNREADABLE',
    });
    const { printed } = await run(folder.path('prompted'), folder.path('clip'), '--auto');
    expect(printed).not.toMatch(/^prompted /m);
  });

  it('writes figures and pictures where asked, of no more frames than asked', async () => {
    const json = folder.path('figures.json');
    const overlays = folder.path('overlays');
    await run(folder.path('clip'), '--max-frames', '4', '--fps', '8', '--json', json, '--overlays', overlays);
    const { evaluations } = JSON.parse(await readFile(json, 'utf8'));
    expect(evaluations).toHaveLength(1);
    expect(evaluations[0]).toMatchObject({ sequence: 'clip', frames: 4, framesPerSecond: 8 });
    expect(evaluations[0].score.objects[0].frames).toHaveLength(2);
    const pictures = await readdir(folder.path('overlays', 'default', 'clip'));
    expect(pictures.sort()).toEqual(['00000.jpg', '00001.jpg', '00002.jpg', '00003.jpg']);
  });

  it.each([
    { name: 'an unknown variant', words: ['--variants', 'default,fast'] },
    { name: 'an unknown tracker', words: ['--tracker', 'magic'] },
    { name: 'an unknown strategy', words: ['--auto', '--strategy', 'magic'] },
    { name: 'a negative time', words: ['--segmentation-ms', '-1'] },
    { name: 'a time that is none', words: ['--segmentation-ms', 'soon'] },
    {
      name: 'an image size that no model can have',
      words: ['--tracker', 'sam2_video', '--image-size', '100'],
    },
    { name: 'no frame rate', words: ['--fps', '0'] },
    { name: 'no budget', words: ['--auto', '--prompts-per-second', '0'] },
    { name: 'a frame that is none', words: ['--first-frame', '-1'] },
    { name: 'a name that is missing', words: ['--sequences', 'dog,'] },
  ])('refuses $name', async ({ words }) => {
    await expect(run(folder.path('clip'), ...words)).rejects.toBeInstanceOf(CommanderError);
  });

  it.each([
    { variant: 'every-frame', imageSize: [], expected: 256 },
    { variant: 'default', imageSize: ['--image-size', '128'], expected: 128 },
  ])('measures SAM 2 ($variant, $expected pixels)', async ({ variant, imageSize, expected }) => {
    vi.stubEnv('MODEL_DIR', folder.path('models'));
    const model = folder.path('random.safetensors');
    await writeRandomSam2(model, 'hiera_nano');
    const json = folder.path('sam2.json');
    const { printed, asked } = await runWith(
      createEvaluationTracker,
      ...[folder.path('clip'), '--tracker', 'sam2_video', '--model', model, ...imageSize],
      ...['--variants', variant, '--segmentation-ms', '100', '--json', json],
    );
    expect(printed).toMatch(new RegExp(`^clip +1 +${variant} +4 `, 'm'));
    expect(asked).toMatchObject([{ kind: 'sam2_video', models: { sam2: { imageSize: expected } } }]);
    const { tracker, evaluations } = JSON.parse(await readFile(json, 'utf8'));
    expect(tracker).toBe('sam2_video');
    expect(evaluations).toMatchObject([{ variant, frames: 6 }]);
  });

  it.each([
    { words: ['--model', 'no-such-model'], key: 'no-such-model' },
    { words: ['--model', '/no-such.pt'], key: '/no-such.pt' },
    { words: [], key: 'sam2.1-tiny' },
  ])('says which model of SAM 2 is missing ($key)', async ({ words, key }) => {
    vi.stubEnv('MODEL_DIR', folder.path('empty-store'));
    const evaluation = run(folder.path('clip'), '--tracker', 'sam2_video', ...words);
    await expect(evaluation).rejects.toMatchObject({ code: 'TRACKCAST_MODEL_MISSING', place: { key } });
  });

  it('says when there is no sequence', async () => {
    await expect(run(folder.path('nowhere'))).rejects.toMatchObject({ code: 'TRACKCAST_SOURCE_UNREADABLE' });
  });
});
