/** Conditioning frames that are attended to, in the order of their tokens, and the others. */
export interface ConditioningSelection<Frame> {
  readonly selected: readonly Frame[];
  readonly unselected: readonly Frame[];
}

/**
 * Chooses the conditioning frames that a frame attends to (`select_closest_cond_frames` of the published model):
 * all of them while they are few enough, otherwise the nearest earlier one, the nearest one that is not earlier,
 * and then the nearest of the others.
 *
 * @param frames in the order in which they were conditioned, which breaks ties and is the order of all
 * @param limit at least 2; Infinity for no limit
 */
export function closestConditioningFrames<Frame extends { readonly time: number }>(
  now: number,
  frames: readonly Frame[],
  limit: number,
): ConditioningSelection<Frame> {
  if (frames.length <= limit) return { selected: frames, unselected: [] };
  const before = nearest(frames, now, (frame) => frame.time < now);
  const after = nearest(frames, now, (frame) => frame.time >= now);
  const chosen = [before, after].filter((frame) => frame !== null);
  const others = frames
    .filter((frame) => !chosen.includes(frame))
    .sort((a, b) => Math.abs(a.time - now) - Math.abs(b.time - now));
  const selected = [...chosen, ...others.slice(0, limit - chosen.length)];
  return { selected, unselected: frames.filter((frame) => !selected.includes(frame)) };
}

function nearest<Frame extends { readonly time: number }>(
  frames: readonly Frame[],
  now: number,
  isCandidate: (frame: Frame) => boolean,
): Frame | null {
  let best: Frame | null = null;
  for (const frame of frames) {
    if (!isCandidate(frame)) continue;
    if (best === null || Math.abs(frame.time - now) < Math.abs(best.time - now)) best = frame;
  }
  return best;
}
