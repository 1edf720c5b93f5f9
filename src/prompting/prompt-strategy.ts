import type { Frame } from '../buffer/frame.ts';
import type { CameraMotion } from './camera-motion.ts';
import type { MovingThings } from './moving-things.ts';

/** The whole picture's brightness. */
export type LumaPicture = Pick<Frame, 'luma' | 'lumaWidth' | 'lumaHeight'>;

/** The picture's colours: rows of `width` RGB triples, of which the picture fills the top left. */
export interface ColourPicture {
  readonly width: number;
  readonly contentWidth: number;
  readonly contentHeight: number;
  readonly colours: Uint8Array;
}

/**
 * Motion to this picture from the one before on a grid of cells over the luma plane, pointing backward: what is now
 * at a cell's centre was at that place + (dx, dy). Luma pixels.
 */
export interface PictureMotion {
  readonly columns: number;
  readonly rows: number;
  /** Side of a cell, luma pixels. */
  readonly cellSize: number;
  readonly lumaWidth: number;
  readonly lumaHeight: number;
  readonly dx: Float32Array;
  readonly dy: Float32Array;
  /** How far a cell's motion can be trusted, 0 to 1. */
  readonly weight: Float32Array;
}

/**
 * What a strategy may look at when it proposes places to prompt, while the frame is in hand. Positions are parts of
 * the picture, 0 to 1. What is computed only for strategies is computed when it is asked for.
 */
export interface PromptScene {
  /** Source width over height. */
  readonly aspectRatio: number;
  readonly luma?: LumaPicture | null;
  readonly colours?: ColourPicture | null;
  /** Null where the picture continues no other; absent where nobody measures motion. */
  readonly motion?: PictureMotion | null;
  /** What of that is the camera's; null where it cannot be told. Absent where nobody has fitted it. */
  readonly camera?: CameraMotion | null;
  /** Whether a live track covers the point already, or there is nothing to see (a black border). */
  isCovered(x: number, y: number): boolean;
}

/** Every strategy, by the name that it is configured with. */
export const promptStrategyNames = ['auto_grid', 'motion', 'saliency', 'hybrid', 'detector', 'none'] as const;

export type PromptStrategyName = (typeof promptStrategyNames)[number];

/** A way of finding objects without a person: proposes points for the segmentation model to try. */
export interface PromptStrategy {
  readonly name: PromptStrategyName;
  /** Whether each round begins with the boxes of a detector, which looks at the frame where the models run. */
  readonly usesDetector?: boolean;
  /**
   * Sees every frame, in order. A strategy that does this remembers one stream: it serves no other.
   */
  observe?(scene: PromptScene): void;
  /** What it knows of things that move, where `observe` gathers that. */
  readonly movingThings?: MovingThings;
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
