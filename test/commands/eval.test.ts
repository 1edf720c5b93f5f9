import { readdir, readFile } from 'node:fs/promises';
import { Command, CommanderError } from 'commander';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { type EvaluationTrackerFactory, registerEval } from '../../src/commands/eval.ts';
import { RepeatingTracker } from '../evaluation/repeating-tracker.ts';
import { writeSequence } from '../evaluation/synthetic-sequence.ts';
import { temporaryFolder } from '../evaluation/temporary-folder.ts';

const folder = temporaryFolder();
const rectangle = { objectId: 1, start: { x: 8, y: 8, width: 20, height: 16 }, speed: 1, firstFrame: 0 };

beforeAll(async () => {
  await writeSequence(folder.path('clip'), { width: 64, height: 48, frames: 6, rectangles: [rectangle] });
});

afterEach(() => {
  vi.restoreAllMocks();
});

/** Runs the command and gives what it printed and the trackers that it asked for. */
async function run(...words: string[]) {
  const printed: string[] = [];
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => printed.push(String(text)) > 0);
  const asked: Parameters<EvaluationTrackerFactory>[0][] = [];
  const program = new Command().exitOverride().configureOutput({ writeErr: () => {} });
  registerEval(program, async (options) => {
    asked.push(options);
    return new RepeatingTracker();
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
    expect(asked.every(({ kind, automatic }) => kind === 'mobile_sam' && !automatic)).toBe(true);
  });

  it('passes on the tracker, the time of a segmentation and whether objects are shown', async () => {
    const { asked } = await run(
      folder.path('clip'),
      '--tracker',
      'iou',
      '--auto',
      '--segmentation-ms',
      '250',
    );
    expect(asked).toMatchObject([
      { kind: 'iou', automatic: true, timing: { mode: 'virtual', segmentationMs: 250 } },
    ]);
    expect((await run(folder.path('clip'), '--lossless')).asked).toMatchObject([
      { timing: { mode: 'lossless' } },
    ]);
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
    { name: 'a negative time', words: ['--segmentation-ms', '-1'] },
    { name: 'a time that is none', words: ['--segmentation-ms', 'soon'] },
    { name: 'no frame rate', words: ['--fps', '0'] },
  ])('refuses $name', async ({ words }) => {
    await expect(run(folder.path('clip'), ...words)).rejects.toBeInstanceOf(CommanderError);
  });

  it('says when there is no sequence', async () => {
    await expect(run(folder.path('nowhere'))).rejects.toMatchObject({ code: 'TRACKCAST_SOURCE_UNREADABLE' });
  });
});
