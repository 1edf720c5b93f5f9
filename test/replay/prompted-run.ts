import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import { vi } from 'vitest';
import { registerReplay } from '../../src/commands/replay.ts';
import type { PromptedReplaySummary } from '../../src/commands/replay-prompted.ts';
import { openCheckpoint } from '../../src/model/checkpoint/checkpoint.ts';
import { type TrackMessage, trackMessageSchema } from '../../src/publish/track-message.ts';

/** Runs `trackcast replay` in this process and gives its summary. */
export async function replayCommand(...words: string[]): Promise<PromptedReplaySummary> {
  const printed: string[] = [];
  const write = vi
    .spyOn(process.stdout, 'write')
    .mockImplementation((chunk) => printed.push(String(chunk)) > 0);
  try {
    const program = new Command().exitOverride().configureOutput({ writeErr: () => {} });
    registerReplay(program);
    for (const command of program.commands) command.exitOverride().configureOutput({ writeErr: () => {} });
    await program.parseAsync(['node', 'trackcast', 'replay', ...words]);
  } finally {
    write.mockRestore();
  }
  return JSON.parse(printed.join('').trimEnd().split('\n').at(-1) ?? '');
}

/** Writes a file of prompts and returns its path. */
export async function writePrompts(path: string, entries: readonly object[]): Promise<string> {
  await writeFile(path, JSON.stringify(entries));
  return path;
}

/** Track messages of a run; lines of events are left out. */
export async function readMessages(path: string): Promise<TrackMessage[]> {
  const lines = (await readFile(path, 'utf8')).trimEnd().split('\n');
  return lines
    .filter((line) => !line.includes('"type"'))
    .map((line) => trackMessageSchema.parse(JSON.parse(line)));
}

interface RecordedDecision {
  readonly provenance: string;
  readonly best: number | null;
  readonly multimask: boolean;
  readonly maskToken: number | null;
  readonly score: number;
  readonly area: number;
  readonly memories: readonly (readonly [number, number])[];
  readonly pointers: readonly (readonly [number, number])[];
}

interface RecordedFrameDecisions {
  readonly frame: number;
  readonly file: string;
  readonly objects: readonly (RecordedDecision & {
    readonly objectId: number;
    readonly refinement?: RecordedDecision;
  })[];
}

/** Raw results of a run, by the names that golden files use: `o1.f00.refine.low_res_mask`. */
export async function readLogits(folder: string) {
  const index: { readonly frames: readonly RecordedFrameDecisions[] } = JSON.parse(
    await readFile(join(folder, 'index.json'), 'utf8'),
  );
  const decisions = new Map<string, RecordedDecision>();
  const tensors = new Map<string, { readonly shape: readonly number[]; readonly values: Float32Array }>();
  for (const { frame, file, objects } of index.frames) {
    const suffix = `f${String(frame).padStart(2, '0')}`;
    for (const { objectId, refinement, ...decision } of objects) {
      decisions.set(`o${objectId}.${suffix}`, decision);
      if (refinement !== undefined) decisions.set(`o${objectId}.${suffix}.refine`, refinement);
    }
    const checkpoint = await openCheckpoint(join(folder, file));
    for (const { name, shape } of checkpoint.tensors.values()) {
      const [object, ...rest] = name.split('.');
      const values = await checkpoint.readFloats(name);
      tensors.set([object, suffix, ...rest].join('.'), { shape, values });
    }
    await checkpoint.close();
  }
  return { index, decisions, tensors };
}
