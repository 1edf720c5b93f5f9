import { TrackcastError } from '../errors.ts';
import type { FrameLease } from './frame.ts';
import {
  allocateRing,
  controlWord,
  type FrameDescription,
  type FrameRingCounters,
  type FrameRingHandle,
  type FrameRingOptions,
  RingSlot,
} from './ring-layout.ts';
import { leaseSlot } from './ring-lease.ts';
import { raiseSignal, signalAfter } from './shared-signal.ts';
import {
  claimed,
  holdsFrame,
  leasesOf,
  maxLeases,
  slotState,
  stateOf,
  withOneLeaseLess,
  withOneLeaseMore,
  withState,
} from './slot-state.ts';

export type {
  FrameDescription,
  FrameRingCounters,
  FrameRingHandle,
  FrameRingOptions,
  RingPolicy,
} from './ring-layout.ts';

/** A slot being written. Exactly one of `commit` and `abandon` ends it; the views must not be used afterwards. */
export interface FrameWrite {
  /** `maxPixelBytes` long. */
  readonly pixels: Uint8Array;
  /** `maxLumaBytes` long. */
  readonly luma: Uint8Array;
  /** `maxMotionVectors * motionVectorStride` values. */
  readonly motionVectors: Int16Array;
  /** Makes the frame visible to readers. */
  commit(info: FrameDescription): void;
  /** Gives the slot back empty. */
  abandon(): void;
}

/**
 * The frames of one stream between two threads, in shared memory: one writer, one tracking reader that moves a
 * cursor (`leaseNext`), and any number of readers that look up frames by index (`lease`). Nothing is copied and
 * no thread blocks. A frame that a reader holds is never overwritten; see `slot-state.ts` for why.
 */
export class FrameRing {
  readonly handle: FrameRingHandle;
  readonly #control: Int32Array;
  readonly #slots: readonly RingSlot[];

  private constructor(handle: FrameRingHandle) {
    this.handle = handle;
    this.#control = new Int32Array(handle.control);
    this.#slots = Array.from({ length: handle.options.slots }, (_, slot) => new RingSlot(handle, slot));
  }

  /** Allocates a ring. Throws `RangeError` for fewer than 2 slots or sizes that are no whole numbers. */
  static create(options: FrameRingOptions): FrameRing {
    return new FrameRing(allocateRing(options));
  }

  /** The same ring seen from another thread. */
  static attach(handle: FrameRingHandle): FrameRing {
    return new FrameRing(handle);
  }

  get streamId(): string {
    return this.handle.options.streamId;
  }

