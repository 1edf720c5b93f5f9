import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { TrackcastError } from '../../errors.ts';
import { errorCode } from '../../system-error.ts';
import { type DigestOptions, sha256OfFile } from './file-digest.ts';
import { sealEnding } from './file-seal.ts';
import { type ModelManifest, manifestFile, readManifest, writeManifest } from './model-manifest.ts';
import { isModelName } from './model-name.ts';
import { isMissing } from './system-file.ts';

/** A model that is in the store. */
export interface StoredModel {
  /** A name that a person gave, or `files/` and 16 digits of the hash of a file that is used where it lies. */
  readonly name: string;
  readonly folder: string;
  readonly manifest: ModelManifest;
}

/** A file that was derived from a model's checkpoint and can be made again. */
export interface CachedFile {
  readonly name: string;
  readonly bytes: number;
  /** Side of the square input for which a graph was built; null for files that serve every size. */
  readonly imageSize: number | null;
}

/** Null where there is no such model. Rejects with `TRACKCAST_MODEL_INVALID` when its folder is damaged. */
export async function readModel(store: string, name: string): Promise<StoredModel | null> {
  if (!isModelName(name) && !/^files\/[0-9a-f]{16}$/.test(name)) return null;
  const folder = join(store, ...name.split('/'));
  const manifest = await readManifest(folder);
  return manifest === null ? null : { name, folder, manifest };
}

/** Names of all models in the store, in alphabetical order, models by file last. Damaged ones are among them. */
export async function listNames(store: string): Promise<string[]> {
  const [models, files] = await Promise.all([foldersIn(store), foldersIn(join(store, 'files'))]);
  return [
    ...models.filter(isModelName),
    ...files.filter((name) => /^[0-9a-f]{16}$/.test(name)).map((name) => `files/${name}`),
  ];
}

/** What lies in a model's folder beside its checkpoint: graphs, and weights in another precision. */
export async function listCached({ folder, manifest }: StoredModel): Promise<CachedFile[]> {
  const cached: CachedFile[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const { name } = entry;
    if (!entry.isFile() || name === manifest.checkpoint || name === manifestFile) continue;
    if (name.endsWith(sealEnding)) continue;
    const state = await stat(join(folder, name)).catch(() => null);
    // What is gone meanwhile was being written.
    if (state !== null) cached.push({ name, bytes: state.size, imageSize: imageSizeOf(name) });
  }
  return cached.sort((one, other) => one.name.localeCompare(other.name));
}

/** Absolute path of a model's checkpoint, in its folder. */
export function checkpointPath({ folder, manifest }: StoredModel): string {
  return join(folder, manifest.checkpoint);
}

/**
 * Checks a model's checkpoint against its pinned hash. A quick check reads the file only when its size or its
 * time of modification differ from those at the last full check; a full one always does.
 *
 * Rejects with `TRACKCAST_MODEL_MISMATCH` when the content is another, `TRACKCAST_MODEL_INVALID` when the file is gone.
 *
 * @returns the model, which knows the time at which its file was last modified
 */
export async function checkModel(
  model: StoredModel,
  depth: 'quick' | 'full',
  options: DigestOptions = {},
): Promise<StoredModel> {
  const { manifest, name, folder } = model;
  const path = checkpointPath(model);
  const before = await fileState(path);
  const isUnchanged = before.bytes === manifest.bytes && before.modifiedNs === manifest.modifiedNs;
  if (depth === 'quick' && isUnchanged) return model;
  // Another size cannot have the same hash.
  const sha256 = before.bytes === manifest.bytes ? await digest(path, options) : null;
  if (sha256 !== manifest.sha256) {
    const found =
      sha256 === null ? `it has ${before.bytes} bytes, not ${manifest.bytes}` : `it has ${sha256}`;
    throw new TrackcastError(
      'TRACKCAST_MODEL_MISMATCH',
      `the checkpoint of '${name}' is not the one whose SHA-256 ${manifest.sha256} was pinned: ${found}`,
      { key: path },
    );
  }
  if (isUnchanged) return model;
  const seen = { ...manifest, modifiedNs: before.modifiedNs };
  // A folder that cannot be written to is checked in full every time, which is slower and right.
  await writeManifest(folder, seen).catch(() => undefined);
  return { ...model, manifest: seen };
}

/** Size and time of modification. Rejects with `TRACKCAST_MODEL_INVALID` when there is no such file. */
export async function fileState(path: string): Promise<{ bytes: number; modifiedNs: string }> {
  try {
    const { size, mtimeNs } = await stat(path, { bigint: true });
    return { bytes: Number(size), modifiedNs: String(mtimeNs) };
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

async function digest(path: string, options: DigestOptions): Promise<string> {
  try {
    return await sha256OfFile(path, options);
  } catch (cause) {
    options.signal?.throwIfAborted();
    throw unreadable(path, cause);
  }
}

function unreadable(path: string, cause: unknown): TrackcastError {
  const message = `a model's checkpoint cannot be read: ${errorCode(cause)}`;
  return new TrackcastError('TRACKCAST_MODEL_INVALID', message, { key: path }, { cause });
}

async function foldersIn(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name)
      .sort();
  } catch (error) {
    if (isMissing(error)) return [];
    throw new TrackcastError(
      'TRACKCAST_MODEL_INVALID',
      `the store of models cannot be read: ${errorCode(error)}`,
      { key: folder },
      { cause: error },
    );
  }
}

/** Graphs carry the side of their input in their names, as in `track_step-1024-float16.onnx`. */
function imageSizeOf(name: string): number | null {
  if (!name.endsWith('.onnx')) return null;
  const sizes = [...name.matchAll(/(?<=[-_.])\d{2,4}(?=[-_.])/g)].map(([digits]) => Number(digits));
  return sizes.find((size) => size % 32 === 0) ?? null;
}
