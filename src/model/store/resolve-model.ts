import { realpath } from 'node:fs/promises';
import { resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { TrackcastError } from '../../errors.ts';
import { addModel, checkFile } from './add-model.ts';
import { downloadUrl, findPublished } from './catalogue.ts';
import type { DigestOptions } from './file-digest.ts';
import { type ModelManifest, writeManifest } from './model-manifest.ts';
import { isFileReference } from './model-name.ts';
import { storeFolder } from './store-folder.ts';
import { checkModel, checkpointPath, listNames, readModel, type StoredModel } from './stored-model.ts';

/** A model as the runtime loads it. */
export interface ResolvedModel {
  readonly name: string;
  /** Where its graphs and converted weights belong; may be read-only. */
  readonly folder: string;
  /** Absolute path of the checkpoint, a regular file in that folder. */
  readonly checkpoint: string;
  readonly sha256: string;
}

/**
 * Finds the model that a setting means and checks that its checkpoint is the pinned one: by size and time of
 * modification, and in full where these have changed. A file outside of the store gets a folder in it, with a
 * copy of the file, because graphs cannot refer to weights in another folder; where the file system can clone files,
 * the copy takes no room.
 *
 * Rejects with `TRACKCAST_MODEL_MISSING`, with how to get the model; `TRACKCAST_MODEL_MISMATCH`,
 * `TRACKCAST_MODEL_INVALID`, `TRACKCAST_CHECKPOINT_INVALID` or `TRACKCAST_OUTPUT_UNWRITABLE`.
 *
 * @param reference a name in the store or the path of a checkpoint, as the setting SAM2_MODEL
 * @param modelDir the setting MODEL_DIR; empty for the folder in the user's cache
 */
export async function resolveModel(
  reference: string,
  modelDir: string,
  options: DigestOptions = {},
): Promise<ResolvedModel> {
  const store = storeFolder(modelDir);
  const model = isFileReference(reference)
    ? await resolveFile(resolve(reference), store, options)
    : await resolveName(reference, store, options);
  const { name, folder, manifest } = model;
  return { name, folder, checkpoint: checkpointPath(model), sha256: manifest.sha256 };
}

/** The model of a name. Rejects with `TRACKCAST_MODEL_MISSING`, with how to get it. */
export async function requireModel(store: string, name: string): Promise<StoredModel> {
  const model = await readModel(store, name);
  if (model !== null) return model;
  throw new TrackcastError('TRACKCAST_MODEL_MISSING', await missingSentence(store, name), { key: name });
}

async function resolveName(name: string, store: string, options: DigestOptions): Promise<StoredModel> {
  return checkModel(await requireModel(store, name), 'quick', options);
}

async function missingSentence(store: string, name: string): Promise<string> {
  const published = findPublished(name);
  if (published === null) {
    const names = await listNames(store);
    const there = names.length === 0 ? 'it is empty' : `it has ${names.join(', ')}`;
    return `the model '${name}' is neither in ${store} (${there}) nor published; import its checkpoint with \`trackcast models import FILE --name ${name}\``;
  }
  const megabytes = Math.round(published.bytes / 1e6);
  return (
    `the model '${name}' is not in ${store}; run \`trackcast models pull ${name}\` (${megabytes} MB). ` +
    `On a machine without a connection: fetch ${downloadUrl(published, '')} elsewhere, ` +
    `copy ${published.file} here and run \`trackcast models import ${published.file}\``
  );
}

async function resolveFile(reference: string, store: string, options: DigestOptions): Promise<StoredModel> {
  // The same file by another name is the same model.
  const path = await realpath(reference).catch(() => reference);
  const { bytes, modifiedNs } = await checkFile(path);
  const source = { kind: 'file', path, modifiedNs } as const;
  const known = await findByFile(store, source, bytes);
  const unchanged = known === null ? null : await ifIntact(known, options);
  if (unchanged !== null) return unchanged;

  const addition = {
    ...options,
    name: (sha256: string) => `files/${sha256.slice(0, 16)}`,
    source,
    expectedSha256: null,
    transfer: 'copy',
    replace: false,
  } as const;
  const added = await addModel(store, path, addition);
  const intact = await ifIntact(added, options);
  if (intact === null) return addModel(store, path, { ...addition, replace: true });
  return isDeepStrictEqual(intact.manifest.source, source) ? intact : withSource(intact, source);
}

/** The model that was made from the very same file, so that it need not be hashed at every start. */
async function findByFile(
  store: string,
  source: ModelManifest['source'],
  bytes: number,
): Promise<StoredModel | null> {
  for (const name of await listNames(store)) {
    if (!name.startsWith('files/')) continue;
    const model = await readModel(store, name).catch(() => null);
    const manifest = model?.manifest;
    if (manifest?.bytes === bytes && isDeepStrictEqual(manifest.source, source)) return model;
  }
  return null;
}

/** Null for a model whose checkpoint was changed or cut under its hands. */
async function ifIntact(model: StoredModel, options: DigestOptions): Promise<StoredModel | null> {
  try {
    return await checkModel(model, 'quick', options);
  } catch (error) {
    if (error instanceof TrackcastError) return null;
    throw error;
  }
}

/** The model, which remembers the newest file that it was made from. */
async function withSource(model: StoredModel, source: ModelManifest['source']): Promise<StoredModel> {
  const manifest = { ...model.manifest, source };
  await writeManifest(model.folder, manifest).catch(() => undefined);
  return { ...model, manifest };
}
