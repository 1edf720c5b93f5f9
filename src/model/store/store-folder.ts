import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';

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
