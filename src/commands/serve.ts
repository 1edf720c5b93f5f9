import { basename } from 'node:path';
import type { Command } from 'commander';
import { loadConfig } from '../config/load.ts';
import { DemoSource } from '../demo/demo-source.ts';
import { isStreamId } from '../ingest/chunk.ts';
import { quietCodecLog } from '../ingest/codec-log.ts';
import { FileSource } from '../ingest/file-source.ts';
import { serve } from '../main.ts';

interface ServeFlags {
  readonly config?: string;
  readonly input?: string;
  readonly stream?: string;
  readonly demo?: boolean;
}

/** Adds `serve` to the command line. */
export function registerServe(program: Command): void {
  program
    .command('serve')
    .description('Run the service: take video in, track, publish, show the live page.')
    .option('--config <file>', 'YAML file with settings; the environment wins over it')
    .option('--input <file>', 'also track this video (mp4, mkv, raw H.264) in a loop')
    .option('--stream <id>', 'stream id of --input; default: its file name')
    .option('--demo', 'also track a generated scene; the default without a broker and without --input')
    .action(async (flags: ServeFlags) => {
      quietCodecLog();
      const loaded = loadConfig(flags.config === undefined ? {} : { file: flags.config });
      const service = await serve(loaded);
      const { host, port } = service.address;
      const stop = async (): Promise<void> => {
        // A second signal ends the process the hard way.
        process.once('SIGINT', () => process.exit(130));
        await service.stop();
      };
      process.once('SIGINT', stop);
      process.once('SIGTERM', stop);
      if (flags.input !== undefined) {
        const streamId = flags.stream ?? streamIdOf(flags.input);
        await service.attach(new FileSource({ path: flags.input, streamId, loop: true }));
      }
      const hasNoOther = flags.input === undefined && loaded.values.AMQP_URL === '';
      if (flags.demo ?? hasNoOther) await service.attach(new DemoSource());
      process.stderr.write(`Trackcast: http://${host.includes(':') ? `[${host}]` : host}:${port}\n`);
    });
}

/** A stream id made of a file's name. */
export function streamIdOf(path: string): string {
  const name = basename(path).replace(/\.[^.]+$/, '');
  const id = name.replace(/[^A-Za-z0-9._-]+/g, '-').slice(0, 128);
  return isStreamId(id) ? id : 'input';
}
