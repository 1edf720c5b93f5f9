/** A stream whose points can be tried in a tick. */
export interface PointsWaiting {
  readonly streamId: string;
  readonly points: number;
  readonly sinceMs: number;
}

/**
 * Deals out points among streams as evenly as they can use them; what does not divide goes to those that have waited
 * longest.
 *
 * @param affordable points that fit in all
 * @returns points per stream, without those that get none
 */
export function dealPoints(waiting: readonly PointsWaiting[], affordable: number): Map<string, number> {
  const dealt = new Map<string, number>();
  const open = [...waiting].sort(
    (a, b) => a.sinceMs - b.sinceMs || (a.streamId < b.streamId ? -1 : a.streamId > b.streamId ? 1 : 0),
  );
  let left = Math.min(
    Math.floor(affordable),
    open.reduce((sum, { points }) => sum + points, 0),
  );
  // Whoever wants less than an even share gets all; the others share what that leaves.
  const smallestFirst = open
    .map((stream, place) => ({ ...stream, place }))
    .sort((a, b) => a.points - b.points);
  let sharers = smallestFirst.length;
  let level = 0;
  for (const { points } of smallestFirst) {
    const rise = points - level;
    if (rise * sharers > left) break;
    left -= rise * sharers;
    level = points;
    sharers--;
  }
  const even = sharers > 0 ? Math.floor(left / sharers) : 0;
  let rest = sharers > 0 ? left - even * sharers : 0;
  for (const { streamId, points } of open) {
    let share = Math.min(points, level + even);
    if (share < points && rest > 0) {
      share++;
      rest--;
    }
    if (share > 0) dealt.set(streamId, share);
  }
  return dealt;
}
