import { z } from 'zod';
import { preferredExtents } from '../prompting/candidate-filter.ts';
import { promptStrategyNames } from '../prompting/prompt-strategy.ts';
import { accessTokenForm, accessTokenSchema } from './access-token.ts';
import { detectorSettings } from './detector-settings.ts';
import { sam2Settings } from './sam2-settings.ts';
import {
  booleanSetting,
  choiceSetting,
  integerSetting,
  listSetting,
  numberSetting,
  type Setting,
  textSetting,
  urlSetting,
} from './setting-kinds.ts';

const amqpName = {
  allowed: 'a name of 1 to 255 characters out of A-Z a-z 0-9 - _ . :',
  pattern: /^[A-Za-z0-9\-_.:]{1,255}$/,
};

/** `scheme://host[:port]` and nothing after it, as a browser's Origin header has it. */
function isOrigin(text: string): boolean {
  return /^https?:\/\//.test(text) && URL.canParse(text) && new URL(text).origin === text;
}

const tracking = {
  VIDEO_MODE: booleanSetting({
    default: true,
    description:
      'Track objects through time with memory. `false` segments frame by frame and connects the results by their overlap (IOU).',
  }),
  VIDEO_TRACKER_TYPE: choiceSetting({
    default: 'mobile_sam',
    choices: ['mobile_sam', 'sam2_video', 'iou'],
    description:
      'How objects are tracked: `mobile_sam` segments with the embedded MobileSAM and carries masks on motion in between; `sam2_video` does so with SAM 2, whose memory knows objects again (get the model with `trackcast models pull`); `iou` connects independent segmentations by overlap.',
  }),
  VIDEO_BUFFER_SIZE: integerSetting({
    default: 30,
    min: 4,
    max: 600,
    description: 'Decoded frames kept per stream. Memory per stream grows with it.',
  }),
  VIDEO_PROCESSING_FPS: numberSetting({
    default: 15,
    min: 0.1,
    max: 120,
    description:
      'How often a stream is segmented at most, per second. Every other frame is propagated, so tracks come out at the full frame rate. Not for `iou`, which segments every frame that it takes.',
  }),
  SAM2_PROMPT_STRATEGY: choiceSetting({
    default: 'auto_grid',
    choices: promptStrategyNames,
    description:
      "How objects are found where no track covers the picture: `auto_grid` asks at the points of a grid; `motion` at what moves by itself, once the camera's motion is taken away; `saliency` at what stands out; `hybrid` at all of these, the most promising first, after the boxes of the detector in DETECTOR_MODEL if there is one; `detector` at the boxes of that alone; `none` waits for people to prompt. Where motion is not measured (`iou`, and `trackcast replay` with SAM 2), `motion` asks at the points of the grid.",
  }),
  SAM2_REPROMPT_INTERVAL: integerSetting({
    default: 30,
    min: 1,
    max: 100_000,
    description:
      'Frames between two rounds of automatic prompting. Live tracks keep their ids and memory. Not for `iou`, which asks again on every frame that it takes.',
  }),
  SAM2_PROMPT_BUDGET_MS: numberSetting({
    default: 200,
    min: 1,
    max: 10_000,
    description:
      'Milliseconds of one look that points for new objects may take beside live tracks; at least one point is tried. Rounds that have more points are spread over several looks.',
  }),
  SAM2_PREFERRED_EXTENT: choiceSetting({
    default: 'whole',
    choices: preferredExtents,
    description:
      'What becomes an object where a strategy finds a thing and a part of it: the `whole` or the `part`.',
  }),
  SAM2_MASK_SMOOTHING: numberSetting({
    default: 0,
    min: 0,
    max: 0.9,
    description:
      'How far a fresh mask is steadied by the one that motion has carried to the same frame: the weight of the latter, 0 for none. Takes away flicker from look to look, and adds no lag.',
  }),
  SAM2_MAX_OBJECTS_PER_STREAM: integerSetting({
    default: 50,
    min: 1,
    max: 200,
    description: 'Objects tracked at once in one stream. Objects that a person asked for are never evicted.',
  }),
  SAM2_STREAM_TIMEOUT: numberSetting({
    default: 60,
    min: 1,
    max: 86_400,
    description: 'Seconds without a chunk after which a stream is closed and its memory is freed.',
  }),
};

const capacity = {
  EXECUTION_PROVIDERS: listSetting({
    default: ['cpu'],
    item: z.enum(['cpu', 'cuda', 'webgpu']),
    minItems: 1,
    allowed: 'a list of `cpu`, `cuda`, `webgpu`, in the order in which they are tried',
    description: 'Devices for inference, tried in this order. `cuda` needs its libraries, see docs/gpu.md.',
  }),
  SEGMENTATION_THREADS: integerSetting({
    default: 1,
    min: 1,
    max: 64,
    description: 'Threads that one inference run may use on the CPU.',
  }),
  DECODE_WORKERS: integerSetting({
    default: 1,
    min: 1,
    max: 64,
    description: 'Threads that decode video. Streams are shared out among them.',
  }),
  MAX_STREAMS: integerSetting({
    default: 16,
    min: 1,
    max: 1000,
    description: 'Streams open at once. Chunks of further streams are refused and counted.',
  }),
};