  /** True once the writer called `end`. Frames may still be unread. */
  get ended(): boolean {
    return Atomics.load(this.#control, controlWord.ended) !== 0;
  }

  /** True once the reader called `close`. */
  get closed(): boolean {
    return Atomics.load(this.#control, controlWord.closed) !== 0;
  }

  /**
   * Writer: takes a free slot, or the oldest one that nobody holds. With the `wait` policy unread frames are
   * not taken. Null when there is none (counted as `noSlot`) or the ring is closed.
   */
  tryBeginWrite(): FrameWrite | null {
    if (this.closed) {
      return null;
    }
    const write = this.#claimSlot();
    if (write === null) {
      Atomics.add(this.#control, controlWord.noSlot, 1);
    }
    return write;
  }

  /**
   * Writer: as `tryBeginWrite`, but with the `wait` policy it waits for a slot; then null only means that the
   * reader has closed the ring.
   */
  async beginWrite(): Promise<FrameWrite | null> {
    if (this.handle.options.policy === 'overwrite-oldest') {
      return this.tryBeginWrite();
    }
    for (;;) {
      const signal = Atomics.load(this.#control, controlWord.slotSignal);
      if (this.closed) {
        return null;
      }
      const write = this.#claimSlot();
      if (write !== null) {
        return write;
      }
      await signalAfter(this.#control, controlWord.slotSignal, signal);
    }
  }

  /** Writer: no frame comes any more. */
  end(): void {
    Atomics.store(this.#control, controlWord.ended, 1);
    raiseSignal(this.#control, controlWord.frameSignal);
  }

  /** Tracking reader: the oldest unread frame, which counts as read from now on; null when there is none. */
  leaseNext(): FrameLease | null {
    for (;;) {
      const oldest = this.#oldest((word) => stateOf(word) === slotState.unread);
      if (oldest === null) {
        return null;
      }
      const leased = withOneLeaseMore(withState(oldest.word, slotState.read));
      if (this.#exchange(oldest.slot, oldest.word, leased)) {
        Atomics.add(this.#control, controlWord.read, 1);
        return this.#leaseOf(oldest.slot);
      }
    }
  }

  /** Any reader: the frame of that index if it is still in the ring. It does not count as read. */
  lease(index: number): FrameLease | null {
    for (const slot of this.#slots.keys()) {
      let word = this.#word(slot);
      while (holdsFrame(word) && this.#slot(slot).number('index') === index) {
        if (leasesOf(word) === maxLeases) {
          return null;
        }
        if (this.#exchange(slot, word, withOneLeaseMore(word))) {
          return this.#leaseOf(slot);
        }
        word = this.#word(slot);
      }
    }
    return null;
  }

  /** Frames that `leaseNext` has not handed out yet. */
  unread(): number {
    let count = 0;
    for (const slot of this.#slots.keys()) {
      count += stateOf(this.#word(slot)) === slotState.unread ? 1 : 0;
    }
    return count;
  }

  /** Resolves when a frame is unread, or with `ended` when none will be any more. */
  async waitForFrame(): Promise<'frame' | 'ended'> {
    for (;;) {
      const signal = Atomics.load(this.#control, controlWord.frameSignal);
      const noMore = this.ended || this.closed;
      if (this.unread() > 0 && !this.closed) {
        return 'frame';
      }
      if (noMore) {
        return 'ended';
      }
      await signalAfter(this.#control, controlWord.frameSignal, signal);
    }
  }

  /** Reader: gives up. Writers get null from now on and stop waiting; frames in hand stay valid. */
  close(): void {
    Atomics.store(this.#control, controlWord.closed, 1);
    raiseSignal(this.#control, controlWord.slotSignal);
    raiseSignal(this.#control, controlWord.frameSignal);
  }

  counters(): FrameRingCounters {
    // The words wrap at 2^31; unsigned they last 4.5 years at 30 frames a second.
    const count = (word: number) => Atomics.load(this.#control, word) >>> 0;
    return {
      written: count(controlWord.written),
      read: count(controlWord.read),
      overwrittenUnread: count(controlWord.overwrittenUnread),
      noSlot: count(controlWord.noSlot),
    };
  }

  #slot(slot: number): RingSlot {
    const found = this.#slots[slot];
    if (found === undefined) {
      throw new RangeError(`slot ${slot} is outside the ring`);
    }
    return found;
  }

  #word(slot: number): number {
    return Atomics.load(this.#control, controlWord.firstSlot + slot);
  }

  #exchange(slot: number, expected: number, replacement: number): boolean {
    const index = controlWord.firstSlot + slot;
    return Atomics.compareExchange(this.#control, index, expected, replacement) === expected;
  }

  /** The oldest slot whose word passes, by order of writing. An exchange from `word` proves that it still is. */
  #oldest(passes: (word: number) => boolean): { slot: number; word: number } | null {
    let oldest: { slot: number; word: number } | null = null;
    let oldestOrder = Number.POSITIVE_INFINITY;
    for (const slot of this.#slots.keys()) {
      const word = this.#word(slot);
      if (passes(word)) {
        const order = stateOf(word) === slotState.free ? -1 : this.#slot(slot).number('order');
        if (order < oldestOrder) {
          oldest = { slot, word };
          oldestOrder = order;
        }
      }
    }
    return oldest;
  }

  #claimSlot(): FrameWrite | null {
    const overwrites = this.handle.options.policy === 'overwrite-oldest';
    const mayTake = (word: number) => {
      const state = stateOf(word);
      const spoken = state === slotState.writing || (state === slotState.unread && !overwrites);
      return !spoken && leasesOf(word) === 0;
    };
    for (;;) {
      const oldest = this.#oldest(mayTake);
      if (oldest === null) {
        return null;
      }
      const word = claimed(oldest.word);
      if (this.#exchange(oldest.slot, oldest.word, word)) {
        if (stateOf(oldest.word) === slotState.unread) {
          Atomics.add(this.#control, controlWord.overwrittenUnread, 1);
        }
        return this.#writeOf(oldest.slot, word);
      }
    }
  }

  #writeOf(slot: number, word: number): FrameWrite {
    const views = this.#slot(slot);
    const finish = (state: typeof slotState.unread | typeof slotState.free) => {
      if (!this.#exchange(slot, word, withState(word, state))) {
        throw new TrackcastError('TRACKCAST_RING_CLOSED', 'this slot of the ring is not being written', {
          streamId: this.streamId,
        });
      }
    };
    return {
      pixels: views.pixels,
      luma: views.luma,
      motionVectors: views.motionVectors,
      commit: (info) => {
        if (this.#word(slot) === word) {
          views.describe(Atomics.add(this.#control, controlWord.written, 1) >>> 0, info);
        }
        finish(slotState.unread);
        raiseSignal(this.#control, controlWord.frameSignal);
      },
      abandon: () => {
        finish(slotState.free);
        raiseSignal(this.#control, controlWord.slotSignal);
      },
    };
  }

  #leaseOf(slot: number): FrameLease {
    return leaseSlot(this.#slot(slot), this.streamId, () => this.#release(slot));
  }

  #release(slot: number): void {
    let word = this.#word(slot);
    while (!this.#exchange(slot, word, withOneLeaseLess(word))) {
      word = this.#word(slot);
    }
    raiseSignal(this.#control, controlWord.slotSignal);
  }
}
