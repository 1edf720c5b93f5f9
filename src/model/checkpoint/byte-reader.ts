import { invalidCheckpoint } from './invalid-checkpoint.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Little-endian values off bytes, one after the other. Reading past the end throws `TRACKCAST_CHECKPOINT_INVALID`. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #subject: string;
  #position = 0;

  /** `subject` names the bytes in errors. */
  constructor(bytes: Uint8Array, subject: string) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#subject = subject;
  }

  get remaining(): number {
    return this.#bytes.length - this.#position;
  }

  uint8(): number {
    return this.#view.getUint8(this.#advance(1));
  }

  uint16(): number {
    return this.#view.getUint16(this.#advance(2), true);
  }

  uint32(): number {
    return this.#view.getUint32(this.#advance(4), true);
  }

  int32(): number {
    return this.#view.getInt32(this.#advance(4), true);
  }

  /** Throws when it has no exact number. */
  uint64(): number {
    const value = Number(this.#view.getBigUint64(this.#advance(8), true));
    if (!Number.isSafeInteger(value)) throw invalidCheckpoint(`${this.#subject} has an integer beyond 2^53`);
    return value;
  }

  /** Pickles keep floats the other way round. */
  bigEndianFloat64(): number {
    return this.#view.getFloat64(this.#advance(8), false);
  }

  /** A view, no copy. */
  bytes(length: number): Uint8Array {
    const start = this.#advance(length);
    return this.#bytes.subarray(start, start + length);
  }

  text(length: number): string {
    return this.#decode(this.bytes(length));
  }

  /** Text up to the next line feed, which is left out. */
  line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#position);
    const line = this.text((end < 0 ? this.#bytes.length : end) - this.#position);
    this.#advance(1);
    return line;
  }

  skip(length: number): void {
    this.#advance(length);
  }

  #decode(bytes: Uint8Array): string {
    try {
      return utf8.decode(bytes);
    } catch (cause) {
      throw invalidCheckpoint(`${this.#subject} has text that is not UTF-8`, cause);
    }
  }

  #advance(length: number): number {
    if (length > this.remaining) throw invalidCheckpoint(`${this.#subject} ends too early`);
    const start = this.#position;
    this.#position += length;
    return start;
  }
}
