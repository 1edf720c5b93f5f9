import type { PromptShape } from '../../prompting/prompt.ts';
import type { MotionField } from '../propagation/motion-field.ts';
import { carriedOn, hasExtent, type PictureSize, rescaled } from './shape-motion.ts';

/** A prompt as it was given. */
export interface GivenPrompt {
  readonly objectId: number;
  readonly shape: PromptShape;
  /** The frame that it was given on. */
  readonly frameIndex: number;
}

/** A prompt for the next look. */
export interface WaitingPrompt {
  readonly objectId: number;
  readonly shape: PromptShape;
  /** Whether the frame that it was given on has been left: a mask of then is out of date. */
  readonly isLate: boolean;
}

/** Prompts that wait at most: where the model never gets free, the newest count. */
const maxWaiting = 64;

/** A prompt, and whether a look that failed has had it. */
type KnownPrompt = WaitingPrompt & { readonly given: GivenPrompt; readonly hasFailed: boolean };

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
   * @param present the newest picture
   * @param since motion that led there from the frame that the prompt was given on
   * @returns objects that have lost their last prompt because too many wait
   */
  add(
    given: GivenPrompt,
    { index, width, height }: PictureSize & { readonly index: number },
    since: readonly MotionField[] = [],
  ): number[] {
    this.#size = { width, height };
    const shape = since.reduce((at, motion) => carriedOn(at, this.#size, motion), given.shape);
    const isLate = given.frameIndex !== index;
    this.#waiting.push({ objectId: given.objectId, shape, isLate, given, hasFailed: false });
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
      return { ...prompt, shape: motion === null ? sized : carriedOn(sized, after, motion), isLate: true };
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

  /**
   * Hands some of those that wait to a look: those of objects that it takes all prompts of.
   *
   * @param shapeOf how the look is shown a prompt; null where it cannot be
   */
  takeWhere(shapeOf: (given: GivenPrompt) => PromptShape | null): Omit<WaitingPrompt, 'isLate'>[] {
    const shown = this.#waiting.map(({ given }) => shapeOf(given));
    const refused = new Set(
      this.#waiting.filter((_, at) => shown[at] === null).map(({ objectId }) => objectId),
    );
    const taken: Omit<WaitingPrompt, 'isLate'>[] = [];
    for (const [at, { objectId }] of this.#waiting.entries()) {
      const shape = shown[at] ?? null;
      if (shape !== null && !refused.has(objectId)) taken.push({ objectId, shape });
    }
    if (taken.length === 0) return [];
    this.#tried = this.#waiting.filter(({ objectId }) => !refused.has(objectId));
    this.#waiting = this.#waiting.filter(({ objectId }) => refused.has(objectId));
    return taken;
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
