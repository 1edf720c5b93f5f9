import { type Command, InvalidArgumentError, Option } from 'commander';
import { destination } from 'pino';
import { type LoadedConfig, loadConfig } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import { TrackcastError } from '../errors.ts';
import { isStreamId } from '../ingest/chunk.ts';
import { quietCodecLog } from '../ingest/codec-log.ts';
import { createLogger } from '../log.ts';
import { ProgressLine } from './progress-line.ts';
import { type ReplayOptions, runReplay } from './replay-run.ts';
import { streamIdOf } from './serve.ts';

interface ReplayFlags {
  readonly config?: string;
  readonly stream?: string;
  readonly tracker?: Config['VIDEO_TRACKER_TYPE'];
  readonly realtime?: boolean;
  readonly lossless?: boolean;
  readonly auto: boolean;
  readonly maxFrames: number;
  readonly out?: string;
  readonly events: boolean;
  readonly overlay?: string;
}

/** Adds `replay` to the command line. */
export function registerReplay(program: Command): void {
  program
    .command('replay')
    .description('Track a video file as the service would track a camera, and measure.')
    .argument('<file>', 'mp4, mkv or raw H.264')
    .option('--config <file>', 'YAML file with settings; the environment wins over it')
    .option('--stream <id>', 'stream id; default: the file name')
    .addOption(
      new Option('--tracker <kind>', 'default: as configured').choices(['mobile_sam', 'iou'] as const),
    )
    .addOption(
      new Option('--realtime', "by the file's own clock; late frames are dropped (default)").conflicts(
        'lossless',
      ),
    )
    .option('--lossless', 'every frame is tracked and waits for its segmentation')
    .option('--no-auto', 'find no objects automatically')
    .option('--max-frames <count>', 'frames that are used', wholeNumber, Number.POSITIVE_INFINITY)
    .option('--out <file>', 'write track messages, one JSON object per line')
    .option('--events', 'write track events there too', false)
    .option('--overlay <file>', 'write the video with its tracks drawn on it, such as out.mp4')
    .action(async (file: string, flags: ReplayFlags) => {
      quietCodecLog();
      const options = replayOptions(file, flags);
      const progress = new ProgressLine();
      const stopping = new AbortController();
      const stop = (): void => {
        // A second signal ends the process the hard way.
        if (stopping.signal.aborted) process.exit(130);
        stopping.abort();
      };
      process.on('SIGINT', stop);
      process.on('SIGTERM', stop);
      try {
        const { summary, error } = await runReplay({
          ...options,
          signal: stopping.signal,
          onProgress: (text) => progress.show(text),
        });
        progress.clear();
        process.stdout.write(`${JSON.stringify(summary)}\n`);
        if (error !== null) throw error;
      } finally {
        progress.clear();
        process.off('SIGINT', stop);
        process.off('SIGTERM', stop);
      }
    });
}

function replayOptions(path: string, flags: ReplayFlags): Omit<ReplayOptions, 'signal' | 'onProgress'> {
  const loaded = loadConfig(flags.config === undefined ? {} : { file: flags.config });
  const streamId = flags.stream ?? streamIdOf(path);
  if (!isStreamId(streamId)) {
    throw new TrackcastError('TRACKCAST_CONFIG_INVALID', 'A stream id has 1 to 128 of A-Z a-z 0-9 . _ -', {
      key: '--stream',
    });
  }
  const { values } = loaded;
  if (flags.tracker === 'mobile_sam' && !values.VIDEO_MODE) {
    throw new TrackcastError(
      'TRACKCAST_CONFIG_INVALID',
      'mobile_sam tracks through time, which VIDEO_MODE=false forbids',
      { key: '--tracker' },
    );
  }
  return {
    path,
    streamId,
    config: {
      ...values,
      VIDEO_TRACKER_TYPE: flags.tracker ?? values.VIDEO_TRACKER_TYPE,
      SAM2_PROMPT_STRATEGY: flags.auto ? values.SAM2_PROMPT_STRATEGY : 'none',
    },
    lossless: flags.lossless ?? false,
    maxFrames: flags.maxFrames,
    out: flags.out ?? null,
    withEvents: flags.events,
    overlay: flags.overlay ?? null,
    // Standard output is for the summary alone.
    log: createLogger({ level: logLevel(loaded), stream: destination({ dest: 2, sync: false }) }),
  };
}

/** What a service tells at its default level is in the summary anyway. */
function logLevel({ values, sources }: LoadedConfig): string {
  return sources.LOG_LEVEL === 'default' ? 'warn' : values.LOG_LEVEL;
}

function wholeNumber(text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError('not a whole number above 0');
  return Number(text);
}
