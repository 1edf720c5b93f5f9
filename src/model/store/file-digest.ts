import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';

const readBytes = 4 * 1024 * 1024;

export interface DigestOptions {
  readonly signal?: AbortSignal | undefined;
  /** Told how many bytes have been read. */
  readonly onProgress?: ((bytes: number) => void) | undefined;
}

/** SHA-256 of a file, 64 hexadecimal digits. Rejects with the system's error, or with the signal's reason. */
export async function sha256OfFile(path: string, options: DigestOptions = {}): Promise<string> {
  const handle = await open(path, 'r');
  try {
    const hash = createHash('sha256');
    await addToHash(hash, handle, Number.POSITIVE_INFINITY, options);
    return hash.digest('hex');
  } finally {
    await handle.close();
  }
}

/** Adds the first `length` bytes of an open file to a hash, or as many as there are, and returns how many. */
export async function addToHash(
  hash: Hash,
  handle: FileHandle,
  length: number,
  { signal, onProgress }: DigestOptions = {},
): Promise<number> {
  const buffer = Buffer.allocUnsafe(readBytes);
  let done = 0;
  while (done < length) {
    signal?.throwIfAborted();
    const { bytesRead } = await handle.read(buffer, 0, Math.min(readBytes, length - done), done);
    if (bytesRead === 0) break;
    hash.update(buffer.subarray(0, bytesRead));
    done += bytesRead;
    onProgress?.(done);
  }
  return done;
}
