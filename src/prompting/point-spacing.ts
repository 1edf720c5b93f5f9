/**
 * Whether a point lies closer than `distance` to one of some points, given as x, y pairs. Points are parts of the
 * picture; the distance is in parts of its longer side.
 */
export function isNearAny(
  points: readonly number[],
  x: number,
  y: number,
  aspectRatio: number,
  distance: number,
): boolean {
  const scaleX = Math.min(1, aspectRatio);
  const scaleY = Math.min(1, 1 / aspectRatio);
  for (let at = 0; at < points.length; at += 2) {
    const dx = ((points[at] as number) - x) * scaleX;
    const dy = ((points[at + 1] as number) - y) * scaleY;
    if (Math.hypot(dx, dy) < distance) return true;
  }
  return false;
}
