import { type Command, InvalidArgumentError, Option } from 'commander';
import { destination } from 'pino';
import { type LoadedConfig, loadConfig } from '../config/load.ts';
import { TrackcastError } from '../errors.ts';
import { isStreamId } from '../ingest/chunk.ts';
import { quietCodecLog } from '../ingest/codec-log.ts';
import { createLogger } from '../log.ts';
import { isVideoFile } from '../replay/open-recording.ts';
import type { PictureSize } from '../replay/recording.ts';
import type { VideoTracker } from '../tracker/video-tracker.ts';
import { imageSize } from './image-size.ts';
import { ProgressLine } from './progress-line.ts';
import { type PromptedReplayOptions, runPromptedReplay } from './replay-prompted.ts';
import { type ReplayOptions, runReplay } from './replay-run.ts';
import { streamIdOf } from './serve.ts';

interface ReplayFlags {
  readonly config?: string;
  readonly stream?: string;
  readonly tracker?: VideoTracker['kind'];
  readonly model?: string;
  readonly imageSize?: number;
  readonly realtime?: boolean;
  readonly lossless?: boolean;
  readonly auto: boolean;
  readonly maxFrames: number;
  readonly out?: string;
  readonly events: boolean;
  readonly overlay?: string;
  readonly prompts?: string;
  readonly promptsAhead: boolean;
  readonly logits?: string;
  readonly rawSize?: PictureSize;
}

