import { prependMotion } from './motion-composition.ts';
import { createMotionField, type MotionField } from './motion-field.ts';

/** The motion that leads to a picture from that of the leg before. */
interface Leg {
  readonly field: MotionField;
  frameIndex: number;
}

const nothingHeld: readonly number[] = [];

/**
 * The motion of past pictures, so that a result about an older picture can be carried to the present. Memory is
 * bounded and nothing is allocated once it is full. Then motion from before every picture that somebody holds on to
 * is forgotten; if all of it is still needed, two neighbouring legs become one. Those whose common span is the
 * smallest part of their age do so, which makes precision fall with age: however far back a held picture is, it
 * stays reachable.
 */
export class MotionHistory {
  readonly #capacity: number;
  /** Oldest first. */
  #legs: Leg[] = [];
  /** What was borrowed last and not recorded. */
  #spare: Leg | null = null;
  #lumaWidth = 0;
  #lumaHeight = 0;
  /** The picture from which on motion is known without a gap; null before the first. */
  #reachesBackTo: number | null = null;

  /** @param capacity motion fields in memory, the borrowed one included */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Begins a new continuity: no motion leads to picture `frameIndex`. */
  begin(frameIndex: number): void {
    this.#spare ??= this.#legs[0] ?? null;
    this.#legs = [];
    this.#reachesBackTo = frameIndex;
  }

  /**
   * A field to fill for the next picture; `record` makes it count.
   *
   * @param held pictures that must stay reachable
   */
  borrow(lumaWidth: number, lumaHeight: number, held: readonly number[] = nothingHeld): MotionField {
    if (lumaWidth !== this.#lumaWidth || lumaHeight !== this.#lumaHeight) {
      this.#legs = [];
      this.#spare = null;
      this.#reachesBackTo = null;
      this.#lumaWidth = lumaWidth;
      this.#lumaHeight = lumaHeight;
    }
    this.#spare ??=
      this.#legs.length < this.#capacity
        ? { frameIndex: -1, field: createMotionField(lumaWidth, lumaHeight) }
        : this.#makeRoom(held);
    this.#spare.field.isComposed = false;
    return this.#spare.field;
  }

  /** Keeps the borrowed field as the motion that leads from the picture before to picture `frameIndex`. */
  record(frameIndex: number): void {
    const leg = this.#spare;
    if (leg === null) return;
    this.#spare = null;
    leg.frameIndex = frameIndex;
    this.#legs.push(leg);
  }

  /**
   * The motion from just after picture `frameIndex` to the present, oldest first; null when it is not all there.
   * For pictures that nobody held on to, it may begin up to a leg too early.
   */
  since(frameIndex: number): MotionField[] | null {
    if (this.#reachesBackTo === null || frameIndex < this.#reachesBackTo) return null;
    return this.#legs.filter((leg) => leg.frameIndex > frameIndex).map((leg) => leg.field);
  }

  /**
   * The motion from just after picture `from` to picture `to`, oldest first; null when it is not all there. Where legs
   * have become one, it may begin or end up to a leg off.
   */
  between(from: number, to: number): MotionField[] | null {
    if (this.#reachesBackTo === null || from < this.#reachesBackTo) return null;
    return this.#legs
      .filter(({ frameIndex }) => frameIndex > from && frameIndex <= to)
      .map(({ field }) => field);
  }

  /** Index of the picture that `steps` legs lead to from picture `frameIndex`. */
  frameAfter(frameIndex: number, steps: number): number {
    const later = this.#legs.filter((leg) => leg.frameIndex > frameIndex);
    return later[steps - 1]?.frameIndex ?? frameIndex;
  }

  /** Frees a leg. */
  #makeRoom(held: readonly number[]): Leg {
    const start = this.#reachesBackTo ?? Number.NEGATIVE_INFINITY;
    const oldestHeld = Math.min(...held.filter((frameIndex) => frameIndex >= start));
    const first = this.#legs[0] as Leg;
    const at = first.frameIndex <= oldestHeld ? null : this.#leastPreciseBoundary(start, held);
    if (at === null) {
      this.#legs.shift();
      this.#reachesBackTo = first.frameIndex;
      return first;
    }
    const older = this.#legs[at] as Leg;
    prependMotion((this.#legs[at + 1] as Leg).field, older.field);
    this.#legs.splice(at, 1);
    return older;
  }

  /** Which leg goes into the next one at the least loss; null where none may. The newest leg stays as it is. */
  #leastPreciseBoundary(start: number, held: readonly number[]): number | null {
    const newest = this.#legs.at(-1)?.frameIndex ?? 0;
    let best: number | null = null;
    let least = Number.POSITIVE_INFINITY;
    let from = start;
    for (let at = 0; at + 2 < this.#legs.length; at++) {
      const boundary = (this.#legs[at] as Leg).frameIndex;
      const span = (this.#legs[at + 1] as Leg).frameIndex - from;
      const share = span / (newest - boundary);
      from = boundary;
      if (share >= least || held.includes(boundary)) continue;
      least = share;
      best = at;
    }
    return best;
  }
}
