import type { FittedSize, FrameInfo } from './frame.ts';
import { motionVectorStride } from './frame.ts';

/**
 * What a writer does when no slot is free. `overwrite-oldest` (live): the oldest frame that nobody holds gives
 * way, read or not. `wait` (recordings): unread frames stay, the writer waits for the reader.
 */
export type RingPolicy = 'overwrite-oldest' | 'wait';

export interface FrameRingOptions {
  readonly streamId: string;
  /** At least 2: one to write and one to read. */
  readonly slots: number;
  /** Largest `pixels` of a frame, bytes. Memory is committed by the system only where it is written. */
  readonly maxPixelBytes: number;
  /** Largest `luma` of a frame, bytes. */
  readonly maxLumaBytes: number;
  /** Most motion vectors of a frame. */
  readonly maxMotionVectors: number;
  readonly policy: RingPolicy;
}

/** All that another thread needs to attach; survives `postMessage`. */
export interface FrameRingHandle {
  readonly options: FrameRingOptions;
  /** Counters, signals and slot states, 32-bit words for Atomics. */
  readonly control: SharedArrayBuffer;
  /** `slotNumbers` float64 values per slot. */
  readonly numbers: SharedArrayBuffer;
  /** One int64 per slot: the timestamp in nanoseconds. */
  readonly timestamps: SharedArrayBuffer;
  /** Pixels, luma and motion vectors of each slot. */
  readonly planes: SharedArrayBuffer;
}

/** What a writer says about a frame besides its arrays. */
export interface FrameDescription extends FrameInfo {
  readonly pixelSize: FittedSize;
  readonly lumaWidth: number;
  readonly lumaHeight: number;
  readonly motionVectorCount: number;
}

/** All of them only grow. `written = read + overwrittenUnread + unread()` at any quiet point. */
export interface FrameRingCounters {
  readonly written: number;
  /** Frames that `leaseNext` handed out. */
  readonly read: number;
  /** Frames that gave way to newer ones before `leaseNext` reached them. */
  readonly overwrittenUnread: number;
  /** Times that a writer asked and found every slot held. */
  readonly noSlot: number;
}

/** Words of the control buffer before the slot states. */
export const controlWord = {
  /** Changes whenever a frame is committed or the ring ends: readers sleep on it. */
  frameSignal: 0,
  /** Changes whenever a slot may have become free: a writer sleeps on it. */
  slotSignal: 1,
  ended: 2,
  closed: 3,
  written: 4,
  read: 5,
  overwrittenUnread: 6,
  noSlot: 7,
  firstSlot: 8,
} as const;

const fields = [
  'order',
  'index',
  'flags',
  'width',
  'height',
  'chunkSequence',
  'unitInChunk',
  'receivedAtMs',
  'decodedAtMs',
  'pixelWidth',
  'pixelHeight',
  'contentWidth',
  'contentHeight',
  'lumaWidth',
  'lumaHeight',
  'motionVectorCount',
] as const;

type SlotField = (typeof fields)[number];

const slotNumbers = fields.length;
const fieldOffset = Object.fromEntries(fields.map((name, offset) => [name, offset])) as Record<
  SlotField,
  number
>;
const keyframeFlag = 1;
const damagedFlag = 2;

/** Slots start on cache lines; scalers may write a few bytes past the last row. */
const alignment = 64;
const overrunBytes = 64;
const align = (bytes: number) => Math.ceil(bytes / alignment) * alignment;

/** Bytes of one slot's planes and where each begins. */
interface PlaneLayout {
  readonly luma: number;
  readonly motionVectors: number;
  readonly stride: number;
}

function planeLayout(options: FrameRingOptions): PlaneLayout {
  const luma = align(options.maxPixelBytes + overrunBytes);
  const motionVectors = luma + align(options.maxLumaBytes + overrunBytes);
  const vectorBytes = options.maxMotionVectors * motionVectorStride * Int16Array.BYTES_PER_ELEMENT;
  return { luma, motionVectors, stride: motionVectors + align(vectorBytes) };
}

