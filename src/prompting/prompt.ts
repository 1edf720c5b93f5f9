import type { Box } from '../mask/box.ts';
import type { RunLengthMask } from '../mask/run-length.ts';

/** A click: source pixels, top left origin; positive says "this belongs to it", negative "this does not". */
export interface PromptPoint {
  readonly x: number;
  readonly y: number;
  readonly positive: boolean;
}

/** What the prompt shows of the object, in source pixels. */
export type PromptShape =
  | { readonly kind: 'points'; readonly points: readonly PromptPoint[]; readonly box?: Box }
  | { readonly kind: 'box'; readonly box: Box }
  | { readonly kind: 'mask'; readonly mask: RunLengthMask };

/** A request to track an object, or to correct one that is tracked. */
export interface Prompt {
  readonly shape: PromptShape;
  /** An object that exists is refined; an unknown or absent id makes a new object. */
  readonly objectId?: number;
  readonly label?: string;
  /** Capture clock of the frame that it is about, nanoseconds; the newest frame where absent. */
  readonly timestampNs?: bigint;
  /** Objects that a person asked for are never evicted for automatic ones. */
  readonly author: 'person' | 'strategy';
}
