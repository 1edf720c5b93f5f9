import { type Command, InvalidArgumentError, Option } from 'commander';
import { loadConfig } from '../config/load.ts';
import { quietCodecLog } from '../ingest/codec-log.ts';
import type { FilePace } from '../ingest/file-source.ts';
import type { FileChunking } from '../ingest/file-source-chunking.ts';
import { runTestCamera } from '../ingest/test-camera.ts';
import { chunkTopologyOf } from '../main.ts';
import { streamIdArgument, streamIdOf } from './serve.ts';

const localBroker = 'amqp://guest:guest@127.0.0.1:5672';

interface PublishFlags {
  readonly config?: string;
  readonly amqp?: string;
  readonly stream?: string;
  readonly chunkBytes?: { readonly min: number; readonly max: number };
  readonly seed: number;
  readonly speed: FilePace;
  readonly loop: boolean;
  readonly sequenceStart: number;
}

/** Adds `publish` to the command line. */
export function registerPublish(program: Command): void {
  program
    .command('publish')
    .description('Publish a video file to the broker as a camera would.')
    .argument('<file>', 'mp4, mkv or raw H.264')
    .option('--config <file>', 'YAML file with the settings of the service; the environment wins over it')
    .option('--amqp <url>', `the broker; default: AMQP_URL, else ${localBroker}`)
    .option('--stream <id>', 'stream id; default: the file name', streamIdArgument)
    .option('--chunk-bytes <min-max>', 'split at random byte positions instead of access units', byteRange)
    .option('--seed <number>', 'of the random splits', wholeNumber, 1)
    .addOption(
      new Option('--speed <factor|max>', 'of playing, 1 is real time')
        .argParser(speed)
        .default({ kind: 'realtime' }, '1'),
    )
    .option('--loop', 'begin again at the end, until interrupted', false)
    .option('--sequence-start <number>', 'number of the first chunk', wholeNumber, 0)
    .action(async (file: string, flags: PublishFlags) => {
      quietCodecLog();
      const { values } = loadConfig(flags.config === undefined ? {} : { file: flags.config });
      const abort = new AbortController();
      process.once('SIGINT', () => abort.abort());
      process.once('SIGTERM', () => abort.abort());
      const chunking: FileChunking =
        flags.chunkBytes === undefined
          ? { kind: 'access-unit' }
          : { kind: 'bytes', ...flags.chunkBytes, seed: flags.seed };
      const result = await runTestCamera(
        {
          path: file,
          amqpUrl: flags.amqp ?? (values.AMQP_URL === '' ? localBroker : values.AMQP_URL),
          topology: chunkTopologyOf(values),
          streamId: flags.stream ?? streamIdOf(file),
          chunking,
          pace: flags.speed,
          loop: flags.loop,
          sequenceStart: flags.sequenceStart,
        },
        abort.signal,
      );
      process.stdout.write(`${JSON.stringify(result)}\n`);
    });
}

function byteRange(text: string): { min: number; max: number } {
  const match = /^(\d+)-(\d+)$/.exec(text);
  const min = Number(match?.[1]);
  const max = Number(match?.[2]);
  if (!(min >= 1 && max >= min)) throw new InvalidArgumentError('not of the form 100-5000');
  return { min, max };
}

function wholeNumber(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('not a whole number');
  return Number(text);
}

function speed(text: string): FilePace {
  if (text === 'max') return { kind: 'asFastAsPossible' };
  const factor = Number(text);
  if (!(factor > 0)) throw new InvalidArgumentError('neither `max` nor a number above 0');
  return { kind: 'realtime', speed: factor };
}
