import { once } from 'node:events';
import { constants } from 'node:fs';
import { access, type FileHandle, open, rm } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { TrackcastError } from '../errors.ts';
import { errorCode } from '../system-error.ts';

/** Bytes that may wait for the disk before the file is given up. */
const maxWaitingBytes = 256 * 1024 * 1024;

/**
 * A text file that is written line by line without waiting for the disk. It is opened first, so that a path of no use
 * is noticed early, and emptied when there is something to write: what was there survives a program that fails before.
 */
export class LineFile {
  readonly #path: string;
  readonly #handle: FileHandle;
  readonly #isNew: boolean;
  #stream: Writable | null = null;
  #error: TrackcastError | null = null;

  private constructor(path: string, handle: FileHandle, isNew: boolean) {
    this.#path = path;
    this.#handle = handle;
    this.#isNew = isNew;
  }

  /** Opens or creates the file, and leaves what is in it. Rejects with `TRACKCAST_OUTPUT_UNWRITABLE`. */
  static async open(path: string): Promise<LineFile> {
    const isNew = await access(path).then(
      () => false,
      () => true,
    );
    try {
      return new LineFile(path, await open(path, constants.O_WRONLY | constants.O_CREAT, 0o666), isNew);
    } catch (error) {
      throw unwritable(path, errorCode(error));
    }
  }

  /** Empties the file. Lines can be written then. Rejects with `TRACKCAST_OUTPUT_UNWRITABLE`. */
  async begin(): Promise<void> {
    try {
      // Pipes and devices hold nothing.
      if ((await this.#handle.stat()).isFile()) await this.#handle.truncate(0);
    } catch (error) {
      throw unwritable(this.#path, errorCode(error));
    }
    this.#stream = this.#handle.createWriteStream();
    this.#stream.on('error', (error) => this.#fail(errorCode(error)));
  }

  /** What went wrong so far; lines after it are lost. */
  get error(): TrackcastError | null {
    return this.#error;
  }

  write(line: string): void {
    if (this.#error !== null) return;
    if (this.#stream === null) throw new Error('the file was not begun');
    this.#stream.write(`${line}\n`);
    if (this.#stream.writableLength > maxWaitingBytes) this.#fail('the disk is too slow');
  }

  /**
   * Resolves when all is written. A file that was not begun is as before. Rejects with `TRACKCAST_OUTPUT_UNWRITABLE`
   * when not all could be written.
   */
  async close(): Promise<void> {
    const stream = this.#stream;
    if (stream === null) {
      await this.#handle.close();
      if (this.#isNew) await rm(this.#path, { force: true });
      return;
    }
    if (!stream.destroyed) {
      stream.end();
      await finished(stream).catch(() => undefined);
      if (!stream.closed) await once(stream, 'close');
    }
    if (this.#error !== null) throw this.#error;
  }

  #fail(reason: string): void {
    this.#error ??= unwritable(this.#path, reason);
  }
}

function unwritable(path: string, reason: string): TrackcastError {
  return new TrackcastError('TRACKCAST_OUTPUT_UNWRITABLE', `Cannot write ${path}: ${reason}.`, { key: path });
}
