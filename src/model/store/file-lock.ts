import { randomUUID } from 'node:crypto';
import { link, open, rename, rm, stat, utimes } from 'node:fs/promises';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { TrackcastError } from '../../errors.ts';
import { errorCode } from '../../system-error.ts';
import { readSmallFile } from './system-file.ts';

export interface LockTiming {
  /** How often an owner says that it lives, milliseconds. */
  readonly heartbeatMs: number;
  /** Silence after which an owner counts as dead, milliseconds. */
  readonly staleMs: number;
  /** Wait between two attempts to get a lock that is taken, milliseconds. */
  readonly retryMs: number;
}

export const defaultLockTiming: LockTiming = { heartbeatMs: 10_000, staleMs: 60_000, retryMs: 500 };

const ownerSchema = z.object({ token: z.string(), pid: z.number().int().positive(), host: z.string() });

interface Owner {
  /** Null when the file says nothing, because its owner died or has only just begun. */
  readonly identity: z.infer<typeof ownerSchema> | null;
  readonly lastSignMs: number;
}

/**
 * A lock among processes, also of several machines on one file system: a file that exactly one of them could
 * create, and that its owner touches while it lives. A lock of a process that has died is broken.
 */
export class FileLock {
  readonly #path: string;
  readonly #token: string;
  readonly #timer: NodeJS.Timeout;
  readonly #lost = new AbortController();

  private constructor(path: string, token: string, heartbeatMs: number) {
    this.#path = path;
    this.#token = token;
    this.#timer = setInterval(() => void this.#beat(), heartbeatMs);
    this.#timer.unref();
  }

  /**
   * Waits for the lock. Rejects with the system's error, or with the signal's reason.
   *
   * @param onWait told once who has it, such as `process 4711 on or-3`, when it has to be waited for
   */
  static async acquire(
    path: string,
    timing: LockTiming,
    {
      signal,
      onWait,
    }: { readonly signal?: AbortSignal | undefined; readonly onWait?: (owner: string) => void },
  ): Promise<FileLock> {
    for (let waited = false; ; ) {
      signal?.throwIfAborted();
      const token = randomUUID();
      if (await created(path, token)) return new FileLock(path, token, timing.heartbeatMs);
      const owner = await readOwner(path);
      if (owner === null) continue;
      if (isDead(owner, timing.staleMs)) {
        await breakLock(path, owner);
        continue;
      }
      if (!waited) onWait?.(describe(owner));
      waited = true;
      await sleep(timing.retryMs, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
    }
  }

  /**
   * Aborted, with `TRACKCAST_LOCK_LOST`, when another process has taken this one for dead, as after a long suspension,
   * or when no sign of life can be given any more.
   */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Makes sure that the lock is held at this moment. Rejects with `TRACKCAST_LOCK_LOST`. */
  async confirm(): Promise<void> {
    await this.#beat();
    this.#lost.signal.throwIfAborted();
  }

  async release(): Promise<void> {
    clearInterval(this.#timer);
    const owner = await readOwner(this.#path).catch(() => null);
    if (owner?.identity?.token === this.#token) await rm(this.#path, { force: true });
  }

  async #beat(): Promise<void> {
    try {
      const owner = await readOwner(this.#path);
      if (owner?.identity?.token !== this.#token) return this.#lose(owner);
      const now = new Date();
      await utimes(this.#path, now, now);
    } catch (error) {
      this.#abort(`the lock cannot be kept: ${errorCode(error)}`, error);
    }
  }

  #lose(owner: Owner | null): void {
    if (owner === null) this.#abort('the lock was removed while it was held');
    else this.#abort(`${describe(owner)} has taken the lock, for this process gave no sign of life`);
  }

  #abort(reason: string, cause?: unknown): void {
    clearInterval(this.#timer);
    const error = new TrackcastError('TRACKCAST_LOCK_LOST', reason, { key: this.#path }, { cause });
    this.#lost.abort(error);
  }
}

async function created(path: string, token: string): Promise<boolean> {
  try {
    const handle = await open(path, 'wx');
    try {
      await handle.writeFile(JSON.stringify({ token, pid: process.pid, host: hostname() }));
    } finally {
      await handle.close();
    }
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw error;
  }
}

async function readOwner(path: string): Promise<Owner | null> {
  const text = await readSmallFile(path, 4096);
  const state = await stat(path).catch(() => null);
  if (text === null || state === null) return null;
  return { identity: parseIdentity(text), lastSignMs: state.mtimeMs };
}

function parseIdentity(text: string): Owner['identity'] {
  try {
    return ownerSchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

function isDead({ identity, lastSignMs }: Owner, staleMs: number): boolean {
  if (Date.now() - lastSignMs > staleMs) return true;
  return identity !== null && identity.host === hostname() && !isAlive(identity.pid);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Of another user, but alive.
    return errorCode(error) === 'EPERM';
  }
}

/** Takes the lock away. Whoever comes second finds that it took a new lock, and puts it back. */
async function breakLock(path: string, dead: Owner): Promise<void> {
  const aside = `${path}.${randomUUID()}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return;
    throw error;
  }
  const taken = await readOwner(aside);
  if (taken?.identity?.token !== dead.identity?.token) await link(aside, path).catch(() => undefined);
  await rm(aside, { force: true });
}

function describe({ identity }: Owner): string {
  return identity === null ? 'another process' : `process ${identity.pid} on ${identity.host}`;
}
