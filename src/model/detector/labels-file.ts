import { readFile, stat } from 'node:fs/promises';
import { parseDocument } from 'yaml';
import { z } from 'zod';
import { TrackcastError } from '../../errors.ts';
import { errorCode } from '../../system-error.ts';

const maxFileBytes = 1024 * 1024;
const maxClasses = 65_536;

const nameSchema = z.union([z.string(), z.number().transform(String)]);
const listSchema = z.array(nameSchema).min(1).max(maxClasses);
const mapSchema = z
  .record(z.string().regex(/^\d{1,5}$/), nameSchema)
  .refine((map) => Object.keys(map).length > 0)
  .transform((map) => {
    const count = Math.max(...Object.keys(map).map(Number)) + 1;
    // A class that is left out keeps its number.
    return Array.from({ length: count }, (_, index) => map[index] ?? '');
  });
const namesSchema = z.union([listSchema, mapSchema]);
/** A data set's description, as YOLO's trainers read it, has names among other things. */
const fileSchema = z.union([
  namesSchema,
  z.looseObject({ names: namesSchema }).transform(({ names }) => names),
]);

/**
 * Reads the names of a detector's classes in the order of their numbers: from `.yaml`, `.yml` or `.json` a list, a map
 * from numbers to names, or either of them under `names`; from any other file, one name per line.
 *
 * @throws TrackcastError TRACKCAST_CONFIG_INVALID
 */
export async function readLabelsFile(path: string): Promise<readonly string[]> {
  const text = await readText(path);
  if (!/\.(ya?ml|json)$/i.test(path)) {
    const lines = text.split(/\r?\n/).map((line) => line.trim());
    while (lines.at(-1) === '') lines.pop();
    if (lines.length === 0) throw invalid(path, 'names no class');
    if (lines.length > maxClasses) throw invalid(path, `names more than ${maxClasses} classes`);
    return lines;
  }
  const document = parseDocument(text, { prettyErrors: false });
  const [error] = document.errors;
  if (error !== undefined) throw invalid(path, `is not valid YAML or JSON (${error.code})`);
  const parsed = fileSchema.safeParse(plainValue(document));
  if (parsed.success) return parsed.data;
  throw invalid(
    path,
    'must hold a list of names, or a map from class numbers to names, or one of them under `names`',
  );
}

function plainValue(document: ReturnType<typeof parseDocument>): unknown {
  try {
    return document.toJS({ maxAliasCount: 0 });
  } catch {
    // An alias, which no list of names needs.
    return undefined;
  }
}

async function readText(path: string): Promise<string> {
  let size: number;
  try {
    size = (await stat(path)).size;
    if (size <= maxFileBytes) return await readFile(path, 'utf8');
  } catch (error) {
    const reason = errorCode(error);
    throw invalid(path, `cannot be read, ${reason}`);
  }
  throw invalid(path, `has ${size} bytes, more than ${maxFileBytes}`);
}

function invalid(path: string, problem: string): TrackcastError {
  const key = 'DETECTOR_LABELS';
  return new TrackcastError('TRACKCAST_CONFIG_INVALID', `${key} ${path}: ${problem}`, { key });
}