/** Adds `replay` to the command line. */
export function registerReplay(program: Command): void {
  program
    .command('replay')
    .description(
      'Track a video file as the service would track a camera, and measure. With --prompts: exactly and reproducibly, every frame, objects as the file says (docs/replay.md).',
    )
    .argument(
      '<video>',
      'mp4, mkv or raw H.264; with --prompts also a folder of PNG or JPEG pictures, raw RGB frames (a .rgb or .raw file, or a folder of them), or a .safetensors file with a tensor `frames`',
    )
    .option('--config <file>', 'YAML file with settings; the environment wins over it')
    .option('--stream <id>', 'stream id; default: the file name')
    .addOption(
      new Option(
        '--tracker <kind>',
        'default: as configured, or sam2_video where --model, --image-size, --logits or --prompts-ahead is given',
      ).choices(['mobile_sam', 'sam2_video', 'iou'] as const),
    )
    .option('--model <name|file>', 'SAM 2 model; default: SAM2_MODEL')
    .option('--image-size <pixels>', 'side of its square input; default: SAM2_IMAGE_SIZE', imageSize)
    .addOption(
      new Option('--realtime', "by the file's own clock; late frames are dropped (default)").conflicts([
        'lossless',
        'prompts',
      ]),
    )
    .option('--lossless', 'every frame is tracked and waits for its segmentation; so it is with --prompts')
    .option('--no-auto', 'find no objects automatically')
    .addOption(
      new Option('--max-frames <count>', 'frames that are used')
        .argParser(wholeNumber)
        .default(Number.POSITIVE_INFINITY, 'all'),
    )
    .option('--out <file>', 'write track messages, one JSON object per line')
    .option('--events', 'write track events there too', false)
    .option('--overlay <file>', 'write the video with its tracks drawn on it, such as out.mp4')
    .option('--prompts <file>', 'JSON list of prompts: frame, objectId, and points, box, mask or remove')
    .option('--prompts-ahead', 'give all prompts before the first frame is tracked', false)
    .option('--logits <dir>', 'with sam2_video: write the raw results of every frame (safetensors)')
    .option('--raw-size <WxH>', 'size of raw RGB frames, pixels', rawSize)
    .action(async (video: string, flags: ReplayFlags) => {
      quietCodecLog();
      const progress = new ProgressLine();
      const stopping = new AbortController();
      const stop = (): void => {
        // A second signal ends the process the hard way.
        if (stopping.signal.aborted) process.exit(130);
        stopping.abort();
      };
      const attendance: Attendance = {
        signal: stopping.signal,
        onProgress: (text) => progress.show(text),
        onWarning: (text) => {
          progress.clear();
          process.stderr.write(`warning: ${text}\n`);
        },
      };
      const run =
        flags.prompts === undefined
          ? await pipelineReplay(video, flags, attendance)
          : promptedReplay(video, flags, flags.prompts, attendance);
      process.on('SIGINT', stop);
      process.on('SIGTERM', stop);
      try {
        const { summary, error } = await run();
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

type Attendance = Pick<ReplayOptions, 'signal' | 'onProgress' | 'onWarning'>;

async function pipelineReplay(path: string, flags: ReplayFlags, attendance: Attendance) {
  const misplaced = (['logits', 'promptsAhead', 'rawSize'] as const).find(
    (name) => flags[name] !== undefined && flags[name] !== false,
  );
  if (misplaced !== undefined) {
    const key = { logits: '--logits', promptsAhead: '--prompts-ahead', rawSize: '--raw-size' }[misplaced];
    throw invalid(`${key} is for replays with --prompts`, key);
  }
  if (!(await isVideoFile(path))) {
    throw invalid('folders, raw frames and tensors are read with --prompts only', '--prompts');
  }
  const { loaded, kind, config } = settingsOf(flags);
  const options: ReplayOptions = {
    ...attendance,
    path,
    streamId: streamIdFor(path, flags),
    config: { ...config, VIDEO_TRACKER_TYPE: kind },
    lossless: flags.lossless ?? false,
    maxFrames: flags.maxFrames,
    out: flags.out ?? null,
    withEvents: flags.events,
    overlay: flags.overlay ?? null,
    // Standard output is for the summary alone.
    log: createLogger({ level: logLevel(loaded), stream: destination({ dest: 2, sync: false }) }),
  };
  return () => runReplay(options);
}

function promptedReplay(path: string, flags: ReplayFlags, prompts: string, attendance: Attendance) {
  const { kind, config } = settingsOf(flags);
  const options: PromptedReplayOptions = {
    ...attendance,
    path,
    prompts,
    promptsAhead: flags.promptsAhead,
    streamId: streamIdFor(path, flags),
    config: { ...config, VIDEO_TRACKER_TYPE: kind },
    rawSize: flags.rawSize ?? null,
    maxFrames: flags.maxFrames,
    out: flags.out ?? null,
    withEvents: flags.events,
    overlay: flags.overlay ?? null,
    logits: flags.logits ?? null,
  };
  return () => runPromptedReplay(options);
}

function streamIdFor(path: string, flags: ReplayFlags): string {
  const streamId = flags.stream ?? streamIdOf(path);
  if (isStreamId(streamId)) return streamId;
  throw invalid('A stream id has 1 to 128 of A-Z a-z 0-9 . _ -', '--stream');
}

/** The configuration as the command line changes it. */
function settingsOf(flags: ReplayFlags) {
  const loaded = loadConfig(flags.config === undefined ? {} : { file: flags.config });
  const { values } = loaded;
  const needsSam2 =
    flags.model !== undefined ||
    flags.imageSize !== undefined ||
    flags.logits !== undefined ||
    flags.promptsAhead;
  const asked = flags.tracker ?? (needsSam2 ? 'sam2_video' : undefined);
  if (asked !== undefined && asked !== 'iou' && !values.VIDEO_MODE) {
    throw invalid(`${asked} tracks through time, which VIDEO_MODE=false forbids`, '--tracker');
  }
  const config = {
    ...values,
    SAM2_MODEL: flags.model ?? values.SAM2_MODEL,
    SAM2_IMAGE_SIZE: flags.imageSize ?? values.SAM2_IMAGE_SIZE,
    SAM2_PROMPT_STRATEGY: flags.auto ? values.SAM2_PROMPT_STRATEGY : 'none',
  } as const;
  return { loaded, kind: asked ?? values.VIDEO_TRACKER_TYPE, config };
}

/** What a service tells at its default level is in the summary anyway. */
function logLevel({ values, sources }: LoadedConfig): string {
  return sources.LOG_LEVEL === 'default' ? 'warn' : values.LOG_LEVEL;
}

function wholeNumber(text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError('not a whole number above 0');
  return Number(text);
}

function rawSize(text: string): PictureSize {
  const match = /^([1-9]\d{0,4})x([1-9]\d{0,4})$/.exec(text);
  if (match === null) throw new InvalidArgumentError('not of the form 1280x720');
  return { width: Number(match[1]), height: Number(match[2]) };
}

function invalid(message: string, key: string): TrackcastError {
  return new TrackcastError('TRACKCAST_CONFIG_INVALID', message, { key });
}
