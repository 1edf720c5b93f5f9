#!/usr/bin/env node
import './no-telemetry.ts';
import { Command } from 'commander';
import { registerConfig } from './commands/config.ts';
import { registerEval } from './commands/eval.ts';
import { createEvaluationTracker } from './commands/evaluation-tracker.ts';
import { registerModels } from './commands/models.ts';
import { registerPublish } from './commands/publish.ts';
import { registerReplay } from './commands/replay.ts';
import { registerServe } from './commands/serve.ts';
import { TrackcastError } from './errors.ts';
import { programVersion } from './program-version.ts';

const program = new Command('trackcast')
  .description('Live video in, object tracks out.')
  .version(programVersion)
  .showHelpAfterError();
registerServe(program);
registerPublish(program);
registerReplay(program);
registerEval(program, createEvaluationTracker);
registerModels(program);
registerConfig(program);

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof TrackcastError)) throw error;
  const { code, message, remedy, place } = error;
  const key = place.key === undefined || message.includes(place.key) ? '' : ` (${place.key})`;
  process.stderr.write(`${code}: ${message}${key}\n${remedy}\n`);
  process.exitCode = 1;
}
