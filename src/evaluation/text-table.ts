/** A row of cells, or a line across the table. */
export type TableRow = readonly string[] | 'rule';

/** Lays out a table in monospaced text: the first column to the left, the others to the right. */
export function textTable(header: readonly string[], rows: readonly TableRow[]): string {
  const cells = [header, ...rows.filter((row) => row !== 'rule')];
  const widths = header.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const rule = widths.map((width) => '-'.repeat(width)).join('  ');
  const line = (row: readonly string[]) =>
    widths
      .map((width, column) => {
        const cell = row[column] ?? '';
        return column === 0 ? cell.padEnd(width) : cell.padStart(width);
      })
      .join('  ')
      .trimEnd();
  return [line(header), rule, ...rows.map((row) => (row === 'rule' ? rule : line(row)))].join('\n');
}
