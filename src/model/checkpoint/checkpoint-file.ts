import { type FileHandle, open, stat } from 'node:fs/promises';
import { TrackcastError } from '../../errors.ts';
import { invalidCheckpoint } from './invalid-checkpoint.ts';

/** Most bytes of one system call; larger reads are split. */
const maxReadBytes = 2 ** 30;

/** A file open for reading at positions. Every failure is `TRACKCAST_CHECKPOINT_INVALID`. */
export class CheckpointFile {
  readonly path: string;
  /** Bytes of the file when it was opened. */
  readonly size: number;
  readonly #handle: FileHandle;

  private constructor(path: string, size: number, handle: FileHandle) {
    this.path = path;
    this.size = size;
    this.#handle = handle;
  }

  static async open(path: string): Promise<CheckpointFile> {
    let handle: FileHandle | null = null;
    try {
      // Opening a pipe would wait for its writer, so the kind is asked for first.
      if (!(await stat(path)).isFile()) throw invalidCheckpoint('it is not a file');
      handle = await open(path, 'r');
      return new CheckpointFile(path, (await handle.stat()).size, handle);
    } catch (error) {
      await handle?.close();
      throw readFailure(error);
    }
  }

  /** Bytes `offset` to `offset + length`, which must lie in the file. */
  async read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    this.checkRange(offset, length);
    const bytes = new Uint8Array(length);
    await this.readInto(bytes, offset);
    return bytes;
  }

  /** Fills `target` with what begins at `offset`. */
  async readInto(target: Uint8Array, offset: number): Promise<void> {
    this.checkRange(offset, target.length);
    for (let done = 0; done < target.length; ) {
      const length = Math.min(target.length - done, maxReadBytes);
      const bytesRead = await this.#readSome(target, done, length, offset + done);
      if (bytesRead === 0) throw invalidCheckpoint('the file has become shorter since it was opened');
      done += bytesRead;
    }
  }

  /** Throws unless the bytes lie in the file. */
  checkRange(offset: number, length: number): void {
    const inside = Number.isSafeInteger(offset) && offset >= 0 && length >= 0 && length <= this.size - offset;
    if (!inside) throw invalidCheckpoint(`it ends at byte ${this.size}, before what it refers to`);
  }

  async #readSome(target: Uint8Array, at: number, length: number, position: number): Promise<number> {
    try {
      return (await this.#handle.read(target, at, length, position)).bytesRead;
    } catch (error) {
      throw readFailure(error);
    }
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

function readFailure(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof TrackcastError) return error;
  return invalidCheckpoint(`the file cannot be read (${error.message})`, error);
}
