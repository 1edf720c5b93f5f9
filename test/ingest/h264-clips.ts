import { createHash } from 'node:crypto';
import { FrameRing } from '../../src/buffer/frame-ring.ts';
import { quietCodecLog } from '../../src/ingest/codec-log.ts';
import type { DecoderCounters } from '../../src/ingest/h264-counters.ts';
import {
  type DecoderChunk,
  type DecoderEvent,
  H264Decoder,
  type H264DecoderOptions,
  type PushOutcome,
} from '../../src/ingest/h264-decoder.ts';
import { H264Encoder, type H264EncoderOptions } from '../../src/ingest/h264-encoder.ts';

quietCodecLog();

/** A picture of moving blocks with some texture, RGB. */
export function scenePicture(width: number, height: number, time: number): Uint8Array {
  const rgb = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const at = (y * width + x) * 3;
      const bright = (((x + time * 2) >> 3) ^ ((y + time) >> 3)) & 1;
      rgb[at] = bright ? 200 : x;
      rgb[at + 1] = bright ? y : 90;
      rgb[at + 2] = (x * y + time) & 0xff;
    }
  }
  return rgb;
}

/** Plain colours of the four quarters of `colourPicture`: top left, top right, bottom left, bottom right. */
export const quarterColours = [
  [200, 40, 40],
  [30, 180, 60],
  [40, 60, 190],
  [210, 190, 60],
] as const;

/** Four quarters of plain colour, which half-resolution chroma can carry. */
export function colourPicture(width: number, height: number): Uint8Array {
  const rgb = new Uint8Array(width * height * 3);
  for (let pixel = 0; pixel < width * height; pixel += 1) {
    const right = pixel % width >= width / 2 ? 1 : 0;
    const below = pixel >= (width * height) / 2 ? 2 : 0;
    rgb.set(quarterColours[right + below] ?? [], pixel * 3);
  }
  return rgb;
}

/** The colours in the middle of the quarters of a packed RGB picture. */
export function coloursOfQuarters(
  rgb: Uint8Array,
  width: number,
  height: number,
  rowPixels = width,
): number[][] {
  return [0, 1, 2, 3].map((quarter) => {
    const x = Math.floor(width * (quarter % 2 === 0 ? 0.25 : 0.75));
    const y = Math.floor(height * (quarter < 2 ? 0.25 : 0.75));
    const at = (y * rowPixels + x) * 3;
    return [...rgb.subarray(at, at + 3)];
  });
}

/** Largest difference of two lists of colours. */
export function colourDistance(a: readonly (readonly number[])[], b: readonly (readonly number[])[]): number {
  return Math.max(
    ...a.flatMap((colour, at) => colour.map((value, c) => Math.abs(value - (b[at]?.[c] ?? -999)))),
  );
}

export type ClipOptions = Partial<H264EncoderOptions> & {
  readonly frames: number;
  /** Default `scenePicture`. */
  readonly picture?: (width: number, height: number, time: number) => Uint8Array;
};

/** Encodes the scene; one access unit an element, keyframes with their parameter sets. */
export function encodeClip({ frames, picture = scenePicture, ...options }: ClipOptions): Uint8Array[] {
  const full = { width: 96, height: 64, fps: 25, gopSize: 8, ...options };
  using encoder = new H264Encoder(full);
  const units: Uint8Array[] = [];
  for (let time = 0; time < frames; time += 1) {
    units.push(...encoder.encode(picture(full.width, full.height, time)));
  }
  return [...units, ...encoder.flush()];
}

/** One delivered frame, as far as tests compare it. */
export interface DecodedFrame {
  readonly index: number;
  /** Chunk and ordinal: the name that must survive redelivery. */
  readonly name: string;
  /** Of pixels, luma and motion vectors. */
  readonly hash: string;
  readonly isKeyframe: boolean;
  readonly isDamaged: boolean;
  readonly width: number;
  readonly height: number;
  readonly timestampNs: bigint;
  readonly motionVectors: number;
  readonly meanLuma: number;
  /** Sequence of the chunk whose push delivered the frame; null when `flush` did. */
  readonly deliveredBy: number | null;
}

export interface Decoded {
  readonly frames: DecodedFrame[];
  readonly counters: DecoderCounters;
  readonly events: DecoderEvent[];
  readonly outcomes: PushOutcome[];
}