/** Allocates the shared memory of a ring. Throws `RangeError` for sizes that make no ring. */
export function allocateRing(options: FrameRingOptions): FrameRingHandle {
  const sizes = [options.slots, options.maxPixelBytes, options.maxLumaBytes, options.maxMotionVectors];
  if (!sizes.every((size) => Number.isSafeInteger(size) && size >= 0) || options.slots < 2) {
    throw new RangeError(`a ring of ${options.slots} slots with these sizes cannot exist`);
  }
  const words = controlWord.firstSlot + options.slots;
  return {
    options,
    control: new SharedArrayBuffer(words * Int32Array.BYTES_PER_ELEMENT),
    numbers: new SharedArrayBuffer(options.slots * slotNumbers * Float64Array.BYTES_PER_ELEMENT),
    timestamps: new SharedArrayBuffer(options.slots * BigInt64Array.BYTES_PER_ELEMENT),
    planes: new SharedArrayBuffer(options.slots * planeLayout(options).stride),
  };
}

/** Views of one slot's memory. Who may touch them is decided by the slot's state, not here. */
export class RingSlot {
  readonly #numbers: Float64Array;
  readonly #timestamp: BigInt64Array;
  /** `maxPixelBytes` long. */
  readonly pixels: Uint8Array;
  /** `maxLumaBytes` long. */
  readonly luma: Uint8Array;
  /** `maxMotionVectors * motionVectorStride` values. */
  readonly motionVectors: Int16Array;

  constructor(handle: FrameRingHandle, slot: number) {
    const { options } = handle;
    const layout = planeLayout(options);
    const base = slot * layout.stride;
    this.#numbers = new Float64Array(
      handle.numbers,
      slot * slotNumbers * Float64Array.BYTES_PER_ELEMENT,
      slotNumbers,
    );
    this.#timestamp = new BigInt64Array(handle.timestamps, slot * BigInt64Array.BYTES_PER_ELEMENT, 1);
    this.pixels = new Uint8Array(handle.planes, base, options.maxPixelBytes);
    this.luma = new Uint8Array(handle.planes, base + layout.luma, options.maxLumaBytes);
    this.motionVectors = new Int16Array(
      handle.planes,
      base + layout.motionVectors,
      options.maxMotionVectors * motionVectorStride,
    );
  }

  number(field: SlotField): number {
    return this.#numbers[fieldOffset[field]] ?? 0;
  }

  /** Writes everything but the arrays. `order` counts the frames of the ring and sorts them by age. */
  describe(order: number, info: FrameDescription): void {
    const { pixelSize } = info;
    const set = (field: SlotField, value: number) => {
      this.#numbers[fieldOffset[field]] = value;
    };
    set('order', order);
    set('index', info.index);
    set('flags', (info.isKeyframe ? keyframeFlag : 0) | (info.isDamaged ? damagedFlag : 0));
    set('width', info.width);
    set('height', info.height);
    set('chunkSequence', info.chunkSequence);
    set('unitInChunk', info.unitInChunk);
    set('receivedAtMs', info.receivedAtMs);
    set('decodedAtMs', info.decodedAtMs);
    set('pixelWidth', pixelSize.width);
    set('pixelHeight', pixelSize.height);
    set('contentWidth', pixelSize.contentWidth);
    set('contentHeight', pixelSize.contentHeight);
    set('lumaWidth', info.lumaWidth);
    set('lumaHeight', info.lumaHeight);
    set('motionVectorCount', info.motionVectorCount);
    this.#timestamp[0] = info.timestampNs;
  }

  get timestampNs(): bigint {
    return this.#timestamp[0] ?? 0n;
  }

  get isKeyframe(): boolean {
    return (this.number('flags') & keyframeFlag) !== 0;
  }

  get isDamaged(): boolean {
    return (this.number('flags') & damagedFlag) !== 0;
  }

  get pixelSize(): FittedSize {
    return {
      width: this.number('pixelWidth'),
      height: this.number('pixelHeight'),
      contentWidth: this.number('contentWidth'),
      contentHeight: this.number('contentHeight'),
    };
  }
}
