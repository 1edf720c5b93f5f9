import { rm } from 'node:fs/promises';
import { basename } from 'node:path';
import { writeWhole } from '../whole-file.ts';
import { readSmallFile } from './system-file.ts';

/** Ending of the files that hold seals. */
export const sealEnding = '.sha256';

/**
 * Notes the SHA-256 of a finished file in a file beside it, as `sha256sum --check` reads it. Rejects with
 * `TRACKCAST_OUTPUT_UNWRITABLE`.
 */
export async function writeSeal(path: string, sha256: string): Promise<void> {
  await writeWhole(path + sealEnding, 'the hash of a file cannot be noted', (file) =>
    file.writeFile(`${sha256}  ${basename(path)}\n`),
  );
}

/** The noted SHA-256 of a file; null where there is none, or none that can be understood. */
export async function readSeal(path: string): Promise<string | null> {
  const text = await readSmallFile(path + sealEnding, 4096).catch(() => null);
  return /^([0-9a-f]{64}) [ *]/.exec(text ?? '')?.[1] ?? null;
}

/** Takes the seal off a file that is about to be another. Rejects with the system's error. */
export async function removeSeal(path: string): Promise<void> {
  await rm(path + sealEnding, { force: true });
}
