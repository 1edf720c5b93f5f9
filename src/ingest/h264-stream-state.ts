import type { AccessUnit } from './annex-b-access-unit.ts';
import {
  nalType,
  nalTypeOf,
  type PictureParameterSet,
  readFrameNumber,
  readPictureParameterSet,
  readSequenceParameterSet,
  readSliceStart,
  type SequenceParameterSet,
  type SliceStart,
} from './h264-syntax.ts';

/** Assumed where the stream has no timing information: 25 pictures a second. */
const defaultFrameIntervalNs = 40_000_000n;

/** What the headers of one access unit say. */
export interface UnitHeaders {
  readonly frameIntervalNs: bigint;
  /**
   * A reference picture between the one before and this is missing (`frame_num` jumps, clause 7.4.3). A memory
   * management operation 5, which no live encoder sends, looks the same.
   */
  readonly missesReference: boolean;
  /** An IDR picture whose sequence parameter set is not that of the IDR picture before. */
  readonly startsSequence: boolean;
}

interface Kept<T> {
  readonly set: T;
  /** The NAL unit with its header, without a start code. */
  readonly nal: Buffer;
}

/** Longest parameter set that is kept, bytes. Real ones take some dozens; this bounds what garbage can occupy. */
const maxParameterSetBytes = 4096;
const startCode = Buffer.from([0, 0, 1]);

/** Follows parameter sets and frame numbers through a stream, because the decoder conceals lost pictures silently. */
export class H264StreamState {
  readonly #sequenceSets = new Map<number, Kept<SequenceParameterSet>>();
  readonly #pictureSets = new Map<number, Kept<PictureParameterSet>>();
  /** Sequence parameter set of the newest IDR picture. */
  #sequence: Buffer | null = null;
  #frameIntervalNs = defaultFrameIntervalNs;
  #lastReference: number | null = null;

  /** Takes the headers of the next access unit in decoding order. */
  read(unit: AccessUnit): UnitHeaders {
    let missesReference = false;
    let startsSequence = false;
    let sliceSeen = false;
    for (const header of unit.nals) {
      const byte = unit.data[header] ?? 0;
      const type = nalTypeOf(byte);
      if (type === nalType.sequenceParameterSet || type === nalType.pictureParameterSet) {
        this.#learn(type, unit.data, header);
      } else if (!sliceSeen) {
        sliceSeen = true;
        const start = readSliceStart(unit.data, header + 1);
        const sequence = start === null ? null : this.#sequenceOf(start);
        missesReference = this.#follow(unit, start, sequence?.set ?? null, (byte & 0x60) !== 0);
        startsSequence = unit.isIdr && sequence !== null && this.#begin(sequence.nal);
      }
    }
    return { frameIntervalNs: this.#frameIntervalNs, missesReference, startsSequence };
  }

  /** All parameter sets in force, Annex B: what a new decoder has to be given first. */
  parameterSets(): Buffer {
    const kept = [...this.#sequenceSets.values(), ...this.#pictureSets.values()];
    return Buffer.concat(kept.flatMap(({ nal }) => [startCode, nal]));
  }

  /** Nothing is known of what precedes the next unit. */
  forgetReferences(): void {
    this.#lastReference = null;
  }

  #learn(type: number, data: Buffer, header: number): void {
    const next = data.indexOf(startCode, header);
    const nal = Buffer.from(data.subarray(header, next === -1 ? data.length : next));
    if (nal.length > maxParameterSetBytes) {
      return;
    }
    if (type === nalType.pictureParameterSet) {
      const set = readPictureParameterSet(nal, 1);
      if (set !== null) {
        this.#pictureSets.set(set.id, { set, nal });
      }
      return;
    }
    const set = readSequenceParameterSet(nal, 1);
    if (set !== null) {
      this.#sequenceSets.set(set.id, { set, nal });
      this.#frameIntervalNs = set.frameIntervalNs ?? defaultFrameIntervalNs;
    }
  }

  #sequenceOf(start: SliceStart): Kept<SequenceParameterSet> | null {
    const pictureSet = this.#pictureSets.get(start.pictureParameterSetId);
    return (pictureSet && this.#sequenceSets.get(pictureSet.set.sequenceParameterSetId)) ?? null;
  }

  /** Notes the sequence parameter set of an IDR picture; returns whether it took the place of another. */
  #begin(sequence: Buffer): boolean {
    const previous = this.#sequence;
    this.#sequence = sequence;
    return previous !== null && !previous.equals(sequence);
  }

  /** Returns whether a reference picture is missing before this one. */
  #follow(
    unit: AccessUnit,
    start: SliceStart | null,
    set: SequenceParameterSet | null,
    isReference: boolean,
  ): boolean {
    if (start === null || set === null) {
      this.#lastReference = null;
      return false;
    }
    const frameNumber = readFrameNumber(start, set);
    const last = unit.isIdr ? frameNumber : this.#lastReference;
    if (isReference || unit.isIdr) {
      this.#lastReference = frameNumber;
    }
    const expected = last === null ? frameNumber : (last + 1) % 2 ** set.frameNumberBits;
    return !set.frameNumberGapsAllowed && frameNumber !== last && frameNumber !== expected;
  }
}
