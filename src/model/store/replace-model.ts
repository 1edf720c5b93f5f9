import { readdir, rename, rm, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { defaultLockTiming, FileLock, type LockTiming } from './file-lock.ts';
import { type ModelManifest, manifestFile, readManifest, writeManifest } from './model-manifest.ts';
import { incomingFolder } from './store-folder.ts';

export interface Replacement {
  /** Folder with the checkpoint that the manifest names. */
  readonly staging: string;
  readonly manifest: ModelManifest;
  readonly signal?: AbortSignal | undefined;
  readonly lockTiming?: LockTiming | undefined;
}

/**
 * Puts a model in the place of another. The new checkpoint enters under a name of its own, beside the old one; the
 * renaming of the manifest, which names the checkpoint, is the one step that decides; then the old checkpoint and
 * all that was derived from it is removed. So a process that is killed on the way leaves one of the two models whole.
 *
 * Rejects with the system's error, with `TRACKCAST_LOCK_LOST`, or with the signal's reason.
 *
 * @param folder of the model
 */
export async function replaceModel(
  store: string,
  folder: string,
  { staging, manifest, signal, lockTiming = defaultLockTiming }: Replacement,
): Promise<void> {
  const { name, sha256 } = manifest;
  // What one replacement removes as old must not be what another one has just put there.
  const lockPath = join(incomingFolder(store), `replacing-${name.replaceAll('/', '-')}.lock`);
  const lock = await FileLock.acquire(lockPath, lockTiming, { signal });
  try {
    if (!(await stat(folder)).isDirectory()) {
      await rm(folder);
      return await rename(staging, folder);
    }
    const ending = extname(manifest.checkpoint);
    const present = await readManifest(folder).catch(() => null);
    // The same content, which was damaged, comes back under its name.
    const isRepair = present?.sha256 === sha256 && extname(present.checkpoint) === ending;
    const checkpoint = isRepair ? present.checkpoint : `checkpoint-${sha256.slice(0, 16)}${ending}`;
    const old = await readdir(folder);
    await lock.confirm();
    await rename(join(staging, manifest.checkpoint), join(folder, checkpoint));
    await writeManifest(folder, { ...manifest, checkpoint });
    for (const each of old) {
      if (each === checkpoint || each === manifestFile) continue;
      await rm(join(folder, each), { recursive: true, force: true });
    }
  } finally {
    await lock.release();
  }
}
