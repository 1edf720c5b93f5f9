import { randomUUID } from 'node:crypto';
import { type FileHandle, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { TrackcastError } from '../errors.ts';
import { errorCode } from '../system-error.ts';

/** Age at which the part of a writer that was killed is removed. */
const abandonedMs = 24 * 60 * 60 * 1000;

/** Most bytes that one call to the system takes. */
const maxWriteBytes = 2 ** 30;

/**
 * Writes a file under another name beside `path` and renames it when it is complete and on the disk: a reader never
 * sees a part. Several writers of one file do not disturb each other; the last one's stays.
 *
 * Throws `TRACKCAST_OUTPUT_UNWRITABLE`, with `what` it is about, and whatever error of the program `write` throws;
 * then nothing is left behind.
 */
export async function writeWhole(
  path: string,
  what: string,
  write: (file: FileHandle) => Promise<void>,
): Promise<void> {
  const part = `${path}.${randomUUID()}.part`;
  try {
    const file = await open(part, 'wx');
    try {
      await write(file);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(part, path);
  } catch (cause) {
    await rm(part, { force: true });
    if (cause instanceof TrackcastError) throw cause;
    const message = `${what}: ${errorCode(cause)}`;
    throw new TrackcastError('TRACKCAST_OUTPUT_UNWRITABLE', message, { key: path }, { cause });
  }
}

/** Writes all of it where the file's last write ended; the system may write less than it is given. */
export async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const length = Math.min(bytes.length - done, maxWriteBytes);
    done += (await file.write(bytes, done, length)).bytesWritten;
  }
}

/** Removes what writers of this file that were killed a day ago or earlier have left. Never rejects. */
export async function removeAbandonedParts(path: string): Promise<void> {
  const [folder, name] = [dirname(path), basename(path)];
  for (const file of await readdir(folder).catch(() => [])) {
    if (!file.startsWith(`${name}.`) || !file.endsWith('.part')) continue;
    const part = join(folder, file);
    const state = await stat(part).catch(() => null);
    if (state === null || Date.now() - state.mtimeMs <= abandonedMs) continue;
    await rm(part, { force: true }).catch(() => undefined);
  }
}
