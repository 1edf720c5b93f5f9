import {
  type AccessUnit,
  isOtherPicture,
  type OpenUnit,
  openUnit,
  PieceLedger,
  type SliceIdentity,
  type StreamPiece,
} from './annex-b-access-unit.ts';
import { NalBitReader } from './annex-b-bits.ts';
import { BoundaryTrust } from './annex-b-boundary-trust.ts';
import { GrowingBytes, leadingStartCode } from './annex-b-bytes.ts';
import { beginsAccessUnit, isSlice, nalType, nalTypeOf } from './h264-syntax.ts';

export interface AccessUnitSplitterOptions {
  /** Longer access units are thrown away; bounds what garbage can occupy. Default 8 MiB. */
  readonly maxUnitBytes?: number;
  /**
   * `auto`: once the stream has shown that its chunks end with pictures, a unit is complete when its chunk ends.
   * `never`: only when the next unit begins, which is exact for any split and one picture later.
   */
  readonly eager?: 'auto' | 'never';
}

/** What one piece brought. */
export interface SplitResult {
  readonly units: AccessUnit[];
  /** A picture that had been taken for complete goes on in this piece: it was handed out without its end. */
  cutEarly: boolean;
}

/** Most bytes after a slice's NAL unit header that `first_mb_in_slice` can take. */
const firstMacroblockBytes = 6;

/**
 * Cuts an Annex B byte stream, given in pieces of any size, into access units (ITU-T H.264, 7.4.1.2.3 and
 * 7.4.1.2.4). It is either between units, where bytes are skipped until one begins, or inside one. Apart from
 * early ends (see `BoundaryTrust`) the units are the same for every way of cutting the stream into pieces.
 */
export class AccessUnitSplitter {
  readonly #maxUnitBytes: number;
  readonly #eager: boolean;
  readonly #trust = new BoundaryTrust();
  readonly #bytes = new GrowingBytes();
  readonly #pieces = new PieceLedger();
  #open: OpenUnit | null = null;
  /** No start code begins before this position that has not been dealt with. */
  #scan = 0;
  /** What is known of the end of the piece before the current one. */
  #boundary: 'settled' | 'awaiting_nal' = 'settled';
  /** Nothing precedes the next piece. */
  #fresh = true;
  #endedEarly = false;
  #resets = 0;

  constructor(options: AccessUnitSplitterOptions = {}) {
    this.#maxUnitBytes = options.maxUnitBytes ?? 8 * 1024 * 1024;
    this.#eager = options.eager !== 'never';
  }

  /** Times that an access unit grew beyond the limit and was thrown away. */
  get resets(): number {
    return this.#resets;
  }

  /** Takes the next piece. Bytes lost before it must have been told by `breakOff`. */
  append(piece: StreamPiece): SplitResult {
    const result: SplitResult = { units: [], cutEarly: false };
    if (piece.data.length === 0) {
      return result;
    }
    this.#examineStart(piece.data, result);
    this.#pieces.add(piece, this.#bytes.length);
    this.#bytes.append(piece.data);
    this.#readNals(result);
    if (this.#endsPicture(piece.data)) {
      this.#close(this.#bytes.length, result);
      this.#scan = this.#bytes.length;
      this.#endedEarly = true;
    }
    this.#limitUnit();
    this.#forget();
    return result;
  }

  /** The stream ends or loses bytes here: returns what is open, then starts anew at the next access unit. */
  breakOff(): readonly AccessUnit[] {
    const result: SplitResult = { units: [], cutEarly: false };
    this.#close(this.#bytes.length, result);
    this.#bytes.discard(this.#bytes.length);
    this.#pieces.clear();
    this.#scan = 0;
    this.#fresh = true;
    this.#boundary = 'settled';
    this.#endedEarly = false;
    return result.units;
  }

