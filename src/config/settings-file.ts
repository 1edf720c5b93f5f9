import { readFileSync, statSync } from 'node:fs';
import { isMap, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import { errorCode } from '../system-error.ts';

/** A value as it was written, before its setting has judged it. */
export interface RawSetting {
  readonly key: string;
  readonly value: unknown;
  /** For messages, such as `or-3.yaml line 7`. */
  readonly source: string;
}

interface FileProblem {
  readonly key: string;
  readonly sentence: string;
}

/** Largest settings file that is read, bytes. */
const maxFileBytes = 1024 * 1024;

/** Reads a flat YAML map. What cannot be read is a problem, never an exception; the text itself is not shown. */
export function readSettingsFile(path: string): {
  readonly settings: readonly RawSetting[];
  readonly problems: readonly FileProblem[];
} {
  const fail = (sentence: string) => ({
    settings: [],
    problems: [{ key: path, sentence: `${path}: ${sentence}` }],
  });
  let text: string;
  try {
    if (statSync(path).size > maxFileBytes) return fail(`is larger than ${maxFileBytes} bytes`);
    text = readFileSync(path, 'utf8');
  } catch (error) {
    return fail(`cannot be read, ${errorCode(error)}`);
  }
  const lines = new LineCounter();
  // Pretty errors quote the line, which may hold a password.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  const lineOf = (offset: number | undefined) => (offset === undefined ? 1 : lines.linePos(offset).line);
  if (document.errors.length > 0) {
    const problems = document.errors.map((error) => ({
      key: path,
      sentence: `${path} line ${lineOf(error.pos[0])}: is not valid YAML (${error.code})`,
    }));
    return { settings: [], problems };
  }
  if (document.contents === null) return { settings: [], problems: [] };
  if (!isMap(document.contents)) return fail('must be a map of settings');

  const settings: RawSetting[] = [];
  const problems: FileProblem[] = [];
  for (const { key, value } of document.contents.items) {
    const name = isScalar(key) ? String(key.value) : 'a key that is not text';
    const source = `${path} line ${lineOf(isScalar(key) ? key.range?.[0] : undefined)}`;
    const plain = plainValue(value);
    if (plain === null) problems.push({ key: name, sentence: `${name} (${source}): has no value` });
    else if (plain !== undefined) settings.push({ key: name, value: plain, source });
    else problems.push({ key: name, sentence: `${name} (${source}): must be a value or a list of values` });
  }
  return { settings, problems };
}

/** A scalar or a list of scalars; undefined for maps, aliases and lists of lists, which no setting needs. */
function plainValue(node: unknown): unknown {
  if (node === null) return null;
  if (isScalar(node)) return node.value;
  if (!isSeq(node) || !node.items.every(isScalar)) return undefined;
  return node.items.map((item) => (isScalar(item) ? item.value : null));
}
