/**
 * Reads the bits of a NAL unit's payload and leaves out emulation prevention bytes (ITU-T H.264, 7.4.1).
 * Reading past the end gives zeros and sets `exhausted`, so that parsers of damaged data need no checks of
 * their own until they are done.
 */
export class NalBitReader {
  readonly #bytes: Uint8Array;
  #position: number;
  #zeros = 0;
  #current = 0;
  #bitsLeft = 0;
  #exhausted = false;

  /** @param start offset of the first payload byte, after the NAL unit header */
  constructor(bytes: Uint8Array, start: number) {
    this.#bytes = bytes;
    this.#position = start;
  }

  get exhausted(): boolean {
    return this.#exhausted;
  }

  bit(): number {
    if (this.#bitsLeft === 0) {
      this.#nextByte();
    }
    this.#bitsLeft -= 1;
    return (this.#current >> this.#bitsLeft) & 1;
  }

  /** Fixed length, up to 32 bits: `u(n)`. */
  bits(count: number): number {
    let value = 0;
    for (let i = 0; i < count; i += 1) {
      value = value * 2 + this.bit();
    }
    return value;
  }

  flag(): boolean {
    return this.bit() === 1;
  }

  /** Unsigned Exp-Golomb code: `ue(v)`, clause 9.1. */
  unsigned(): number {
    let leadingZeros = 0;
    while (this.bit() === 0) {
      leadingZeros += 1;
      if (leadingZeros > 32 || this.#exhausted) {
        this.#exhausted = true;
        return 0;
      }
    }
    return 2 ** leadingZeros - 1 + this.bits(leadingZeros);
  }

  /** Signed Exp-Golomb code: `se(v)`, clause 9.1.1. */
  signed(): number {
    const code = this.unsigned();
    return code % 2 === 1 ? (code + 1) / 2 : -code / 2;
  }

  #nextByte(): void {
    let byte = this.#bytes[this.#position];
    if (byte === 3 && this.#zeros >= 2) {
      this.#zeros = 0;
      this.#position += 1;
      byte = this.#bytes[this.#position];
    }
    if (byte === undefined) {
      this.#exhausted = true;
      byte = 0;
    }
    this.#position += 1;
    this.#zeros = byte === 0 ? this.#zeros + 1 : 0;
    this.#current = byte;
    this.#bitsLeft = 8;
  }
}
