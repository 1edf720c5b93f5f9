import type { Activations, ObjectMemory, SparsePrompt } from '../../model/sam2/sam2-runtime.ts';
import { closestConditioningFrames } from './closest-conditioning-frames.ts';
import type { FrameOutcome, ObjectPolicy, StoredMemory } from './memory-policy.ts';

/** A frame as one object sees it: its index, and its place among the frames on which the object was looked for. */
interface FrameTime {
  readonly frame: number;
  readonly time: number;
}

/** What an object attended to, in the order of tokens. */
export interface AttendedMemory {
  /** Index of the remembered frame, and row of the temporal code. */
  readonly memories: readonly { readonly frame: number; readonly row: number }[];
  /** Index of the remembered frame, and distance over the longest distance of pointers. */
  readonly pointers: readonly { readonly frame: number; readonly time: number }[];
}

/** What is known of an object on the frame that is looked at. */
export interface PresentFrame {
  readonly outcome: FrameOutcome;
  /** Whether it becomes a conditioning frame. */
  readonly isConditioning: boolean;
  /** Null for a frame that is not to be remembered. */
  readonly memory: Activations | null;
  /** The clicks and the box that the outcome came from, null for none. */
  readonly prompt: SparsePrompt | null;
}

export interface BankSettings {
  /** Row of the temporal code that conditioning frames have. */
  readonly conditioningRow: number;
  /** Conditioning frames attended to at most, at least 2; Infinity for no limit. */
  readonly maxConditioningFrames: number;
  /** Conditioning frames kept at most: the first and the newest. */
  readonly keptConditioningFrames: number;
  /** Longest distance of a pointer, in segmented frames. */
  readonly pointerTimeSpan: number;
  readonly release: (memory: Activations) => void;
}

/** How much an object remembers. */
export interface BankSize {
  readonly conditioning: number;
  readonly memories: number;
  readonly pointers: number;
}

interface ConditioningFrame extends StoredMemory {
  time: number;
  memory: Activations;
  pointer: Activations;
}

interface StoredPointer extends FrameTime {
  readonly pointer: Activations;
}

/** A conditioned frame that is still to come. */
interface AwaitedFrame {
  readonly frame: number;
  readonly present: PresentFrame;
}

/**
 * All that one object remembers: its conditioning frames, the frames that its policy keeps, and object pointers. The
 * frame that is looked at stays apart until it is left for another one, so that corrections replace it and it never
 * attends to itself. Nothing grows with time: what no rule can reach any more is released.
 *
 * The bank has a time of its own, which counts the frames on which its object was looked for. The published model
 * was trained on such frames, and skipped ones would only thin its memory out. Where no frame is skipped,
 * distances in time are those of frame indices.
 */
export class ObjectMemoryBank {
  readonly policy: ObjectPolicy;
  readonly #settings: BankSettings;
  /** In the order in which they were conditioned, which is the order of their tokens. */
  #conditioning: ConditioningFrame[] = [];
  /** Of frames that are no conditioning frames, oldest first. */
  #pointers: StoredPointer[] = [];
  #awaited: AwaitedFrame[] = [];
  #now: FrameTime;
  #isAhead: boolean;
  #present: PresentFrame | null = null;
  /** The last frame in its turn on which the object was looked for. */
  #last: FrameTime | null = null;

  /**
   * @param frame that is looked at
   * @param isAhead whether it is looked at before its turn
   */
  constructor(settings: BankSettings, policy: ObjectPolicy, frame: number, isAhead: boolean) {
    this.#settings = settings;
    this.policy = policy;
    this.#isAhead = isAhead;
    this.#now = { frame, time: frame };
  }

  /** What is known of the frame that is looked at; null for nothing yet. */
  get present(): PresentFrame | null {
    return this.#present;
  }

  /** Time of the frame that is looked at. */
  get time(): number {
    return this.#now.time;
  }

  get size(): BankSize {
    return {
      conditioning: this.#conditioning.length,
      memories: this.policy.size,
      pointers: this.#pointers.length,
    };
  }

  /** Whether the object was shown on an earlier frame, so that it can be found on this one. */
  get knowsEarlier(): boolean {
    return this.#conditioning.some(({ time }) => time < this.#now.time);
  }

  /** Turns to the next frame. Releases what no later frame can reach. */
  turnTo(frame: number): void {
    this.#leave();
    const time = this.#last === null ? frame : this.#last.time + 1;
    this.#now = { frame, time };
    this.#isAhead = false;
    for (const stored of this.#conditioning) {
      // Frames to come are expected to be looked at, all of them; those that never were count as passed.
      if (stored.frame >= frame) stored.time = time + stored.frame - frame;
      else stored.time = Math.min(stored.time, time - 1);
    }
    this.#present = this.#awaited.find((awaited) => awaited.frame === frame)?.present ?? null;
    this.#awaited = this.#awaited.filter((awaited) => awaited.frame > frame);
    this.#prune();
  }

