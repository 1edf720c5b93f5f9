import { ByteReader } from './byte-reader.ts';
import type { CheckpointFile } from './checkpoint-file.ts';
import { invalidCheckpoint, quoteName } from './invalid-checkpoint.ts';
import { readZipDirectory, type ZipDirectory } from './zip-directory.ts';

const localHeaderSignature = 0x04034b50;
const localHeaderBytes = 30;
const deflated = 8;

/** Bytes of the file. */
export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

/** A zip file whose entries are stored as they are, as PyTorch writes them. Checksums are not looked at. */
export class ZipFile {
  readonly #file: CheckpointFile;
  readonly #directory: ZipDirectory;

  private constructor(file: CheckpointFile, directory: ZipDirectory) {
    this.#file = file;
    this.#directory = directory;
  }

  /** Throws `TRACKCAST_CHECKPOINT_INVALID` when the directory cannot be read. */
  static async open(file: CheckpointFile): Promise<ZipFile> {
    return new ZipFile(file, await readZipDirectory(file));
  }

  get names(): Iterable<string> {
    return this.#directory.entries.keys();
  }

  has(name: string): boolean {
    return this.#directory.entries.has(name);
  }

  /**
   * Where the bytes of an entry lie. Throws `TRACKCAST_CHECKPOINT_INVALID` when there is no such entry, it is
   * compressed or encrypted, or it does not lie before the directory.
   */
  async locate(name: string): Promise<ByteRange> {
    const entry = this.#directory.entries.get(name);
    if (!entry) throw invalidCheckpoint(`it lacks '${quoteName(name)}'`);
    if (entry.encrypted) throw invalidCheckpoint(`'${quoteName(name)}' is encrypted`);
    if (entry.method !== 0 || entry.storedSize !== entry.size) {
      const how = entry.method === deflated ? 'deflated' : 'compressed';
      throw invalidCheckpoint(
        `'${quoteName(name)}' is ${how}; save it again with torch.save, or convert it to safetensors`,
      );
    }
    // Names and extra fields here may be longer than in the directory: PyTorch aligns data with them.
    const header = await this.#file.read(entry.headerOffset, localHeaderBytes);
    const reader = new ByteReader(header, 'a zip entry');
    if (reader.uint32() !== localHeaderSignature) {
      throw invalidCheckpoint(`'${quoteName(name)}' is not where its zip directory says`);
    }
    // Versions, flags, times, checksum and sizes: those of the directory count.
    reader.skip(22);
    const offset = entry.headerOffset + localHeaderBytes + reader.uint16() + reader.uint16();
    if (entry.size > this.#directory.offset - offset) {
      throw invalidCheckpoint(`'${quoteName(name)}' reaches into its zip directory`);
    }
    return { offset, length: entry.size };
  }

  /** Bytes of a small entry; more than `limit` are refused. */
  async read(name: string, limit: number): Promise<Uint8Array> {
    const { offset, length } = await this.locate(name);
    if (length > limit) throw invalidCheckpoint(`'${quoteName(name)}' has ${length} bytes, above ${limit}`);
    return this.#file.read(offset, length);
  }
}
