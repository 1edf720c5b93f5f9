/** A piece of the byte stream as it came in. */
export interface StreamPiece {
  readonly sequence: number;
  readonly timestampNs: bigint;
  /** `monotonicMs()` */
  readonly receivedAtMs: number;
  readonly data: Uint8Array;
}

/** One coded picture with everything that belongs to it, or parameter sets alone. */
export interface AccessUnit {
  /** Annex B bytes, a copy of its own. */
  readonly data: Buffer;
  /** Offsets in `data` of the NAL unit headers of parameter sets and slices. */
  readonly nals: readonly number[];
  /** False when the stream broke off before a slice came: only parameter sets and the like. */
  readonly hasPicture: boolean;
  readonly isIdr: boolean;
  /** Sequence of the chunk in which the first byte of its first start code (00 00 01) lies. */
  readonly chunkSequence: number;
  /** Ordinal among the access units with a picture that begin in that chunk. */
  readonly unitInChunk: number;
  readonly chunkTimestampNs: bigint;
  /** When the chunk with its last byte came. */
  readonly receivedAtMs: number;
}

/** An access unit whose end has not been seen; `start` is a position in the splitter's bytes. */
export interface OpenUnit {
  start: number;
  hasPicture: boolean;
  isIdr: boolean;
  isReference: boolean;
  lastFirstMacroblock: number;
  unitInChunk: number;
  readonly nals: number[];
}

export function openUnit(start: number): OpenUnit {
  return {
    start,
    hasPicture: false,
    isIdr: false,
    isReference: false,
    lastFirstMacroblock: -1,
    unitInChunk: 0,
    nals: [],
  };
}

/** The fields of a slice that tell pictures apart. */
export interface SliceIdentity {
  readonly firstMacroblock: number;
  readonly isIdr: boolean;
  readonly isReference: boolean;
}

/** Whether a slice belongs to another picture than the slices of `unit` (clause 7.4.1.2.4, the parts in reach). */
export function isOtherPicture(unit: OpenUnit, slice: SliceIdentity): boolean {
  return (
    slice.firstMacroblock <= unit.lastFirstMacroblock ||
    slice.isIdr !== unit.isIdr ||
    slice.isReference !== unit.isReference
  );
}

/** Which chunk each byte came in. */
export class PieceLedger {
  #records: { readonly piece: StreamPiece; start: number; units: number }[] = [];

  add(piece: StreamPiece, start: number): void {
    this.#records.push({ piece, start, units: 0 });
  }

  /** The piece that holds the byte at `position`. */
  pieceAt(position: number): StreamPiece {
    return this.#recordAt(position).piece;
  }

  /** Counts one more access unit that begins at `position`; returns its ordinal in that piece. */
  countUnit(position: number): number {
    const record = this.#recordAt(position);
    record.units += 1;
    return record.units - 1;
  }

  /** Positions move down by `count`; pieces that end before 0 are forgotten. */
  discard(count: number): void {
    for (const record of this.#records) {
      record.start -= count;
    }
    const first = this.#records.findLastIndex((record) => record.start <= 0);
    this.#records.splice(0, Math.max(0, first));
  }

  clear(): void {
    this.#records = [];
  }

  #recordAt(position: number) {
    const record = this.#records.findLast(({ start }) => start <= position);
    if (record === undefined) {
      throw new RangeError(`no piece holds position ${position}`);
    }
    return record;
  }
}