const ingest = {
  INGEST_MAX_UNACKED_SECONDS: numberSetting({
    default: 10,
    min: 0.1,
    max: 600,
    description:
      'Longest time that a chunk waits for its acknowledgement when no later keyframe (IDR) comes. Less means less to decode again after a crash, but a picture may then have to wait for the next keyframe.',
  }),
  INGEST_PREFETCH: integerSetting({
    default: 4096,
    min: 1,
    max: 65_535,
    description:
      'Chunks that the broker delivers ahead of acknowledgement. It has to cover all chunks of the longest distance between keyframes, of all streams together.',
  }),
  AMQP_URL: urlSetting({
    default: '',
    protocols: ['amqp:', 'amqps:'],
    description: 'The RabbitMQ broker. Empty: no broker; video then comes from files, WebSocket or the demo.',
  }),
  AMQP_CHUNK_EXCHANGE: textSetting({
    ...amqpName,
    default: 'video.chunks',
    description: 'Topic exchange to which cameras publish chunks; the routing key is the stream id.',
  }),
  AMQP_CHUNK_QUEUE: textSetting({
    ...amqpName,
    default: 'trackcast.chunks',
    description: 'Quorum queue bound to the chunk exchange.',
  }),
  AMQP_DEAD_LETTER_EXCHANGE: textSetting({
    ...amqpName,
    default: 'video.chunks.dead',
    description: 'Where refused chunks go, with the reason in a header.',
  }),
  AMQP_DEAD_LETTER_QUEUE: textSetting({
    ...amqpName,
    default: 'trackcast.chunks.dead',
    description: 'Queue that keeps the newest of them for inspection.',
  }),
  AMQP_TRACK_EXCHANGE: textSetting({
    ...amqpName,
    default: 'video.tracks',
    description: 'Topic exchange for tracks (`tracks.<streamId>`) and events (`events.<streamId>`).',
  }),
};

const serving = {
  HTTP_HOST: textSetting({
    default: '127.0.0.1',
    allowed: 'a host name or an IP address',
    pattern: /^(?=.{1,253}$)[A-Za-z0-9:][A-Za-z0-9.:%_-]*$/,
    description: 'Address to listen on. Anything but loopback needs tokens.',
  }),
  HTTP_PORT: integerSetting({
    default: 8080,
    min: 0,
    max: 65_535,
    description: 'Port of the live page, WebSocket, REST, health and metrics. 0 takes any free port.',
  }),
  HTTP_TOKENS: listSetting({
    default: [],
    item: accessTokenSchema,
    allowed: `a list of ${accessTokenForm}`,
    description: 'Bearer tokens and what their holders may do. Required when not listening on loopback.',
    secret: 'value',
  }),
  HTTP_TOKENS_FILE: textSetting({
    default: '',
    allowed: 'empty, or the path of a file',
    pattern: /^[^\0]{1,4096}$/,
    mayBeEmpty: true,
    description:
      'File with one `role:token` per line (empty lines and lines beginning with # are skipped), added to HTTP_TOKENS. Fits mounted secrets.',
  }),
  HTTP_ALLOWED_ORIGINS: listSetting({
    default: [],
    item: z.string().refine(isOrigin),
    allowed: 'a list of origins such as `https://monitor.example.org`',
    description: 'Further web origins whose pages may connect. The own origin always may.',
  }),
  PREVIEW_FPS: numberSetting({
    default: 25,
    min: 1,
    max: 60,
    description: 'Pictures per second sent at most to each viewer of the live page.',
  }),
  PREVIEW_LONG_SIDE: integerSetting({
    default: 640,
    min: 64,
    max: 1920,
    description: 'Longer side of these pictures, pixels.',
  }),
  LOG_LEVEL: choiceSetting({
    default: 'info',
    choices: ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'],
    description: 'Least severe log lines that are written.',
  }),
};

/** Every setting by its name, which is the same in the file and in the environment. */
export const settings = {
  ...tracking,
  ...sam2Settings,
  ...detectorSettings,
  ...capacity,
  ...ingest,
  ...serving,
};

/** The settings in the order and under the headings in which people read them. */
export const settingGroups: readonly { readonly title: string; readonly keys: readonly SettingKey[] }[] = [
  { title: 'Tracking', keys: keysOf(tracking) },
  { title: 'SAM 2', keys: keysOf(sam2Settings) },
  { title: 'Detector', keys: keysOf(detectorSettings) },
  { title: 'Capacity', keys: keysOf(capacity) },
  { title: 'Video in, broker', keys: keysOf(ingest) },
  { title: 'HTTP, live page, log', keys: keysOf(serving) },
];

export type SettingKey = keyof typeof settings;

/** The typed value of every setting. */
export type Config = {
  readonly [Key in SettingKey]: (typeof settings)[Key] extends Setting<infer Value> ? Value : never;
};

/** A variable that begins like a setting but is none is most likely misspelt. */
export const ownedPrefixes = [
  'VIDEO_',
  'SAM2_',
  'DETECTOR_',
  'INGEST_',
  'AMQP_',
  'HTTP_',
  'SEGMENTATION_',
  'DECODE_',
  'PREVIEW_',
] as const;

/** Variables of the operating environment that begin like ours. */
export const foreignVariables: ReadonlySet<string> = new Set(['HTTP_PROXY']);

export function isSettingKey(key: string): key is SettingKey {
  return Object.hasOwn(settings, key);
}

function keysOf<Group extends Partial<Record<SettingKey, unknown>>>(group: Group): SettingKey[] {
  return Object.keys(group).filter(isSettingKey);
}