  /** Looks at a frame that is still to come. */
  lookAhead(frame: number): void {
    this.#leave();
    const time = this.#last === null ? frame : this.#last.time + frame - this.#last.frame;
    this.#now = { frame, time };
    this.#isAhead = true;
    this.#present = this.#awaited.find((awaited) => awaited.frame === frame)?.present ?? null;
  }

  /** Notes what became of the object on the frame that is looked at, in place of what was noted before. */
  note(present: PresentFrame): void {
    this.#releaseUncommitted();
    this.#present = present;
  }

  /**
   * What the object attends to on the frame that is looked at, which must not be the first one that it knows.
   *
   * @param candidates whether to ask for them, see `ObjectMemory`
   */
  recall(candidates: boolean): { memory: ObjectMemory; attended: AttendedMemory } {
    const now = this.#now;
    const { maxConditioningFrames, conditioningRow, pointerTimeSpan } = this.#settings;
    const { selected, unselected } = closestConditioningFrames(
      now.time,
      this.#conditioning,
      maxConditioningFrames,
    );
    const memories = [
      ...selected.map((stored) => ({ stored, row: conditioningRow })),
      ...this.policy.recall(now.time, unselected),
    ];
    const pointers: StoredPointer[] = selected.filter(({ time }) => time <= now.time);
    for (let back = 1; back <= pointerTimeSpan; back++) {
      const isThen = ({ time }: FrameTime) => time === now.time - back;
      const stored = this.#pointers.find(isThen) ?? unselected.find(isThen);
      if (stored !== undefined) pointers.push(stored);
    }
    const timeOf = ({ time }: FrameTime) => (now.time - time) / pointerTimeSpan;
    return {
      memory: {
        memories: memories.map(({ stored, row }) => ({ memory: stored.memory, row })),
        pointers: pointers.map((stored) => ({ pointer: stored.pointer, time: timeOf(stored) })),
        ...(candidates ? { candidates } : {}),
      },
      attended: {
        memories: memories.map(({ stored, row }) => ({ frame: stored.frame, row })),
        pointers: pointers.map((stored) => ({ frame: stored.frame, time: timeOf(stored) })),
      },
    };
  }

  /** Releases everything. */
  clear(): void {
    this.#releaseUncommitted();
    for (const { memory } of this.#conditioning) this.#settings.release(memory);
    this.#conditioning = [];
    this.#pointers = [];
    this.#awaited = [];
    this.#present = null;
    this.policy.clear();
  }

  /** Releases the memory of the frame that is looked at, unless it was conditioned ahead of its turn. */
  #releaseUncommitted(): void {
    const memory = this.#present?.memory ?? null;
    if (memory === null || this.#conditioning.some((stored) => stored.memory === memory)) return;
    this.#settings.release(memory);
  }

  #leave(): void {
    const present = this.#present;
    if (present === null) return;
    this.#present = null;
    const { frame } = this.#now;
    if (this.#isAhead) {
      this.#awaited = this.#awaited.filter((awaited) => awaited.frame !== frame);
      this.#awaited.push({ frame, present });
    } else {
      this.#last = this.#now;
    }
    const { memory, outcome, isConditioning } = present;
    if (memory === null) return;
    const { time } = this.#now;
    if (isConditioning) {
      this.#condition({ frame, time, memory, pointer: outcome.pointer });
      if (!this.#isAhead) this.policy.restart?.(time, outcome);
      return;
    }
    const oldest = time + 1 - this.#settings.pointerTimeSpan;
    this.#pointers = this.#pointers.filter((stored) => stored.time >= oldest);
    this.#pointers.push({ frame, time, pointer: outcome.pointer });
    this.policy.keep({ frame, time, memory }, outcome);
  }

  #condition(added: ConditioningFrame): void {
    const known = this.#conditioning.find(({ frame }) => frame === added.frame);
    if (known === undefined) {
      this.#conditioning.push(added);
      return;
    }
    // A frame that is shown anew keeps its place among the tokens.
    if (known.memory !== added.memory) this.#settings.release(known.memory);
    known.memory = added.memory;
    known.pointer = added.pointer;
  }

  #prune(): void {
    const now = this.#now.time;
    const { maxConditioningFrames, keptConditioningFrames, pointerTimeSpan, conditioningRow } =
      this.#settings;
    // Distances to past frames only grow, so one that is left out is never attended to again out of reach.
    const reach = Math.max(pointerTimeSpan, conditioningRow);
    const { unselected } = closestConditioningFrames(now, this.#conditioning, maxConditioningFrames);
    for (const stored of unselected) if (stored.time < now - reach) this.#drop(stored);
    const past = this.#conditioning.filter(({ time }) => time < now);
    const surplus = past.length - keptConditioningFrames;
    if (surplus <= 0) return;
    const [, ...later] = past.sort((a, b) => a.time - b.time);
    for (const stored of later.slice(0, surplus)) this.#drop(stored);
  }

  #drop(stored: ConditioningFrame): void {
    this.#settings.release(stored.memory);
    this.#conditioning = this.#conditioning.filter((other) => other !== stored);
  }
}