/** Chunks of a stream whose pieces come 40 ms apart. */
export function chunksOf(pieces: readonly Uint8Array[], firstSequence = 0): DecoderChunk[] {
  return pieces.map((data, at) => {
    const sequence = firstSequence + at;
    const timestampNs = BigInt(sequence) * 40_000_000n;
    return { sequence, timestampNs, data, endOfStream: false, receivedAtMs: sequence };
  });
}

/** Decodes chunks and flushes at the end. Throws when the counters do not conserve after any chunk. */
export async function decodeChunks(
  chunks: readonly DecoderChunk[],
  options: Partial<H264DecoderOptions> = {},
): Promise<Decoded> {
  const ring = FrameRing.create({
    streamId: 'clip',
    slots: 2,
    maxPixelBytes: 96 * 96 * 3,
    maxLumaBytes: 48 * 48,
    maxMotionVectors: 200,
    policy: 'overwrite-oldest',
  });
  const frames: DecodedFrame[] = [];
  const events: DecoderEvent[] = [];
  const outcomes: PushOutcome[] = [];
  let current: number | null = null;
  using decoder = new H264Decoder({
    streamId: 'clip',
    geometry: { kind: 'fit', longSide: 80, multipleOf: 32 },
    lumaLongSide: 48,
    sink: {
      beginWrite: () => ring.tryBeginWrite(),
      onEvent: (event) => events.push(event),
      onPicture: () => {
        using frame = ring.leaseNext();
        if (frame !== null) {
          const hash = createHash('sha1').update(frame.pixels).update(frame.luma).update(frame.motionVectors);
          const { index, isKeyframe, isDamaged, width, height, timestampNs } = frame;
          frames.push({
            index,
            name: `${frame.chunkSequence}/${frame.unitInChunk}`,
            hash: hash.digest('base64'),
            isKeyframe,
            isDamaged,
            width,
            height,
            timestampNs,
            motionVectors: frame.motionVectors.length / 6,
            meanLuma: frame.luma.reduce((sum, value) => sum + value, 0) / frame.luma.length,
            deliveredBy: current,
          });
        }
      },
    },
    ...options,
  });
  for (const chunk of chunks) {
    current = chunk.sequence;
    outcomes.push(await decoder.push(chunk));
    assertConserved(decoder.counters());
  }
  current = null;
  await decoder.flush();
  const counters = decoder.counters();
  assertConserved(counters);
  if (counters.pending !== 0) {
    throw new Error(`${counters.pending} access units are left after a flush`);
  }
  return { frames, counters, events, outcomes };
}

function assertConserved({ accessUnits, frames, failed, dropped, pending }: DecoderCounters): void {
  const known = frames + failed + dropped.no_slot + dropped.awaiting_keyframe + pending;
  if (known !== accessUnits) {
    throw new Error(`${accessUnits} access units came in, ${known} are accounted for`);
  }
}

export const hashes = (decoded: Decoded): string[] => decoded.frames.map(({ hash }) => hash);

/** A small deterministic generator (xorshift), so that a failing case can be run again. */
export function randomGenerator(seed: number): (below: number) => number {
  let state = seed * 2_654_435_761 + 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** Cuts bytes at the given places. */
export function cutAt(bytes: Uint8Array, places: Iterable<number>): Uint8Array[] {
  const sorted = [...new Set([0, ...places, bytes.length])].sort((a, b) => a - b);
  return sorted.slice(1).map((end, at) => bytes.subarray(sorted[at] ?? 0, end));
}

/** Offsets of every start code (00 00 01) with its leading zero byte. */
export function nalOffsets(bytes: Uint8Array): number[] {
  const offsets: number[] = [];
  for (let at = 0; at + 2 < bytes.length; at += 1) {
    if (bytes[at] === 0 && bytes[at + 1] === 0 && bytes[at + 2] === 1) {
      offsets.push(at > 0 && bytes[at - 1] === 0 ? at - 1 : at);
    }
  }
  return offsets;
}

/** The NAL units of an access unit, each with its start code. */
export function nalsOf(unit: Uint8Array): Uint8Array[] {
  return cutAt(unit, nalOffsets(unit)).filter((nal) => nal.length > 0);
}

/** Type of a NAL unit that begins with a start code. */
export function typeOfNal(nal: Uint8Array): number {
  return (nal[nal[2] === 1 ? 3 : 4] ?? 0) & 0x1f;
}
