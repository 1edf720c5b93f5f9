import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { TrackcastError } from '../../errors.ts';
import { errorCode } from '../../system-error.ts';

/**
 * Absolute path of the folder that holds all models.
 *
 * @param setting the setting MODEL_DIR; empty for `trackcast/models` in the user's cache (XDG Base Directory)
 */
export function storeFolder(
  setting: string,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): string {
  if (setting !== '') return resolve(setting);
  const { XDG_CACHE_HOME: cache = '' } = environment;
  // The specification says that relative paths there are to be ignored.
  return join(isAbsolute(cache) ? cache : join(homedir(), '.cache'), 'trackcast', 'models');
}

/** Where files are on their way into the store; on the same file system, so that entering is a rename. */
export function incomingFolder(store: string): string {
  return join(store, 'incoming');
}

/**
 * Runs what writes to the store; the system's errors become `TRACKCAST_OUTPUT_UNWRITABLE`. Rejects with the signal's
 * reason when that was aborted.
 */
export async function writingToStore<Result>(
  path: string,
  write: () => Promise<Result>,
  signal?: AbortSignal,
): Promise<Result> {
  try {
    return await write();
  } catch (cause) {
    signal?.throwIfAborted();
    if (cause instanceof TrackcastError) throw cause;
    const message = `the store of models cannot be written to: ${errorCode(cause)}`;
    throw new TrackcastError('TRACKCAST_OUTPUT_UNWRITABLE', message, { key: path }, { cause });
  }
}
