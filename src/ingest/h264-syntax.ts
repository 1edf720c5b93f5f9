import { NalBitReader } from './annex-b-bits.ts';

/** NAL unit types that matter here (ITU-T H.264, table 7-1). */
export const nalType = {
  slice: 1,
  dataPartitionA: 2,
  idrSlice: 5,
  supplementalInformation: 6,
  sequenceParameterSet: 7,
  pictureParameterSet: 8,
  accessUnitDelimiter: 9,
} as const;

/** Type of the NAL unit whose header byte is given. */
export function nalTypeOf(header: number): number {
  return header & 0x1f;
}

/** Whether the NAL unit carries part of a coded picture that the decoder understands. */
export function isSlice(type: number): boolean {
  return type === nalType.slice || type === nalType.dataPartitionA || type === nalType.idrSlice;
}

/** Whether such a NAL unit after a picture begins the next access unit (clause 7.4.1.2.3). */
export function beginsAccessUnit(type: number): boolean {
  return (
    (type >= nalType.supplementalInformation && type <= nalType.accessUnitDelimiter) ||
    (type >= 15 && type <= 18)
  );
}

/** What this program needs of a sequence parameter set (clause 7.3.2.1.1). */
export interface SequenceParameterSet {
  readonly id: number;
  readonly frameNumberBits: number;
  readonly frameNumberGapsAllowed: boolean;
  readonly separateColourPlanes: boolean;
  /** From the timing information; null where the stream gives none. */
  readonly frameIntervalNs: bigint | null;
}

const highProfiles = new Set([100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135]);

/** Reads a sequence parameter set; `payload` is the offset after its NAL unit header. Null when it is broken. */
export function readSequenceParameterSet(bytes: Uint8Array, payload: number): SequenceParameterSet | null {
  const reader = new NalBitReader(bytes, payload);
  const profile = reader.bits(8);
  reader.bits(16);
  const id = reader.unsigned();
  const separateColourPlanes = highProfiles.has(profile) && readHighProfileFields(reader);
  const frameNumberBits = reader.unsigned() + 4;
  readPictureOrderFields(reader);
  reader.unsigned();
  const frameNumberGapsAllowed = reader.flag();
  reader.unsigned();
  reader.unsigned();
  const framesOnly = reader.flag();
  if (!framesOnly) {
    reader.flag();
  }
  reader.flag();
  if (reader.flag()) {
    for (let side = 0; side < 4; side += 1) {
      reader.unsigned();
    }
  }
  const hasUsabilityInformation = reader.flag();
  if (reader.exhausted || id > 31 || frameNumberBits > 16) {
    return null;
  }
  const frameIntervalNs = hasUsabilityInformation ? readFrameInterval(reader) : null;
  return { id, frameNumberBits, frameNumberGapsAllowed, separateColourPlanes, frameIntervalNs };
}

/** Reads what high profiles add and returns `separate_colour_plane_flag`. */
function readHighProfileFields(reader: NalBitReader): boolean {
  const chromaFormat = reader.unsigned();
  const separateColourPlanes = chromaFormat === 3 && reader.flag();
  reader.unsigned();
  reader.unsigned();
  reader.flag();
  if (reader.flag()) {
    const lists = chromaFormat === 3 ? 12 : 8;
    for (let list = 0; list < lists; list += 1) {
      if (reader.flag()) {
        skipScalingList(reader, list < 6 ? 16 : 64);
      }
    }
  }
  return separateColourPlanes;
}

function skipScalingList(reader: NalBitReader, size: number): void {
  let last = 8;
  for (let i = 0; i < size && !reader.exhausted; i += 1) {
    const next = (last + reader.signed() + 256) % 256;
    if (next === 0) {
      return;
    }
    last = next;
  }
}

function readPictureOrderFields(reader: NalBitReader): void {
  const kind = reader.unsigned();
  if (kind === 0) {
    reader.unsigned();
  } else if (kind === 1) {
    reader.flag();
    reader.signed();
    reader.signed();
    const cycle = reader.unsigned();
    for (let i = 0; i < cycle && !reader.exhausted; i += 1) {
      reader.signed();
    }
  }
}

const extendedAspectRatio = 255;

/** Reads the usability information up to the timing (annex E.1.1). */
function readFrameInterval(reader: NalBitReader): bigint | null {
  if (reader.flag() && reader.bits(8) === extendedAspectRatio) {
    reader.bits(32);
  }
  if (reader.flag()) {
    reader.flag();
  }
  if (reader.flag()) {
    reader.bits(4);
    if (reader.flag()) {
      reader.bits(24);
    }
  }
  if (reader.flag()) {
    reader.unsigned();
    reader.unsigned();
  }
  if (!reader.flag()) {
    return null;
  }
  const unitsInTick = reader.bits(32);
  const timeScale = reader.bits(32);
  if (reader.exhausted || unitsInTick === 0 || timeScale === 0) {
    return null;
  }
  // Two ticks a frame, one per field.
  return (2_000_000_000n * BigInt(unitsInTick)) / BigInt(timeScale);
}

/** What this program needs of a picture parameter set (clause 7.3.2.2). */
export interface PictureParameterSet {
  readonly id: number;
  readonly sequenceParameterSetId: number;
}

/** Reads a picture parameter set; null when it is broken. */
export function readPictureParameterSet(bytes: Uint8Array, payload: number): PictureParameterSet | null {
  const reader = new NalBitReader(bytes, payload);
  const id = reader.unsigned();
  const sequenceParameterSetId = reader.unsigned();
  return reader.exhausted || id > 255 || sequenceParameterSetId > 31 ? null : { id, sequenceParameterSetId };
}

/** First fields of a slice header (clause 7.3.3), which need no parameter set. */
export interface SliceStart {
  /** First macroblock; 0 for the first slice of a picture. */
  readonly firstMacroblock: number;
  readonly pictureParameterSetId: number;
  /** Stands at the field after `pic_parameter_set_id`. */
  readonly reader: NalBitReader;
}

/** Reads the start of a slice header; null when it is broken. */
export function readSliceStart(bytes: Uint8Array, payload: number): SliceStart | null {
  const reader = new NalBitReader(bytes, payload);
  const firstMacroblock = reader.unsigned();
  reader.unsigned();
  const pictureParameterSetId = reader.unsigned();
  return reader.exhausted ? null : { firstMacroblock, pictureParameterSetId, reader };
}

/** `frame_num` of a slice whose start has been read. */
export function readFrameNumber(start: SliceStart, parameters: SequenceParameterSet): number {
  if (parameters.separateColourPlanes) {
    start.reader.bits(2);
  }
  return start.reader.bits(parameters.frameNumberBits);
}
