import type { TrackState } from './track.ts';

/** What was learned of an object on a frame. */
export type Observation =
  /** The segmentation model found it. */
  | { readonly kind: 'seen' }
  /** The segmentation model looked and did not find it. */
  | { readonly kind: 'absent' }
  /** Motion carried its mask out of the picture. */
  | { readonly kind: 'left_view' }
  /** Motion no longer explains what is where its mask is. */
  | { readonly kind: 'unsupported' }
  /** The picture is no continuation of the one before. */
  | { readonly kind: 'scene_cut' }
  /** Time went by without news. */
  | { readonly kind: 'none' };

/** How long an object may be hidden before it counts as lost, seconds. */
export const occludedSeconds = 5;
/** How long a lost object is looked for before its id is given up, seconds. Objects of people are never given up. */
export const lostSeconds = 60;

/**
 * The life of a track.
 *
 * ```
 *            absent, left_view, unsupported, scene_cut          hidden > occludedSeconds
 *   active ────────────────────────────────────────► occluded ─────────────────────────► lost
 *      ▲                    seen                        │                                 │
 *      └────────────────────────────────────────────────┴─────────────────────────────────┘
 * ```
 *
 * @param hiddenSeconds since the object was last seen
 */
export function nextState(state: TrackState, observation: Observation, hiddenSeconds: number): TrackState {
  switch (observation.kind) {
    case 'seen':
      return 'active';
    case 'absent':
    case 'left_view':
    case 'unsupported':
    case 'scene_cut':
      return state === 'active' ? 'occluded' : state;
    case 'none':
      return state === 'occluded' && hiddenSeconds > occludedSeconds ? 'lost' : state;
  }
}
