/** What a strategy may look at when it proposes places to prompt. Positions are parts of the picture, 0 to 1. */
export interface PromptScene {
  /** Source width over height. */
  readonly aspectRatio: number;
  /** Whether a live track covers the point already, or there is nothing to see (a black border). */
  isCovered(x: number, y: number): boolean;
}

/** A way of finding objects without a person: proposes points for the segmentation model to try. */
export interface PromptStrategy {
  readonly name: 'auto_grid' | 'none';
  /**
   * Points worth trying on this picture, most useful first, as x, y pairs; none where a track covers them.
   *
   * @param round counts the rounds of prompting from 0, so that each can look elsewhere
   */
  propose(scene: PromptScene, round: number): Float32Array;
}

/** Only people prompt. */
export const noStrategy: PromptStrategy = {
  name: 'none',
  propose: () => new Float32Array(0),
};
