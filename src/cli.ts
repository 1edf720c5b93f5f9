#!/usr/bin/env node
import { Command } from 'commander';
import { registerEval } from './commands/eval.ts';
import { createEvaluationTracker } from './commands/evaluation-tracker.ts';

const program = new Command('trackcast').description('Live video in, object tracks out.');
registerEval(program, createEvaluationTracker);
await program.parseAsync();
