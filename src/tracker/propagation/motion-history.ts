import { createMotionField, type MotionField } from './motion-field.ts';

/**
 * The motion of the last pictures, so that a result about an older picture can be carried to the present. Fields
 * are reused in a circle; nothing is allocated once it is full.
 */
export class MotionHistory {
  readonly #capacity: number;
  #fields: { frameIndex: number; field: MotionField }[] = [];
  #next = 0;
  #lumaWidth = 0;
  #lumaHeight = 0;
  /** The picture from which on motion is known without a gap; null before the first. */
  #reachesBackTo: number | null = null;

  /** @param capacity pictures remembered */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Begins a new continuity: no motion leads to picture `frameIndex`. */
  begin(frameIndex: number): void {
    for (const entry of this.#fields) entry.frameIndex = -1;
    this.#reachesBackTo = frameIndex;
  }

  /** A field to fill for the next picture; `record` makes it count. */
  borrow(lumaWidth: number, lumaHeight: number): MotionField {
    if (lumaWidth !== this.#lumaWidth || lumaHeight !== this.#lumaHeight) {
      this.#fields = [];
      this.#next = 0;
      this.#reachesBackTo = null;
      this.#lumaWidth = lumaWidth;
      this.#lumaHeight = lumaHeight;
    }
    let entry = this.#fields[this.#next];
    if (entry === undefined) {
      entry = { frameIndex: -1, field: createMotionField(lumaWidth, lumaHeight) };
      this.#fields[this.#next] = entry;
    }
    // The motion that leads to a picture is forgotten, so nothing before that picture can be carried on.
    if (entry.frameIndex >= 0) this.#reachesBackTo = entry.frameIndex;
    entry.frameIndex = -1;
    return entry.field;
  }

  /** Keeps the borrowed field as the motion that leads from the picture before to picture `frameIndex`. */
  record(frameIndex: number): void {
    const entry = this.#fields[this.#next];
    if (entry === undefined) return;
    entry.frameIndex = frameIndex;
    this.#next = (this.#next + 1) % this.#capacity;
  }

  /**
   * The motion from just after picture `frameIndex` to the present, oldest first; null when it is not all there.
   */
  since(frameIndex: number): MotionField[] | null {
    if (this.#reachesBackTo === null || frameIndex < this.#reachesBackTo) return null;
    return this.#fields
      .filter((entry) => entry.frameIndex > frameIndex)
      .sort((a, b) => a.frameIndex - b.frameIndex)
      .map((entry) => entry.field);
  }

  /** Index of the picture that `steps` recorded motions lead to from picture `frameIndex`. */
  frameAfter(frameIndex: number, steps: number): number {
    const later = this.#fields
      .map((entry) => entry.frameIndex)
      .filter((index) => index > frameIndex)
      .sort((a, b) => a - b);
    return later[steps - 1] ?? frameIndex;
  }
}
