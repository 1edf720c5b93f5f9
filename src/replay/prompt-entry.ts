import { readFile, stat } from 'node:fs/promises';
import { z } from 'zod';
import { TrackcastError } from '../errors.ts';
import { type RunLengthMask, runLengthArea } from '../mask/run-length.ts';
import { runLengthFromCounts } from '../mask/run-length-counts.ts';
import type { PromptShape } from '../prompting/prompt.ts';
import { errorCode } from '../system-error.ts';

/** When an entry takes effect: before its frame is tracked, or on what was tracked there. */
export type PromptMoment = 'before' | 'after';

/** One entry of a file of prompts, in source pixels. */
export interface PromptEntry {
  /** Names the entry in errors, such as `entry 3 (frame 12, object 1)`; counted from 1. */
  readonly name: string;
  readonly frame: number;
  readonly objectId: number;
  /** Null where the entry does not say. */
  readonly when: PromptMoment | null;
  readonly action:
    | {
        readonly kind: 'show';
        readonly shape: PromptShape;
        /** Whether its points add to those given before on the same frame. */
        readonly adds: boolean;
        readonly label: string | null;
      }
    | { readonly kind: 'remove' };
}

/** Largest file that is read, bytes: thousands of large masks. */
const maxFileBytes = 256 * 2 ** 20;

const coordinate = z.number().min(0).max(65_536);
const size = z.number().gt(0).max(65_536);
const label = z.union([z.literal(1), z.literal(0)], {
  error: 'a label is 1 (belongs to it) or 0 (does not)',
});
const wholeNumber = z
  .int()
  .min(0)
  .max(2 ** 31 - 1);

const entrySchema = z.strictObject({
  frame: wholeNumber,
  objectId: wholeNumber,
  points: z
    .array(z.tuple([coordinate, coordinate, label]))
    .min(1)
    .max(256)
    .optional(),
  box: z.tuple([coordinate, coordinate, size, size]).optional(),
  mask: z
    .strictObject({
      size: z.tuple([wholeNumber, wholeNumber]),
      counts: z.union([z.string(), z.array(wholeNumber)]),
    })
    .optional(),
  /** No control characters, which could disturb terminals and logs. */
  label: z
    .string()
    .min(1)
    .max(100)
    .regex(/^\P{Cc}+$/u)
    .optional(),
  when: z.enum(['before', 'after']).optional(),
  add: z.boolean().optional(),
  remove: z.literal(true).optional(),
});

type ParsedEntry = z.infer<typeof entrySchema>;

/** Reads a file of prompts. Rejects with `TRACKCAST_PROMPT_INVALID`, naming the entry that is wrong. */
export async function readPromptEntries(path: string): Promise<PromptEntry[]> {
  return parsePromptEntries(await readText(path));
}

/**
 * Parses a file of prompts: a JSON list, of which each entry is one prompt for one object on one frame.
 *
 * Throws `TRACKCAST_PROMPT_INVALID`, naming the entry that is wrong.
 */
export function parsePromptEntries(text: string): PromptEntry[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : 'unknown reason';
    throw invalidPrompt(`the prompts are no JSON: ${reason}`, cause);
  }
  if (!Array.isArray(parsed)) throw invalidPrompt('the prompts are no JSON list');
  return parsed.map(parseEntry);
}

export function invalidPrompt(message: string, cause?: unknown): TrackcastError {
  return new TrackcastError('TRACKCAST_PROMPT_INVALID', message, {}, { cause });
}

function parseEntry(value: unknown, index: number): PromptEntry {
  const number = `entry ${index + 1}`;
  const result = entrySchema.safeParse(value);
  if (!result.success) {
    const [issue] = result.error.issues;
    const place = issue === undefined || issue.path.length === 0 ? '' : `, ${issue.path.join('.')}`;
    throw invalidPrompt(`${number}${place}: ${issue?.message ?? 'it cannot be understood'}`);
  }
  const { frame, objectId, when } = result.data;
  const name = `${number} (frame ${frame}, object ${objectId})`;
  return { name, frame, objectId, when: when ?? null, action: actionOf(result.data, name) };
}

function actionOf(entry: ParsedEntry, name: string): PromptEntry['action'] {
  const { points, box, mask, add = false } = entry;
  const isShown = points !== undefined || box !== undefined || mask !== undefined;
  if (entry.remove === true) {
    if (isShown || add || entry.label !== undefined) throw invalidPrompt(`${name}: a removal shows nothing`);
    return { kind: 'remove' };
  }
  if (!isShown) throw invalidPrompt(`${name}: it has neither points, box nor mask, and removes nothing`);
  if (mask !== undefined && (points !== undefined || box !== undefined)) {
    throw invalidPrompt(`${name}: a mask stands alone`);
  }
  // The published predictor wants boxes first, too.
  if (add && (points === undefined || box !== undefined)) {
    throw invalidPrompt(`${name}: only points can be added to earlier ones`);
  }
  return { kind: 'show', shape: shapeOf(entry, name), adds: add, label: entry.label ?? null };
}

function shapeOf({ points = [], box, mask }: ParsedEntry, name: string): PromptShape {
  if (mask !== undefined) return { kind: 'mask', mask: maskOf(mask, name) };
  const clicks = points.map(([x, y, label]) => ({ x, y, positive: label === 1 }));
  if (box === undefined) return { kind: 'points', points: clicks };
  const [x, y, width, height] = box;
  const corners = { x, y, width, height };
  if (clicks.length === 0) return { kind: 'box', box: corners };
  return { kind: 'points', points: clicks, box: corners };
}

function maskOf(
  { size: [height, width], counts }: NonNullable<ParsedEntry['mask']>,
  name: string,
): RunLengthMask {
  try {
    const mask: RunLengthMask =
      typeof counts === 'string'
        ? { size: [height, width], counts }
        : runLengthFromCounts(counts, width, height);
    runLengthArea(mask);
    return mask;
  } catch (cause) {
    if (!(cause instanceof TrackcastError)) throw cause;
    throw new TrackcastError(cause.code, `${name}: ${cause.message}`, {}, { cause });
  }
}

async function readText(path: string): Promise<string> {
  try {
    const { size } = await stat(path);
    if (size > maxFileBytes) throw invalidPrompt(`${path} has more than ${maxFileBytes} bytes`);
    return await readFile(path, 'utf8');
  } catch (cause) {
    if (cause instanceof TrackcastError) throw cause;
    const reason = errorCode(cause);
    throw new TrackcastError(
      'TRACKCAST_SOURCE_UNREADABLE',
      `Cannot read ${path}: ${reason}.`,
      { key: path },
      { cause },
    );
  }
}
