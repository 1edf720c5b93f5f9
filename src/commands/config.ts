import type { Command } from 'commander';
import { effectiveConfig } from '../config/describe.ts';
import { loadConfig } from '../config/load.ts';

/** Adds `config` to the command line. */
export function registerConfig(program: Command): void {
  program
    .command('config')
    .description('Print the settings in effect and where each comes from; secrets are masked.')
    .option('--config <file>', 'YAML file with settings; the environment wins over it')
    .action((flags: { readonly config?: string }) => {
      const loaded = loadConfig(flags.config === undefined ? {} : { file: flags.config });
      process.stdout.write(effectiveConfig(loaded));
    });
}
