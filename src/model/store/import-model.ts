import { basename } from 'node:path';
import { TrackcastError } from '../../errors.ts';
import { addModel, checkFile } from './add-model.ts';
import { findPublished, publishedModels } from './catalogue.ts';
import type { DigestOptions } from './file-digest.ts';
import { nameAfterFile } from './model-name.ts';
import type { StoredModel } from './stored-model.ts';

export interface ImportOptions extends DigestOptions {
  /** By default the published model's when the file is one, otherwise after the file's name. */
  readonly name?: string;
  /** The hash that the file has to have. */
  readonly sha256?: string;
  /** Whether a model of this name with other content makes way. */
  readonly replace: boolean;
}

/**
 * Copies a checkpoint file into the store; on file systems that can, the copy takes no room. A name of a published
 * model is for the published content only, unless the file's hash is given.
 *
 * Rejects like `addModel`, and with `TRACKCAST_REQUEST_INVALID` when the file's name is of no use as a model's.
 */
export async function importModel(store: string, file: string, options: ImportOptions): Promise<StoredModel> {
  const { name, sha256, replace, signal, onProgress } = options;
  const { modifiedNs } = await checkFile(file);
  return addModel(store, file, {
    name: (found) => {
      const chosen = name ?? defaultName(file, found);
      if (sha256 === undefined) checkPublished(chosen, found, file);
      return chosen;
    },
    source: { kind: 'file', path: file, modifiedNs },
    expectedSha256: sha256 ?? null,
    transfer: 'copy',
    replace,
    signal,
    onProgress,
  });
}

function defaultName(file: string, sha256: string): string {
  const published = publishedModels.find((model) => model.sha256 === sha256);
  const name = published?.name ?? publishedAs(file) ?? nameAfterFile(file);
  if (name !== null) return name;
  throw new TrackcastError(
    'TRACKCAST_REQUEST_INVALID',
    'the name of the file cannot be that of a model; give one with --name',
    { key: file },
  );
}

/** A file with a published name that has another content is damaged, or not what it seems. */
function publishedAs(file: string): string | null {
  return publishedModels.find((model) => model.file === basename(file))?.name ?? null;
}

function checkPublished(name: string, sha256: string, file: string): void {
  const published = findPublished(name);
  if (published === null || published.sha256 === sha256) return;
  throw new TrackcastError(
    'TRACKCAST_MODEL_MISMATCH',
    `it is not the '${name}' that Meta published: its SHA-256 is ${sha256}, not ${published.sha256}. ` +
      'A model of your own needs another name (--name)',
    { key: file },
  );
}
