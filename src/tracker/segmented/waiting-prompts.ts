import type { FrameInfo } from '../../buffer/frame.ts';
import type { Box } from '../../mask/box.ts';
import type { PromptPoint, PromptShape } from '../../prompting/prompt.ts';
import { type MotionField, sampleGrid } from '../propagation/motion-field.ts';

/** A prompt for the next look. */
export interface WaitingPrompt {
  readonly objectId: number;
  readonly shape: PromptShape;
  /** Whether the frame that it was given on has been left: a mask of then is out of date. */
  readonly isLate: boolean;
}

type PictureSize = Pick<FrameInfo, 'width' | 'height'>;

/** Prompts that wait at most: where the model never gets free, the newest count. */
const maxWaiting = 64;

/** Places inside a box, along each side, at which its motion is measured. */
const samplesPerSide = 5;

/** A prompt, and whether a look that failed has had it. */
type KnownPrompt = WaitingPrompt & { readonly hasFailed: boolean };

/**
 * Prompts of people that wait until the model is free. Clicks and boxes move with the picture meanwhile, so that they
 * still point at what they were meant for; masks do so as masks of their objects. Those that a look under way has
 * move on, too: if it fails, they are given to one more.
 */
export class WaitingPrompts {
  #waiting: KnownPrompt[] = [];
  /** What the look under way was given. */
  #tried: KnownPrompt[] = [];
  #size: PictureSize = { width: 0, height: 0 };

  /** Whether none waits for the next look. */
  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /**
   * @param size of the picture that the prompt is about, which is the newest
   * @returns objects that have lost their last prompt because too many wait
   */
  add(objectId: number, shape: PromptShape, { width, height }: PictureSize): number[] {
    this.#size = { width, height };
    this.#waiting.push({ objectId, shape, isLate: false, hasFailed: false });
    return this.#dropSurplus();
  }

