import type { AccessUnit } from './annex-b-access-unit.ts';
import {
  nalType,
  nalTypeOf,
  readFrameNumber,
  readPictureParameterSet,
  readSequenceParameterSet,
  readSliceStart,
  type SequenceParameterSet,
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
}

/** Follows parameter sets and frame numbers through a stream, because the decoder conceals lost pictures silently. */
export class H264StreamState {
  readonly #sequenceSets = new Map<number, SequenceParameterSet>();
  /** Sequence parameter set id by picture parameter set id. */
  readonly #pictureSets = new Map<number, number>();
  #frameIntervalNs = defaultFrameIntervalNs;
  #lastReference: number | null = null;

  /** Takes the headers of the next access unit in decoding order. */
  read(unit: AccessUnit): UnitHeaders {
    let missesReference = false;
    let sliceSeen = false;
    for (const header of unit.nals) {
      const byte = unit.data[header] ?? 0;
      const type = nalTypeOf(byte);
      if (type === nalType.sequenceParameterSet || type === nalType.pictureParameterSet) {
        this.#learn(type, unit.data, header + 1);
      } else if (!sliceSeen) {
        sliceSeen = true;
        missesReference = this.#follow(unit, header, (byte & 0x60) !== 0);
      }
    }
    return { frameIntervalNs: this.#frameIntervalNs, missesReference };
  }

  /** Nothing is known of what precedes the next unit. */
  forgetReferences(): void {
    this.#lastReference = null;
  }

  #learn(type: number, data: Uint8Array, payload: number): void {
    if (type === nalType.pictureParameterSet) {
      const set = readPictureParameterSet(data, payload);
      if (set !== null) {
        this.#pictureSets.set(set.id, set.sequenceParameterSetId);
      }
      return;
    }
    const set = readSequenceParameterSet(data, payload);
    if (set !== null) {
      this.#sequenceSets.set(set.id, set);
      this.#frameIntervalNs = set.frameIntervalNs ?? defaultFrameIntervalNs;
    }
  }

  /** Returns whether a reference picture is missing before this one. */
  #follow(unit: AccessUnit, header: number, isReference: boolean): boolean {
    const start = readSliceStart(unit.data, header + 1);
    const sequenceSetId = start === null ? undefined : this.#pictureSets.get(start.pictureParameterSetId);
    const set = sequenceSetId === undefined ? undefined : this.#sequenceSets.get(sequenceSetId);
    if (start === null || set === undefined) {
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
