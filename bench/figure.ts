/** One measured number. Names are stable, so that runs can be compared. */
export interface Figure {
  /** What was measured, such as `decode 1280x720`. */
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly better: 'less' | 'more';
  /** What helps to judge the number, such as a spread. */
  readonly note?: string;
}

/** The middle of the values; NaN of none. */
export function median(values: readonly number[]): number {
  return percentile(values, 50);
}

/** The smallest value that `percent` percent of all values do not exceed; NaN of none. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = Math.ceil((percent / 100) * sorted.length) - 1;
  return sorted[Math.max(0, at)] ?? Number.NaN;
}

/** Growth of `y` per unit of `x` along the line of least squares. */
export function slope(points: readonly { readonly x: number; readonly y: number }[]): number {
  const meanX = points.reduce((sum, { x }) => sum + x, 0) / points.length;
  const meanY = points.reduce((sum, { y }) => sum + y, 0) / points.length;
  let covariance = 0;
  let variance = 0;
  for (const { x, y } of points) {
    covariance += (x - meanX) * (y - meanY);
    variance += (x - meanX) ** 2;
  }
  return variance === 0 ? 0 : covariance / variance;
}

/** Notes beside each figure what another program took for the same, and how many times as long that is. */
export function withBaseline(
  figures: readonly Figure[],
  baseline: Readonly<Record<string, number>>,
): Figure[] {
  return figures.map((figure) => {
    const other = baseline[figure.name];
    if (other === undefined) return figure;
    const comparison = `baseline ${other.toPrecision(4)}, ${(other / figure.value).toFixed(2)} x`;
    return { ...figure, note: figure.note === undefined ? comparison : `${figure.note}; ${comparison}` };
  });
}
