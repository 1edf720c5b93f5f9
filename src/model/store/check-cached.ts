import { join } from 'node:path';
import { TrackcastError } from '../../errors.ts';
import { errorCode } from '../../system-error.ts';
import { type DigestOptions, sha256OfFile } from './file-digest.ts';
import { readSeal } from './file-seal.ts';
import { type CachedFile, listCached, type StoredModel } from './stored-model.ts';
import { isMissing } from './system-file.ts';

/**
 * Reads the files that were derived from a model's checkpoint, weights in other precisions, and compares them with
 * the hashes noted when they were written. Files without one are made again before they are used, and are left out.
 *
 * Rejects with `TRACKCAST_MODEL_MISMATCH`, naming the file, when one has changed; `TRACKCAST_MODEL_INVALID` when one
 * cannot be read.
 *
 * @returns those that are intact
 */
export async function checkCached(model: StoredModel, options: DigestOptions = {}): Promise<CachedFile[]> {
  const intact: CachedFile[] = [];
  for (const cached of await listCached(model)) {
    const path = join(model.folder, cached.name);
    const expected = await readSeal(path);
    if (expected === null) continue;
    const found = await digest(path, options);
    if (found === expected) intact.push(cached);
    else if (found !== null) {
      throw new TrackcastError(
        'TRACKCAST_MODEL_MISMATCH',
        `${cached.name} of '${model.name}' has changed since it was written: it has the SHA-256 ${found}, not ${expected}. ` +
          'Delete it; it is made again when the model is next used',
        { key: path },
      );
    }
  }
  return intact;
}

/** Null for a file that is gone meanwhile. */
async function digest(path: string, options: DigestOptions): Promise<string | null> {
  try {
    return await sha256OfFile(path, options);
  } catch (cause) {
    options.signal?.throwIfAborted();
    if (isMissing(cause)) return null;
    const message = `a file that was made of a model cannot be read: ${errorCode(cause)}`;
    throw new TrackcastError('TRACKCAST_MODEL_INVALID', message, { key: path }, { cause });
  }
}
