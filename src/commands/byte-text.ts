const units = ['kB', 'MB', 'GB'] as const;

/** A size for people, with three digits: `8.12 kB`, `156 MB`. Units are powers of 1000. */
export function byteText(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  let value = bytes / 1000;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${value < 1000 ? value.toPrecision(3) : Math.round(value)} ${units[unit]}`;
}
