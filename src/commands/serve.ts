import { basename } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { loadConfig } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import { DemoSource } from '../demo/demo-source.ts';
import type { TrackcastError } from '../errors.ts';
import { type ChunkSource, isStreamId } from '../ingest/chunk.ts';
import { quietCodecLog } from '../ingest/codec-log.ts';
import { FileSource } from '../ingest/file-source.ts';
import { createLogger } from '../log.ts';
import { type Service, serve } from '../main.ts';

/** More than draining takes with a broker that does not answer. */
const stopTimeoutMs = 20_000;

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
    .option('--stream <id>', 'stream id of --input; default: its file name', streamIdArgument)
    .option('--demo', 'also track a generated scene; the default without a broker and without --input')
    .option('--no-demo', 'never track the generated scene')
    .action(async (flags: ServeFlags) => {
      quietCodecLog();
      const loaded = loadConfig(flags.config === undefined ? {} : { file: flags.config });
      endOnDefect(loaded.values);
      const sources = sourcesOf(flags, loaded.values);
      const service = await serve(loaded);
      stopOnSignal(service);
      try {
        if (!(await service.prepared)) return;
        for (const source of sources) await service.attach(source);
      } catch (error) {
        await service.stop();
        throw error;
      }
      const { host, port } = service.address;
      process.stderr.write(`Trackcast: http://${host.includes(':') ? `[${host}]` : host}:${port}\n`);
    });
}

function sourcesOf(flags: ServeFlags, config: Config): ChunkSource[] {
  const sources: ChunkSource[] = [];
  const { input } = flags;
  if (input !== undefined) {
    const file = new FileSource({ path: input, streamId: flags.stream ?? streamIdOf(input), loop: true });
    void file.finished.then((end) => {
      if (end.kind === 'failed') complain(end.error);
    });
    sources.push(file);
  }
  const hasNoOther = input === undefined && config.AMQP_URL === '';
  if (flags.demo ?? hasNoOther) sources.push(new DemoSource({ onFailure: complain }));
  return sources;
}

/** The first signal stops in order, the second one at once; so does a stop that hangs. */
function stopOnSignal(service: Service): void {
  const forced = () => process.exit(130);
  const stop = async (): Promise<void> => {
    process.off('SIGINT', stop).off('SIGTERM', stop);
    process.once('SIGINT', forced).once('SIGTERM', forced);
    setTimeout(() => {
      process.stderr.write(`Trackcast did not stop within ${stopTimeoutMs / 1000} s and ends now.\n`);
      process.exit(1);
    }, stopTimeoutMs).unref();
    await service.stop();
    process.off('SIGINT', forced).off('SIGTERM', forced);
  };
  process.once('SIGINT', stop).once('SIGTERM', stop);
}

/**
 * What nobody has caught is a defect, after which no state can be trusted: the broker delivers again what was not
 * acknowledged. Through the logger, because what Node prints may hold bodies that a library has attached.
 */
function endOnDefect(config: Config): void {
  const log = createLogger({ level: config.LOG_LEVEL });
  process.on('uncaughtException', (err) => {
    log.fatal({ err }, 'the program has a defect and ends');
    process.exit(1);
  });
}

function complain(error: TrackcastError): void {
  process.stderr.write(`${error.code}: ${error.message}\n${error.remedy}\n`);
}

/** A stream id made of a file's name. */
export function streamIdOf(path: string): string {
  const name = basename(path).replace(/\.[^.]+$/, '');
  const id = name.replace(/[^A-Za-z0-9._-]+/g, '-').slice(0, 128);
  return isStreamId(id) ? id : 'input';
}

/** Reads a stream id from the command line. */
export function streamIdArgument(text: string): string {
  if (!isStreamId(text)) throw new InvalidArgumentError('a stream id is 1 to 128 of A-Z a-z 0-9 . _ -');
  return text;
}
