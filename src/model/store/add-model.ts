import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { copyFile, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { TrackcastError } from '../../errors.ts';
import { errorCode } from '../../system-error.ts';
import { summariseCheckpoint } from './checkpoint-summary.ts';
import { type DigestOptions, sha256OfFile } from './file-digest.ts';
import { type ModelManifest, writeManifest } from './model-manifest.ts';
import { type Replacement, replaceModel } from './replace-model.ts';
import { incomingFolder, writingToStore } from './store-folder.ts';
import { fileState, readModel, type StoredModel } from './stored-model.ts';
import { isMissing } from './system-file.ts';

/** Largest checkpoint that is taken, bytes. */
export const maxCheckpointBytes = 4 * 2 ** 30;

/** Age at which a folder of an addition that never ended is removed. */
const abandonedMs = 24 * 60 * 60 * 1000;

/**
 * Looks at a file before it is taken. Rejects with `TRACKCAST_MODEL_MISSING` when there is none that can be read, and
 * `TRACKCAST_CHECKPOINT_INVALID` when it is a folder or too large for any model.
 */
export async function checkFile(
  file: string,
): Promise<{ readonly bytes: number; readonly modifiedNs: string }> {
  const missing = (reason: string, cause?: unknown) =>
    new TrackcastError('TRACKCAST_MODEL_MISSING', reason, { key: file }, { cause });
  const state = await stat(file, { bigint: true }).catch((cause: unknown) => {
    const reason = isMissing(cause)
      ? 'there is no such checkpoint file'
      : `the checkpoint file cannot be read: ${errorCode(cause)}`;
    throw missing(reason, cause);
  });
  if (!state.isFile()) {
    const message = state.isDirectory()
      ? 'it is a folder; give the path of the .pt or .safetensors file itself'
      : 'it is neither a file nor a link to one';
    throw new TrackcastError('TRACKCAST_CHECKPOINT_INVALID', message, { key: file });
  }
  if (state.size > maxCheckpointBytes) {
    const message = `it has ${state.size} bytes, more than the ${maxCheckpointBytes} that are taken`;
    throw new TrackcastError('TRACKCAST_CHECKPOINT_INVALID', message, { key: file });
  }
  return { bytes: Number(state.size), modifiedNs: String(state.mtimeNs) };
}

export interface NewModel extends DigestOptions {
  /** Name of the model, once its hash is known. */
  readonly name: string | ((sha256: string) => string);
  readonly source: ModelManifest['source'];
  /** The hash that the file has to have; null to accept any. */
  readonly expectedSha256: string | null;
  /** The hash of the file, where it was computed on the way. */
  readonly knownSha256?: string;
  /**
   * How the file comes in. Not by a link: ONNX Runtime follows no symbolic one out of a model's folder, and through a
   * hard one the model would change with whatever is written to the original.
   */
  readonly transfer: 'move' | 'copy';
  /** Whether a model of this name with other content makes way, with its graphs. */
  readonly replace: boolean;
}

/**
 * Takes a checkpoint into the store: hashed, recognised as a model, and only then visible, whole. A model of the
 * same name and content stays as it is, and is returned.
 *
 * Rejects with `TRACKCAST_MODEL_MISSING` when there is no such file, `TRACKCAST_CHECKPOINT_INVALID` when it is none
 * of a known model, `TRACKCAST_MODEL_MISMATCH` when its hash is not the expected one or the name is taken, and
 * `TRACKCAST_OUTPUT_UNWRITABLE`; then the store is as before, but a file to be moved is gone.
 */
export async function addModel(store: string, file: string, options: NewModel): Promise<StoredModel> {
  await checkFile(file);
  const staging = await makeStaging(store);
  try {
    const staged = join(staging, 'checkpoint');
    await writingToStore(staging, () => transfer(file, staged, options.transfer));
    const sha256 = options.knownSha256 ?? (await sha256OfFile(staged, options));
    if (options.expectedSha256 !== null && sha256 !== options.expectedSha256) {
      throw new TrackcastError(
        'TRACKCAST_MODEL_MISMATCH',
        `the file has the SHA-256 ${sha256}, not ${options.expectedSha256} as expected`,
        { key: file },
      );
    }
    const { format, architecture } = await summarise(staged, file);
    const checkpoint = format === 'pytorch' ? 'checkpoint.pt' : 'checkpoint.safetensors';
    const name = typeof options.name === 'string' ? options.name : options.name(sha256);
    const manifest = await writingToStore(staging, async () => {
      await rename(staged, join(staging, checkpoint));
      const { bytes, modifiedNs } = await fileState(join(staging, checkpoint));
      const written: ModelManifest = {
        manifestVersion: 1,
        name,
        source: options.source,
        checkpoint,
        format,
        bytes,
        modifiedNs,
        sha256,
        pinnedAt: new Date().toISOString(),
        architecture,
      };
      await writeManifest(staging, written);
      return written;
    });
    return await enter(store, { staging, manifest, signal: options.signal }, options.replace);
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

async function makeStaging(store: string): Promise<string> {
  const incoming = incomingFolder(store);
  return writingToStore(store, async () => {
    await mkdir(incoming, { recursive: true });
    await removeAbandoned(incoming);
    // With the rights of other folders: a store may be shared.
    const staging = join(incoming, `adding-${randomUUID()}`);
    await mkdir(staging);
    return staging;
  });
}

/** A process that was killed while it added a model has left its folder. */
async function removeAbandoned(incoming: string): Promise<void> {
  for (const name of await readdir(incoming)) {
    if (!name.startsWith('adding-')) continue;
    const path = join(incoming, name);
    const state = await stat(path).catch(() => null);
    if (state !== null && Date.now() - state.mtimeMs > abandonedMs) {
      await rm(path, { recursive: true, force: true });
    }
  }
}

async function transfer(from: string, to: string, kind: NewModel['transfer']): Promise<void> {
  if (kind === 'move') return rename(from, to);
  // A clone shares its blocks with the original where the file system can, and takes no room.
  await copyFile(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
  const handle = await open(to, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** A foreign path in an error is more use than that of the copy, which is gone by then. */
async function summarise(staged: string, file: string): ReturnType<typeof summariseCheckpoint> {
  try {
    return await summariseCheckpoint(staged);
  } catch (error) {
    if (!(error instanceof TrackcastError)) throw error;
    throw new TrackcastError(error.code, error.message, { key: file }, { cause: error.cause });
  }
}

/** Gives a finished model its name. A folder is renamed as a whole, so nobody ever sees half of a new model. */
async function enter(store: string, addition: Replacement, replace: boolean): Promise<StoredModel> {
  const { staging, manifest } = addition;
  const { name, sha256 } = manifest;
  const folder = join(store, ...name.split('/'));
  if (!(await tookName(staging, folder))) {
    const present = await readModel(store, name).catch(() => null);
    if (present?.manifest.sha256 === sha256 && !replace) return present;
    // A name that was made of the content stands for nothing else: what is damaged there is in the way only.
    const mayReplace = replace || (present === null && name.startsWith('files/'));
    if (!mayReplace) {
      const pinned =
        present === null ? ', which is damaged' : `, with the SHA-256 ${present.manifest.sha256}`;
      throw new TrackcastError(
        'TRACKCAST_MODEL_MISMATCH',
        `there is another model '${name}' already${pinned}; this one has ${sha256}. Give it another name, or say --replace`,
        { key: folder },
      );
    }
    await writingToStore(folder, () => replaceModel(store, folder, addition), addition.signal);
  }
  const model = await readModel(store, name);
  if (model !== null) return model;
  throw new TrackcastError('TRACKCAST_OUTPUT_UNWRITABLE', 'the model vanished as it was added', {
    key: folder,
  });
}

async function tookName(staging: string, folder: string): Promise<boolean> {
  return writingToStore(folder, async () => {
    await mkdir(join(folder, '..'), { recursive: true });
    try {
      await rename(staging, folder);
      return true;
    } catch (error) {
      if (['ENOTEMPTY', 'EEXIST', 'ENOTDIR'].includes(errorCode(error))) return false;
      throw error;
    }
  });
}
