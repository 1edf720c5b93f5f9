import { execFileSync } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { cpus, loadavg, totalmem } from 'node:os';
import { join } from 'node:path';
import { textTable } from '../src/evaluation/text-table.ts';
import type { Figure } from './figure.ts';

/** Where and when figures were taken. */
interface Circumstances {
  readonly date: string;
  readonly commit: string | null;
  readonly node: string;
  readonly platform: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGb: number;
  /** Processes that ran or wanted to run when the benchmark began, over one minute. */
  readonly load: number;
}

export interface Results {
  readonly circumstances: Circumstances;
  readonly figures: readonly Figure[];
}

export function circumstances(): Circumstances {
  return {
    date: new Date().toISOString(),
    commit: commitOf(),
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 1024 ** 3),
    load: Math.round((loadavg()[0] ?? 0) * 100) / 100,
  };
}

function commitOf(): string | null {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  } catch {
    return null;
  }
}

/** Every stored run, oldest first. */
export async function storedResults(folder: string): Promise<Results[]> {
  const names = await readdir(folder).catch(() => []);
  const files = names.filter((name) => name.endsWith('.json')).sort();
  const texts = await Promise.all(files.map((name) => readFile(join(folder, name), 'utf8')));
  return texts.map((text) => JSON.parse(text));
}

/** Stores a run and returns its path. */
export async function storeResults(folder: string, results: Results): Promise<string> {
  await mkdir(folder, { recursive: true });
  const path = join(folder, `${results.circumstances.date.replaceAll(':', '-')}.json`);
  await writeFile(path, `${JSON.stringify(results, null, 1)}\n`);
  return path;
}

/** The figures beside the newest earlier ones of the same names. */
export function describeFigures(figures: readonly Figure[], earlier: readonly Results[]): string {
  const last = new Map(earlier.flatMap((run) => run.figures.map(({ name, value }) => [name, value])));
  const rows = figures.map(({ name, value, unit, better, note }) => {
    const before = last.get(name);
    return [
      name,
      shown(value),
      unit,
      before === undefined ? '' : shown(before),
      before === undefined ? '' : change(value, before, better),
      note ?? '',
    ];
  });
  return textTable(['', 'now', 'unit', 'before', 'change', 'note'], rows);
}

/** Two runs on a busy machine differ by this much without a cause. */
const noise = 0.1;

function change(value: number, before: number, better: Figure['better']): string {
  if (before === 0) return value === 0 ? '=' : 'new';
  const ratio = value / before;
  if (Math.abs(ratio - 1) <= noise) return `x${ratio.toFixed(2)}`;
  const isBetter = ratio > 1 === (better === 'more');
  return `x${ratio.toFixed(2)} ${isBetter ? 'better' : 'WORSE'}`;
}

function shown(value: number): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toFixed(digits);
}
