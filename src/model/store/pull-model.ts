import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { TrackcastError } from '../../errors.ts';
import { addModel, maxCheckpointBytes } from './add-model.ts';
import { downloadUrl, type PublishedModel } from './catalogue.ts';
import { type DownloadPatience, type DownloadProgress, defaultPatience, download } from './download.ts';
import { defaultLockTiming, FileLock, type LockTiming } from './file-lock.ts';
import { removePart } from './part-file.ts';
import { publicUrl } from './public-url.ts';
import { incomingFolder, writingToStore } from './store-folder.ts';
import { checkModel, readModel, type StoredModel } from './stored-model.ts';

export interface PullOptions {
  /** The setting MODEL_MIRROR. */
  readonly mirror: string;
  /** The hash that the file has to have instead of the published one, as for another edition on a mirror. */
  readonly sha256?: string;
  /** Whether a model that is there makes way. */
  readonly replace: boolean;
  readonly onProgress?: (progress: DownloadProgress) => void;
  /** Told in a sentence what is waited for. */
  readonly onWait?: (reason: string) => void;
  readonly signal?: AbortSignal;
  readonly patience?: DownloadPatience;
  readonly lockTiming?: LockTiming;
}

export interface PulledModel {
  readonly model: StoredModel;
  /** False when it was in the store already. */
  readonly isNew: boolean;
}

/**
 * Fetches a published checkpoint into the store. What an interrupted pull has fetched is used by the next one; of
 * several at once, also on other machines that share the store, one fetches and the others wait.
 *
 * Rejects with `TRACKCAST_DOWNLOAD_FAILED`, which says how to do without a connection, `TRACKCAST_MODEL_MISMATCH`,
 * `TRACKCAST_CHECKPOINT_INVALID`, `TRACKCAST_OUTPUT_UNWRITABLE`, `TRACKCAST_LOCK_LOST` when another process took
 * over meanwhile, or the signal's reason.
 */
export async function pullModel(
  store: string,
  published: PublishedModel,
  options: PullOptions,
): Promise<PulledModel> {
  const sha256 = options.sha256 ?? published.sha256;
  const present = options.replace ? null : await findPresent(store, published.name, sha256, options);
  if (present !== null) return { model: present, isNew: false };

  const partPath = join(incomingFolder(store), `${published.file}.part`);
  const lock = await lockPart(store, partPath, options);
  try {
    // Whoever had the lock before may have fetched it.
    const meanwhile = options.replace ? null : await findPresent(store, published.name, sha256, options);
    if (meanwhile !== null) return { model: meanwhile, isNew: false };
    const signal = AbortSignal.any([lock.lost, ...(options.signal === undefined ? [] : [options.signal])]);
    return {
      model: await fetchModel(store, published, partPath, sha256, lock, { ...options, signal }),
      isNew: true,
    };
  } finally {
    await lock.release();
  }
}

async function fetchModel(
  store: string,
  published: PublishedModel,
  partPath: string,
  sha256: string,
  lock: FileLock,
  options: PullOptions,
): Promise<StoredModel> {
  const url = downloadUrl(published, options.mirror);
  const isPublished = sha256 === published.sha256;
  try {
    const found = await download(url, partPath, {
      patience: options.patience ?? defaultPatience,
      maxBytes: maxCheckpointBytes,
      expectedBytes: isPublished ? published.bytes : null,
      onProgress: options.onProgress,
      onRetry: options.onWait,
      signal: options.signal,
    });
    if (found !== sha256) {
      await removePart(partPath);
      const message = `what ${publicUrl(url)} sends has the SHA-256 ${found}, not ${sha256}; it was thrown away`;
      throw new TrackcastError('TRACKCAST_MODEL_MISMATCH', message, { key: published.name });
    }
  } catch (error) {
    throw withWayAround(error, published, options.mirror);
  }
  // After a suspension the part may be another's by now, who writes to it.
  await lock.confirm();
  const model = await addModel(store, partPath, {
    name: published.name,
    source: { kind: 'url', url: publicUrl(url) },
    expectedSha256: null,
    knownSha256: sha256,
    transfer: 'move',
    replace: options.replace,
  });
  await removePart(partPath);
  return model;
}

/** Null when there is none. Rejects with `TRACKCAST_MODEL_MISMATCH` when the one that is there is another. */
async function findPresent(
  store: string,
  name: string,
  sha256: string,
  { signal }: PullOptions,
): Promise<StoredModel | null> {
  const model = await readModel(store, name);
  if (model === null) return null;
  if (model.manifest.sha256 !== sha256) {
    const message = `the model '${name}' that is there has the SHA-256 ${model.manifest.sha256}, not ${sha256}; say --replace to put the other in its place`;
    throw new TrackcastError('TRACKCAST_MODEL_MISMATCH', message, { key: model.folder });
  }
  return checkModel(model, 'quick', { signal });
}

async function lockPart(store: string, partPath: string, options: PullOptions): Promise<FileLock> {
  const { signal, onWait } = options;
  const lock = async () => {
    await mkdir(incomingFolder(store), { recursive: true });
    return await FileLock.acquire(`${partPath}.lock`, options.lockTiming ?? defaultLockTiming, {
      signal,
      onWait: (owner) => onWait?.(`${owner} is pulling this model; waiting for it`),
    });
  };
  return writingToStore(store, lock, signal);
}

function withWayAround(error: unknown, published: PublishedModel, mirror: string): unknown {
  if (!(error instanceof TrackcastError) || error.code !== 'TRACKCAST_DOWNLOAD_FAILED') return error;
  const { code, message, place, cause } = error;
  const url = publicUrl(downloadUrl(published, ''));
  const advice =
    `What has arrived is kept. On a machine without a connection: fetch ${url} elsewhere, ` +
    `copy ${published.file} here and run \`trackcast models import ${published.file}\``;
  return new TrackcastError(
    code,
    `${message}. ${mirror === '' ? advice : `${advice}; or check MODEL_MIRROR`}`,
    place,
    { cause },
  );
}