  /** A piece that begins with a start code may show that the one before ended with a picture; others cannot. */
  #examineStart(data: Uint8Array, result: SplitResult): void {
    const atStartCode = leadingStartCode(data) !== 0;
    if (!atStartCode) {
      this.#settle('inside_picture', result);
    } else if (!this.#fresh) {
      this.#boundary = 'awaiting_nal';
    }
    this.#fresh = false;
  }

  #settle(boundary: 'between_pictures' | 'inside_picture', result: SplitResult): void {
    this.#trust.learn(boundary);
    result.cutEarly ||= boundary === 'inside_picture' && this.#endedEarly;
    this.#endedEarly = false;
    this.#boundary = 'settled';
  }

  /** Whether the piece just read is trusted to end with a picture. */
  #endsPicture(data: Uint8Array): boolean {
    const trusted = this.#eager && this.#trust.trusted && this.#boundary === 'settled';
    const nothingUndecided = this.#scan >= this.#bytes.length - 2 && data.at(-1) !== 0;
    return trusted && nothingUndecided && this.#open?.hasPicture === true;
  }

  #readNals(result: SplitResult): void {
    for (;;) {
      const code = this.#bytes.nextStartCode(this.#scan);
      if (code === -1) {
        this.#scan = Math.max(this.#scan, this.#bytes.length - 2);
        return;
      }
      if (!this.#readNal(code, result)) {
        this.#scan = code;
        return;
      }
      this.#scan = code + 3;
    }
  }

  /** Deals with the NAL unit at a start code; false when too little of it is there. */
  #readNal(code: number, result: SplitResult): boolean {
    const header = code + 3;
    if (header >= this.#bytes.length) {
      return false;
    }
    const type = nalTypeOf(this.#bytes.at(header));
    if (isSlice(type)) {
      const firstMacroblock = this.#readFirstMacroblock(header + 1);
      if (firstMacroblock === 'incomplete') {
        return false;
      }
      if (firstMacroblock !== 'broken') {
        const isReference = (this.#bytes.at(header) & 0x60) !== 0;
        this.#takeSlice(code, { firstMacroblock, isIdr: type === nalType.idrSlice, isReference }, result);
      }
    } else if (beginsAccessUnit(type)) {
      this.#takeLeadingNal(code, type, result);
    }
    return true;
  }

  #readFirstMacroblock(position: number): number | 'incomplete' | 'broken' {
    const bytes = this.#bytes.view(position, position + firstMacroblockBytes);
    const reader = new NalBitReader(bytes, 0);
    const value = reader.unsigned();
    if (!reader.exhausted) {
      return value;
    }
    return bytes.length < firstMacroblockBytes ? 'incomplete' : 'broken';
  }

  #takeLeadingNal(code: number, type: number, result: SplitResult): void {
    if (this.#boundary === 'awaiting_nal') {
      this.#settle('between_pictures', result);
    }
    if (this.#open?.hasPicture) {
      this.#close(code, result);
    }
    this.#open ??= openUnit(code);
    if (type === nalType.sequenceParameterSet || type === nalType.pictureParameterSet) {
      this.#open.nals.push(code + 3 - this.#open.start);
    }
  }

  #takeSlice(code: number, slice: SliceIdentity, result: SplitResult): void {
    const begins =
      this.#open === null
        ? slice.firstMacroblock === 0
        : !this.#open.hasPicture || isOtherPicture(this.#open, slice);
    if (this.#boundary === 'awaiting_nal') {
      this.#settle(begins ? 'between_pictures' : 'inside_picture', result);
    }
    if (begins && this.#open?.hasPicture) {
      this.#close(code, result);
    }
    if (begins) {
      this.#open ??= openUnit(code);
      this.#open.hasPicture = true;
      this.#open.isIdr = slice.isIdr;
      this.#open.isReference = slice.isReference;
      this.#open.unitInChunk = this.#pieces.countUnit(this.#open.start);
    }
    if (this.#open !== null) {
      this.#open.lastFirstMacroblock = slice.firstMacroblock;
      this.#open.nals.push(code + 3 - this.#open.start);
    }
  }

  /** Ends the open unit before `end`. Zero bytes there belong to the next start code or to nothing. */
  #close(end: number, result: SplitResult): void {
    const unit = this.#open;
    this.#open = null;
    let last = end - 1;
    while (unit !== null && last > unit.start && this.#bytes.at(last) === 0) {
      last -= 1;
    }
    if (unit === null || last <= unit.start) {
      return;
    }
    const begin = this.#pieces.pieceAt(unit.start);
    result.units.push({
      data: Buffer.from(this.#bytes.view(unit.start, last + 1)),
      nals: unit.nals,
      hasPicture: unit.hasPicture,
      isIdr: unit.isIdr,
      chunkSequence: begin.sequence,
      unitInChunk: unit.unitInChunk,
      chunkTimestampNs: begin.timestampNs,
      receivedAtMs: this.#pieces.pieceAt(last).receivedAtMs,
    });
  }

  #limitUnit(): void {
    if (this.#open !== null && this.#bytes.length - this.#open.start > this.#maxUnitBytes) {
      this.#open = null;
      this.#resets += 1;
    }
  }

  #forget(): void {
    const done = this.#open?.start ?? this.#scan;
    this.#bytes.discard(done);
    this.#pieces.discard(done);
    this.#scan -= done;
    if (this.#open !== null) {
      this.#open.start = 0;
    }
  }
}
