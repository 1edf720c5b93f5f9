/** A step of a monotone map: from this score on (up to the next step) this value. */
export interface MonotoneStep {
  readonly from: number;
  readonly value: number;
}

/**
 * The never falling map from scores to values with the least squared error, by pooling adjacent violators (Ayer et al.
 * 1955; for calibration Zadrozny and Elkan, KDD 2002). Equal scores get one value.
 *
 * @returns steps in ascending order; the first holds below its score, too. None for no points
 */
export function isotonicRegression(
  points: readonly { readonly score: number; readonly value: number }[],
): MonotoneStep[] {
  const pools: { from: number; to: number; sum: number; count: number }[] = [];
  for (const { score, value } of points.toSorted((one, other) => one.score - other.score)) {
    let pool = { from: score, to: score, sum: value, count: 1 };
    for (;;) {
      const before = pools.at(-1);
      if (before === undefined) break;
      const isInOrder = before.to < pool.from && before.sum / before.count < pool.sum / pool.count;
      if (isInOrder) break;
      pools.pop();
      pool = {
        from: before.from,
        to: pool.to,
        sum: before.sum + pool.sum,
        count: before.count + pool.count,
      };
    }
    pools.push(pool);
  }
  return pools.map(({ from, sum, count }) => ({ from, value: sum / count }));
}

/** The map's value at a score; NaN for a map without steps. */
export function valueAt(steps: readonly MonotoneStep[], score: number): number {
  const step = steps.findLast(({ from }) => from <= score) ?? steps[0];
  return step?.value ?? Number.NaN;
}
