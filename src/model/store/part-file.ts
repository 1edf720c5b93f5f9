import { createHash, type Hash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open, rm, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { TrackcastError } from '../../errors.ts';
import { errorCode } from '../../system-error.ts';
import { addToHash, type DigestOptions } from './file-digest.ts';
import { readSmallFile } from './system-file.ts';

const originSchema = z.object({
  url: z.string(),
  /** What the server calls this very content, for `If-Range`: a strong entity tag, or a date of modification. */
  validator: z.string().max(1024),
  /** Bytes of the whole file; null when the server did not tell. */
  total: z.number().int().nonnegative().nullable(),
});

/** What a part is a part of. */
export type PartOrigin = z.infer<typeof originSchema>;

/**
 * The beginning of a file that is being downloaded, hashed as it grows. What it is a part of stands in a file
 * beside it, so that a later process can go on. Every failure is `TRACKCAST_OUTPUT_UNWRITABLE`.
 */
export class PartFile {
  readonly path: string;
  readonly #handle: FileHandle;
  #hash: Hash = createHash('sha256');
  #bytes = 0;
  #origin: PartOrigin | null = null;

  private constructor(path: string, handle: FileHandle) {
    this.path = path;
    this.#handle = handle;
  }

  /**
   * Opens a part, or begins one. What is there is kept, and hashed again, when it is a part of the same URL and not
   * longer than `maxBytes`. Rejects with the signal's reason when that was aborted.
   */
  static async open(path: string, url: string, maxBytes: number, options: DigestOptions): Promise<PartFile> {
    const handle = await writing(path, () => open(path, constants.O_RDWR | constants.O_CREAT, 0o644));
    const part = new PartFile(path, handle);
    try {
      const origin = await readOrigin(path);
      const size = (await handle.stat()).size;
      if (origin !== null && origin.url === url && size <= (origin.total ?? maxBytes)) {
        part.#bytes = await addToHash(part.#hash, handle, size, options);
        part.#origin = origin;
      } else {
        await part.restart(null);
      }
      return part;
    } catch (error) {
      await handle.close();
      options.signal?.throwIfAborted();
      throw error instanceof TrackcastError ? error : unwritable(path, error);
    }
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Null when the part cannot be continued later. */
  get origin(): PartOrigin | null {
    return this.#origin;
  }

  /** Throws away what is there, for a content that may be another. */
  async restart(origin: PartOrigin | null): Promise<void> {
    await writing(this.path, async () => {
      // In this order, a part never lies beside the origin of another.
      await rm(originPath(this.path), { force: true });
      await this.#handle.truncate(0);
      if (origin !== null) await writeFile(originPath(this.path), JSON.stringify(origin));
    });
    this.#hash = createHash('sha256');
    this.#bytes = 0;
    this.#origin = origin;
  }

  async append(chunk: Uint8Array): Promise<void> {
    await writing(this.path, async () => {
      for (let done = 0; done < chunk.length; ) {
        const { bytesWritten } = await this.#handle.write(
          chunk,
          done,
          chunk.length - done,
          this.#bytes + done,
        );
        done += bytesWritten;
      }
    });
    this.#hash.update(chunk);
    this.#bytes += chunk.length;
  }

  /** SHA-256 of what is there, once it lies on the disk. */
  async finish(): Promise<string> {
    await writing(this.path, () => this.#handle.sync());
    return this.#hash.copy().digest('hex');
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

/** Removes a part, or what is left of it after it was moved away. */
export async function removePart(path: string): Promise<void> {
  await rm(originPath(path), { force: true });
  await rm(path, { force: true });
}

async function readOrigin(path: string): Promise<PartOrigin | null> {
  try {
    const text = await readSmallFile(originPath(path), 16 * 1024);
    return text === null ? null : originSchema.parse(JSON.parse(text));
  } catch {
    // Cut off by a crash: the part begins anew.
    return null;
  }
}

function originPath(path: string): string {
  return `${path}.json`;
}

async function writing<Result>(path: string, write: () => Promise<Result>): Promise<Result> {
  try {
    return await write();
  } catch (error) {
    throw unwritable(path, error);
  }
}

function unwritable(path: string, cause: unknown): TrackcastError {
  const message = `what is downloaded cannot be written: ${errorCode(cause)}`;
  return new TrackcastError('TRACKCAST_OUTPUT_UNWRITABLE', message, { key: path }, { cause });
}