  /**
   * Takes the prompts along to the next frame. Boxes that motion carries out of the picture are dropped.
   *
   * @param motion that led to it; null where that is not known, so that places stay where they are in the picture
   * @returns objects that have lost their last prompt
   */
  moveTo(size: PictureSize, motion: MotionField | null): number[] {
    if (this.#waiting.length + this.#tried.length === 0) return [];
    const before = this.#size;
    const after = { width: size.width, height: size.height };
    this.#size = after;
    const isResized = before.width !== after.width || before.height !== after.height;
    const moved = (prompt: KnownPrompt): KnownPrompt => {
      const sized = isResized ? rescaled(prompt.shape, before, after) : prompt.shape;
      return { ...prompt, shape: motion === null ? sized : carried(sized, after, motion), isLate: true };
    };
    const waiting = this.#waiting.map(moved);
    this.#tried = this.#tried.map(moved).filter(({ shape }) => hasExtent(shape));
    this.#waiting = waiting.filter(({ shape }) => hasExtent(shape));
    return this.#orphaned(waiting.filter(({ shape }) => !hasExtent(shape)));
  }

  /** Hands all that wait to a look, in the order in which they were given. */
  take(): WaitingPrompt[] {
    this.#tried = this.#waiting;
    this.#waiting = [];
    return this.#tried.map(({ objectId, shape, isLate }) => ({ objectId, shape, isLate }));
  }

  /** The look has taken its prompts in. */
  succeeded(): void {
    this.#tried = [];
  }

  /**
   * The look came to nothing: its prompts wait again, before all others, unless it was their second.
   *
   * @returns objects that have lost their last prompt
   */
  failed(): number[] {
    const tried = this.#tried;
    this.#tried = [];
    const again = tried
      .filter(({ hasFailed }) => !hasFailed)
      .map((prompt) => ({ ...prompt, hasFailed: true }));
    this.#waiting = [...again, ...this.#waiting];
    return [...this.#orphaned(tried.filter(({ hasFailed }) => hasFailed)), ...this.#dropSurplus()];
  }

  /**
   * Gives up all, those of the look under way included.
   *
   * @returns their objects
   */
  clear(): number[] {
    const all = [...this.#tried, ...this.#waiting];
    this.#tried = [];
    this.#waiting = [];
    return this.#orphaned(all);
  }

  #dropSurplus(): number[] {
    return this.#orphaned(this.#waiting.splice(0, Math.max(0, this.#waiting.length - maxWaiting)));
  }

  /** Objects of prompts that were dropped which no other prompt is about. */
  #orphaned(dropped: readonly KnownPrompt[]): number[] {
    const prompted = new Set([...this.#waiting, ...this.#tried].map(({ objectId }) => objectId));
    return dropped.map(({ objectId }) => objectId).filter((objectId) => !prompted.has(objectId));
  }
}

function rescaled(shape: PromptShape, from: PictureSize, to: PictureSize): PromptShape {
  const [x, y] = [to.width / from.width, to.height / from.height];
  return mapped(
    shape,
    (point) => ({ ...point, x: point.x * x, y: point.y * y }),
    (box) => ({ x: box.x * x, y: box.y * y, width: box.width * x, height: box.height * y }),
  );
}

function carried(shape: PromptShape, size: PictureSize, motion: MotionField): PromptShape {
  return mapped(
    shape,
    (point) => {
      const { dx, dy } = motionFrom(motion, size, point.x, point.y);
      return { ...point, x: clamp(point.x + dx, size.width), y: clamp(point.y + dy, size.height) };
    },
    (box) => shifted(box, size, motion),
  );
}

function mapped(
  shape: PromptShape,
  ofPoint: (point: PromptPoint) => PromptPoint,
  ofBox: (box: Box) => Box,
): PromptShape {
  switch (shape.kind) {
    case 'mask':
      return shape;
    case 'box':
      return { ...shape, box: ofBox(shape.box) };
    case 'points': {
      const points = shape.points.map(ofPoint);
      return { ...shape, points, ...(shape.box === undefined ? {} : { box: ofBox(shape.box) }) };
    }
  }
}

function hasExtent(shape: PromptShape): boolean {
  const box = shape.kind === 'mask' ? undefined : shape.box;
  return box === undefined || (box.width > 0 && box.height > 0);
}

/** The box with the median motion of what is in it. */
function shifted(box: Box, size: PictureSize, motion: MotionField): Box {
  const xs: number[] = [];
  const ys: number[] = [];
  for (let row = 0; row < samplesPerSide; row++) {
    for (let column = 0; column < samplesPerSide; column++) {
      const x = box.x + ((column + 0.5) / samplesPerSide) * box.width;
      const y = box.y + ((row + 0.5) / samplesPerSide) * box.height;
      const { dx, dy } = motionFrom(motion, size, x, y);
      xs.push(dx);
      ys.push(dy);
    }
  }
  const left = clamp(box.x + median(xs), size.width);
  const top = clamp(box.y + median(ys), size.height);
  const right = clamp(box.x + box.width + median(xs), size.width);
  const bottom = clamp(box.y + box.height + median(ys), size.height);
  return { x: left, y: top, width: right - left, height: bottom - top };
}

/** Where a place of the picture before went, source pixels: motion points back, so it is looked up at its own end. */
function motionFrom(
  { dx, dy, columns, rows, cellSize, lumaWidth, lumaHeight }: MotionField,
  { width, height }: PictureSize,
  x: number,
  y: number,
): { dx: number; dy: number } {
  const fromX = (x * lumaWidth) / width;
  const fromY = (y * lumaHeight) / height;
  let [toX, toY] = [fromX, fromY];
  for (let step = 0; step < 3; step++) {
    const backX = sampleGrid(dx, columns, rows, cellSize, toX, toY);
    const backY = sampleGrid(dy, columns, rows, cellSize, toX, toY);
    [toX, toY] = [fromX - backX, fromY - backY];
  }
  return { dx: ((toX - fromX) * width) / lumaWidth, dy: ((toY - fromY) * height) / lumaHeight };
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)] as number;
}

function clamp(value: number, limit: number): number {
  return Math.min(Math.max(value, 0), limit);
}
