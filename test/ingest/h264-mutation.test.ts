import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import type { MutationSummary } from './h264-mutation-run.ts';

/** Runs in a process of its own, because a crash of the native decoder is the failure to look for. */
async function runMutations(first: number, count: number): Promise<MutationSummary> {
  const script = fileURLToPath(new URL('./h264-mutation-run.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', script, String(first), String(count)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let errors = '';
  child.stdout.on('data', (text) => {
    output += String(text);
  });
  child.stderr.on('data', (text) => {
    errors += String(text);
  });
  const [code, signal] = await once(child, 'close');
  expect({ code, signal, errors: errors.slice(-2000) }).toEqual({ code: 0, signal: null, errors: '' });
  return JSON.parse(output) as MutationSummary;
}

it('survives 1,000 damaged streams, accounts for every access unit and recovers at the next IDR picture', async () => {
  const summary = await runMutations(1, 1000);
  expect(summary.failures).toEqual([]);
  expect(summary.runs).toBe(1000);
  // The test says nothing unless the damage was felt.
  expect(summary.changed).toBeGreaterThan(700);
  expect(summary.damagedFrames).toBeGreaterThan(500);
  expect(summary.failedUnits).toBeGreaterThan(100);
}, 120_000);
