import type { FrameInfo } from '../buffer/frame.ts';
import type { Box } from '../mask/box.ts';
import type { RunLengthMask } from '../mask/run-length.ts';
import type { RepromptReason } from '../prompting/reprompt-timing.ts';

/**
 * `active`: seen now. `occluded`: expected back soon, its last place is kept. `lost`: not seen for long; found
 * again only by its appearance.
 */
export type TrackState = 'active' | 'occluded' | 'lost';

/** One object on one frame. */
export interface Track {
  /** Unique within its stream for the stream's life, never reused. */
  readonly id: number;
  readonly label: string | null;
  readonly state: TrackState;
  /** Confidence that the mask is right, 0 to 1. */
  readonly score: number;
  /** Of the mask, source pixels; null while the object is not seen. */
  readonly box: Box | null;
  /** Source pixels; 0 while the object is not seen. */
  readonly area: number;
  /** At source size; null while the object is not seen. */
  readonly mask: RunLengthMask | null;
  /** Outer and inner contours, `[x0, y0, x1, y1, ...]` in source pixels each; only where asked for. */
  readonly polygons?: readonly (readonly number[])[];
  readonly firstFrame: number;
  readonly lastSeenFrame: number;
  readonly author: 'person' | 'strategy';
  /** What sort of thing a person says it is; absent where nobody does. */
  readonly category?: string;
  /** Present where only a person may remove it. */
  readonly locked?: true;
  /** How the mask came here since it was segmented; absent where no motion carries it. */
  readonly carried?: CarriedMask;
}

/** What motion has done to a mask. */
export interface CarriedMask {
  /** Pictures that it has been carried through. */
  readonly frames: number;
  /** How well motion explained it, 0 to 1; a factor of the track's score. */
  readonly support: number;
}

/** `segmented`: a model looked at this frame or a fresh result landed on it; `propagated`: carried by motion. */
export type Provenance = 'segmented' | 'propagated';

export interface TrackEvent {
  readonly kind: 'created' | 'occluded' | 'recovered' | 'lost' | 'removed';
  readonly trackId: number;
}

/** A round of automatic prompting. */
export interface BegunRound {
  readonly reason: RepromptReason;
  /** Places to try; a detector's boxes come on top. */
  readonly points: number;
}

/** Where a frame's time went, milliseconds. */
export interface FrameLatency {
  /** From the arrival of its last chunk to the frame being in the ring. */
  readonly decode: number;
  /** Waiting in the ring. */
  readonly queue: number;
  /** In the tracker. */
  readonly track: number;
  /** From arrival to the end of tracking. */
  readonly total: number;
}

/** All tracks of one frame. */
export interface TrackFrame {
  readonly frame: FrameInfo;
  readonly provenance: Provenance;
  readonly latencyMs: FrameLatency;
  readonly tracks: readonly Track[];
  readonly events: readonly TrackEvent[];
  /** The round of automatic prompting that began on this frame; absent where none did. */
  readonly reprompt?: BegunRound;
}
