/**
 * Number of single-character edits (insert, delete, replace, swap of neighbours) between two texts: the optimal
 * string alignment distance.
 */
export function editDistance(a: string, b: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const replaced = at(previous, column - 1) + (a[row - 1] === b[column - 1] ? 0 : 1);
      let best = Math.min(replaced, at(previous, column) + 1, at(current, column - 1) + 1);
      const isSwap = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      if (isSwap) best = Math.min(best, at(beforePrevious, column - 2) + 1);
      current.push(best);
    }
    beforePrevious = previous;
    previous = current;
  }
  return at(previous, b.length);
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Number.POSITIVE_INFINITY;
}

/** The name that was most likely meant, or null when none is near: at most a third of the text may differ. */
export function closestName<Name extends string>(text: string, names: Iterable<Name>): Name | null {
  const wanted = text.toUpperCase().slice(0, 100);
  let closest: Name | null = null;
  let least = Math.floor(Math.max(wanted.length, 3) / 3) + 1;
  for (const name of names) {
    const distance = editDistance(wanted, name.toUpperCase());
    if (distance < least) {
      closest = name;
      least = distance;
    }
  }
  return closest;
}
