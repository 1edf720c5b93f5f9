import { invalidCheckpoint } from './invalid-checkpoint.ts';
import { checkpointLimits } from './limits.ts';

const [quote, backslash, comma, colon] = [0x22, 0x5c, 0x2c, 0x3a];
const [openBrace, closeBrace, openBracket, closeBracket] = [0x7b, 0x7d, 0x5b, 0x5d];
const [zero, nine] = [0x30, 0x39];
const whitespace: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d]);

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Reads JSON token by token off its bytes; the caller says what it expects. Holds nothing but its position.
 * Whatever is not as expected throws `TRACKCAST_CHECKPOINT_INVALID`.
 */
export class JsonScanner {
  readonly #bytes: Uint8Array;
  #position = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Reads an object; `readMember` is called after each name and reads the value. */
  readObject(readMember: (name: string) => void): void {
    this.#expect(openBrace);
    if (this.#accept(closeBrace)) return;
    do {
      const name = this.readString();
      this.#expect(colon);
      readMember(name);
    } while (this.#accept(comma));
    this.#expect(closeBrace);
  }

  /** Reads an array of at most `limit` integers that are not negative. */
  readIntegers(limit: number): readonly number[] {
    const integers: number[] = [];
    this.#expect(openBracket);
    if (this.#accept(closeBracket)) return integers;
    do {
      if (integers.length >= limit) throw this.#invalid(`more than ${limit} numbers in one list`);
      integers.push(this.#readInteger());
    } while (this.#accept(comma));
    this.#expect(closeBracket);
    return integers;
  }

  /** Reads a string of at most `nameBytes`, with its quotes. */
  readString(): string {
    const [start, end] = this.#passString();
    const limit = checkpointLimits.nameBytes;
    if (end - start > limit) throw this.#invalid(`a name of more than ${limit} bytes`);
    try {
      // Includes the quotes: escapes are JSON's own.
      return String(JSON.parse(utf8.decode(this.#bytes.subarray(start, end))));
    } catch (cause) {
      throw this.#invalid('a broken string', cause);
    }
  }

  skipString(): void {
    this.#passString();
  }

  /** Throws unless only white space follows. */
  expectEnd(): void {
    this.#skipWhitespace();
    if (this.#position < this.#bytes.length) throw this.#invalid('more than one value');
  }

  /** Goes past a string; where it began and ended, with its quotes. */
  #passString(): readonly [number, number] {
    this.#expect(quote);
    const start = this.#position - 1;
    for (;;) {
      const byte = this.#bytes[this.#position++];
      if (byte === quote) return [start, this.#position];
      if (byte === backslash) this.#position++;
      if (byte === undefined) throw this.#invalid('a string without end');
    }
  }

  #readInteger(): number {
    this.#skipWhitespace();
    const start = this.#position;
    let value = 0;
    for (;;) {
      const digit = this.#bytes[this.#position];
      if (digit === undefined || digit < zero || digit > nine) break;
      value = value * 10 + (digit - zero);
      if (!Number.isSafeInteger(value)) throw this.#invalid('an integer beyond 2^53');
      this.#position++;
    }
    const digits = this.#position - start;
    if (digits === 0 || (digits > 1 && this.#bytes[start] === zero)) throw this.#invalid('no integer');
    return value;
  }

  #accept(byte: number): boolean {
    this.#skipWhitespace();
    if (this.#bytes[this.#position] !== byte) return false;
    this.#position++;
    return true;
  }

  #expect(byte: number): void {
    if (!this.#accept(byte)) throw this.#invalid(`no '${String.fromCharCode(byte)}'`);
  }

  #skipWhitespace(): void {
    while (whitespace.has(this.#bytes[this.#position] ?? 0)) this.#position++;
  }

  #invalid(found: string, cause?: unknown): Error {
    return invalidCheckpoint(`the header has ${found} at byte ${this.#position}`, cause);
  }
}
