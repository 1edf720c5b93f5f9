import { enclosingBox, largestPart, type MaskShape, maskShape } from './mask-shape.ts';
import {
  type FrameOutcome,
  type MemoryPolicy,
  type ObjectPolicy,
  type PolicyContext,
  type RecalledMemory,
  rankedByAge,
  type StoredMemory,
} from './memory-policy.ts';

/** Memories of each of the two kinds: recent appearances, and frames that tell the object from distractors. */
const memoriesPerKind = 3;
/** Frames between recent appearances, the newest one excepted, and between distractor frames. */
const stride = 5;

/** Part of the box around mask and alternatives that the mask's own box has, below which there is a distractor. */
const maxBoxShare = 0.7;
/** A frame with a distractor is only remembered if the mask itself is beyond doubt. */
const minPredictedIou = 0.8;
/** Part by which the mask's area may differ from its median over recent frames. */
const maxAreaChange = 0.2;
const areaFrames = 10;

/**
 * DAM4SAM (Videnovic et al. 2024, arXiv 2411.17576). Recent appearances are remembered at intervals, never of frames
 * without the object, so that an absence does not wash them out. Frames on which the decoder's alternatives reach
 * for something else while the chosen mask is reliable show what the object is not; they are remembered apart,
 * without time, like conditioning frames.
 */
export const distractorAwarePolicy: MemoryPolicy = {
  wantsCandidates: true,
  open: (context) => new DistractorAwareMemories(context),
};

class DistractorAwareMemories implements ObjectPolicy {
  readonly #context: PolicyContext;
  #newest: StoredMemory | null = null;
  /** Older appearances, `stride` frames apart. */
  #appearances: StoredMemory[] = [];
  #distractors: StoredMemory[] = [];
  /** Of the last frames with the object, pixels. */
  #areas: number[] = [];

  constructor(context: PolicyContext) {
    this.#context = context;
  }

  get size(): number {
    return this.#held().length;
  }

  restart(_time: number, { lowResMask }: FrameOutcome): void {
    const shape = maskShape(lowResMask, this.#context.maskSize);
    if (shape !== null) this.#noteArea(shape.area);
  }

  keep(memory: StoredMemory, outcome: FrameOutcome): void {
    const shape = outcome.objectScore <= 0 ? null : maskShape(outcome.lowResMask, this.#context.maskSize);
    if (shape === null) {
      this.#context.release(memory.memory);
      return;
    }
    const before = this.#held();
    this.#remember(memory);
    if (this.#showsDistractor(memory.time, outcome, shape)) {
      this.#distractors.push(memory);
      if (this.#distractors.length > memoriesPerKind) this.#distractors.shift();
    }
    this.#noteArea(shape.area);
    const after = new Set(this.#held());
    for (const stored of before) if (!after.has(stored)) this.#context.release(stored.memory);
  }

  recall(): RecalledMemory[] {
    const row = this.#context.rows - 1;
    const recent = this.#newest === null ? this.#appearances : [...this.#appearances, this.#newest];
    return [...this.#distractors.map((stored) => ({ stored, row })), ...rankedByAge(recent)];
  }

  clear(): void {
    for (const { memory } of this.#held()) this.#context.release(memory);
    this.#newest = null;
    this.#appearances = [];
    this.#distractors = [];
  }

  /** Every memory once, though one may be of both kinds. */
  #held(): StoredMemory[] {
    const newest = this.#newest === null ? [] : [this.#newest];
    return [...new Set([...this.#appearances, ...newest, ...this.#distractors])];
  }

  #remember(memory: StoredMemory): void {
    const last = this.#appearances.at(-1);
    if (this.#newest !== null && (last === undefined || this.#newest.time - last.time >= stride)) {
      this.#appearances.push(this.#newest);
      if (this.#appearances.length > memoriesPerKind - 1) this.#appearances.shift();
    }
    this.#newest = memory;
  }

  #showsDistractor(time: number, outcome: FrameOutcome, shape: MaskShape): boolean {
    const { candidates, ious, maskIndex } = outcome;
    const last = this.#distractors.at(-1);
    if (candidates === undefined || (last !== undefined && time - last.time < stride)) return false;
    if (!((ious[maskIndex] as number) > minPredictedIou) || !this.#isUsualArea(shape.area)) return false;
    const { maskSize } = this.#context;
    const pixels = maskSize ** 2;
    let around = shape.box;
    for (let index = 1; index <= candidates.masks.length / pixels; index++) {
      if (index === maskIndex) continue;
      const part = largestPart(candidates.masks.subarray((index - 1) * pixels, index * pixels), maskSize);
      if (part !== null) around = enclosingBox(around, part.box);
    }
    return (shape.box.width * shape.box.height) / (around.width * around.height) < maxBoxShare;
  }

  #isUsualArea(area: number): boolean {
    const sorted = [...this.#areas].sort((a, b) => a - b);
    const median = sorted[Math.floor(sorted.length / 2)];
    return median !== undefined && Math.abs(area - median) <= maxAreaChange * median;
  }

  #noteArea(area: number): void {
    this.#areas.push(area);
    if (this.#areas.length > areaFrames) this.#areas.shift();
  }
}
