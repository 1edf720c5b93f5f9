import { type DestinationStream, destination, type Logger, pino } from 'pino';
import { TrackcastError } from './errors.ts';

export type { Logger } from 'pino';

export interface LoggerOptions {
  /** As `LOG_LEVEL`. */
  readonly level: string;
  /** Where lines go; standard output by default. */
  readonly stream?: DestinationStream;
  /** Lines for people instead of JSON; by default where standard output is a terminal. */
  readonly readable?: boolean;
}

/** Never written, wherever in a log object's first two levels they stand: patients may be in them. */
const withheld = ['data', 'body', 'pixels', 'luma', 'payload', 'content', 'headers', 'mask', 'polygons'];
const secrets = ['token', 'tokens', 'password', 'authorization', 'cookie', 'url'];

/** The program's logger: one JSON object per line, without bodies, headers and secrets. */
export function createLogger(options: LoggerOptions): Logger {
  const readable = options.readable ?? (options.stream === undefined && process.stdout.isTTY === true);
  const stream = options.stream ?? destination({ dest: 1, sync: false });
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: [...withheld, ...secrets].flatMap((name) => [name, `*.${name}`]), remove: true },
      serializers: { err: describeError, error: describeError },
    },
    readable ? { write: (line) => stream.write(readableLine(line)) } : stream,
  );
}

/** What of an error is written: other fields that libraries attach may hold messages from the wire. */
function describeError(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return { type: typeof error };
  const cause =
    error.cause === undefined || depth > 2 ? {} : { cause: describeError(error.cause, depth + 1) };
  if (error instanceof TrackcastError) {
    const { code, message, place, remedy } = error;
    return { type: error.name, code, message, place, remedy, ...cause };
  }
  return { type: error.name, message: error.message, stack: error.stack, ...cause };
}

/** `12:03:04.123 WARN  message key=value` from a line of JSON. */
export function readableLine(line: string): string {
  const { level, time, msg, err, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const pairs = Object.entries(fields).map(([key, value]) => `${key}=${shortText(value)}`);
  const head = `${String(time).slice(11, 23)} ${String(level).toUpperCase().padEnd(5)} ${String(msg ?? '')}`;
  return `${[head, ...pairs].join(' ')}${err === undefined ? '' : `\n${errorText(err)}`}\n`;
}

function shortText(value: unknown): string {
  return typeof value === 'string' && /^[^\s="]+$/.test(value) ? value : (JSON.stringify(value) ?? '');
}

function errorText(error: unknown): string {
  const { code, message, remedy, stack } = error as Record<string, unknown>;
  if (code === undefined) return `    ${String(stack ?? message ?? JSON.stringify(error))}`;
  return `    ${String(code)}: ${String(message)}\n    ${String(remedy)}`;
}
