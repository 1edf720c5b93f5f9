import { once } from 'node:events';
import { open } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { TrackcastError } from '../errors.ts';

/** Bytes that may wait for the disk before the file is given up. */
const maxWaitingBytes = 256 * 1024 * 1024;

/** A text file that is written line by line without waiting for the disk. */
export class LineFile {
  readonly #path: string;
  readonly #stream: Writable;
  #error: TrackcastError | null = null;

  private constructor(path: string, stream: Writable) {
    this.#path = path;
    this.#stream = stream;
    stream.on('error', (error: NodeJS.ErrnoException) => this.#fail(error.code ?? error.message));
  }

  /** Creates or empties the file. Rejects with `TRACKCAST_OUTPUT_UNWRITABLE`. */
  static async create(path: string): Promise<LineFile> {
    try {
      const handle = await open(path, 'w');
      return new LineFile(path, handle.createWriteStream());
    } catch (error) {
      throw unwritable(
        path,
        error instanceof Error && 'code' in error ? String(error.code) : 'unknown reason',
      );
    }
  }

  /** What went wrong so far; lines after it are lost. */
  get error(): TrackcastError | null {
    return this.#error;
  }

  write(line: string): void {
    if (this.#error !== null) return;
    this.#stream.write(`${line}\n`);
    if (this.#stream.writableLength > maxWaitingBytes) this.#fail('the disk is too slow');
  }

  /** Resolves when all is written. Rejects with `TRACKCAST_OUTPUT_UNWRITABLE` when not all could be. */
  async close(): Promise<void> {
    if (!this.#stream.destroyed) {
      this.#stream.end();
      await finished(this.#stream).catch(() => undefined);
      if (!this.#stream.closed) await once(this.#stream, 'close');
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
