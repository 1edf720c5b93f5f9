import { type MaskLogits, sampleLogits } from '../mask/mask-logits.ts';
import { masksPerClick, type ProposedMasks } from '../model/sam2/sam2-runtime.ts';
import { BlankArea } from '../prompting/blank-area.ts';
import {
  type CandidateMask,
  chooseNewObjects,
  defaultGates,
  type PreferredExtent,
} from '../prompting/candidate-filter.ts';
import type { PromptScene, PromptStrategy } from '../prompting/prompt-strategy.ts';
import { stabilityScore } from '../tracker/stability-score.ts';
import type { PictureSize } from './recording.ts';

export interface AutomaticOptions {
  readonly strategy: PromptStrategy;
  /** Frames from one round to the next. */
  readonly intervalFrames: number;
  /** Objects at once, those that people asked for included. */
  readonly maxObjects: number;
  /** Whether a whole or its part becomes an object where candidates hold one another; wholes by default. */
  readonly preferredExtent?: PreferredExtent;
}

/** Where objects are looked for. */
export interface SearchedPicture {
  /** Source size, pixels. */
  readonly source: PictureSize;
  /** RGB, interleaved, `side * side` pixels, whatever the source's shape. */
  readonly pixels: Uint8Array;
  readonly side: number;
  /** Masks of what is tracked and seen. */
  readonly live: readonly MaskLogits[];
}

/** Tries clicks on a picture; points are x, y pairs in source pixels. */
export type Proposer = (points: Float32Array) => Promise<ProposedMasks>;

/** Finds objects without a person, in rounds at regular distances that begin with the first frame. */
export class AutomaticObjects {
  readonly #options: AutomaticOptions;
  #round = 0;
  #luma = new Uint8Array(0);

  constructor(options: AutomaticOptions) {
    this.#options = options;
  }

  /**
   * Clicks on this frame that show new objects, best first, x and y in source pixels; none where no round is due.
   *
   * @param known how many objects there are
   */
  async find(
    frameIndex: number,
    picture: SearchedPicture,
    known: number,
    propose: Proposer,
  ): Promise<readonly (readonly [number, number])[]> {
    const { strategy, intervalFrames, maxObjects, preferredExtent } = this.#options;
    const room = maxObjects - known;
    if (frameIndex % intervalFrames !== 0 || room <= 0) return [];
    const { source, live } = picture;
    const luma = this.#lumaOf(picture);
    const blank = new BlankArea(luma);
    const { pixels: colours, side } = picture;
    const scene: PromptScene = {
      aspectRatio: source.width / source.height,
      luma,
      colours: { width: side, contentWidth: side, contentHeight: side, colours },
      isCovered: (x, y) => blank.includes(x, y) || live.some((logits) => sampleLogits(logits, x, y) > 0),
    };
    const parts = strategy.propose(scene, this.#round++);
    if (parts.length === 0) return [];
    const points = parts.map((part, at) => part * (at % 2 === 0 ? source.width : source.height));
    const candidates = bestOfClicks(await propose(points));
    const [{ logits } = { logits: new Float32Array(0) }] = candidates;
    const gridSide = Math.sqrt(logits.length);
    const grid = { width: gridSide, height: gridSide, spanX: gridSide, spanY: gridSide };
    const gates = { ...defaultGates, prefers: preferredExtent ?? defaultGates.prefers };
    const chosen = chooseNewObjects(candidates, grid, occupiedBy(live, logits.length), room, gates);
    return chosen.map((at) => {
      const click = candidates[at]?.click ?? 0;
      return [points[click * 2] as number, points[click * 2 + 1] as number];
    });
  }

  #lumaOf({ pixels, side }: SearchedPicture) {
    if (this.#luma.length !== side * side) this.#luma = new Uint8Array(side * side);
    const luma = this.#luma;
    for (let at = 0; at < luma.length; at++) {
      const [red = 0, green = 0, blue = 0] = [pixels[at * 3], pixels[at * 3 + 1], pixels[at * 3 + 2]];
      luma[at] = (red * 77 + green * 150 + blue * 29) >> 8;
    }
    return { luma, lumaWidth: side, lumaHeight: side };
  }
}

/** The mask of each click that conditioning an object by it would choose, where it sees one. */
function bestOfClicks({ masks, ious, objectScores }: ProposedMasks): (CandidateMask & { click: number })[] {
  const size = masks.length / ious.length;
  const candidates: (CandidateMask & { click: number })[] = [];
  for (let click = 0; click < objectScores.length; click++) {
    if ((objectScores[click] as number) <= 0) continue;
    let best = click * masksPerClick;
    for (let at = best + 1; at < (click + 1) * masksPerClick; at++) {
      if ((ious[at] as number) > (ious[best] as number)) best = at;
    }
    const logits = masks.subarray(best * size, (best + 1) * size);
    const predictedIou = ious[best] as number;
    candidates.push({ click, logits, predictedIou, stability: stabilityScore(logits) });
  }
  return candidates;
}

/** 1 where any of the masks is. */
function occupiedBy(masks: readonly MaskLogits[], size: number): Uint8Array {
  const occupied = new Uint8Array(size);
  for (const { data } of masks) {
    for (let at = 0; at < size; at++) if ((data[at] as number) > 0) occupied[at] = 1;
  }
  return occupied;
}
