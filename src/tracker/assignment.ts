/**
 * Pairs rows with columns at the least total cost: the linear assignment problem, solved by shortest augmenting
 * paths (Jonker and Volgenant 1987) in O(rows² x columns) for rows <= columns.
 *
 * A cost of `Infinity` forbids a pair. As many permitted pairs as possible are made, and among those choices the
 * cheapest. With finite costs every line of the shorter side is paired.
 *
 * @param cost `rows * columns` values, row-major
 * @returns for each row its column, or -1
 * @throws RangeError when the length does not fit or a cost is NaN or -Infinity
 */
export function assign(cost: ArrayLike<number>, rows: number, columns: number): Int32Array {
  if (cost.length !== rows * columns) {
    throw new RangeError(`${cost.length} costs do not fill a table of ${rows} x ${columns}`);
  }
  const finite = withoutInfinity(cost);
  const columnOfRow = new Int32Array(rows).fill(-1);
  if (rows <= columns) {
    const rowOfColumn = shortestAugmentingPaths(finite, rows, columns);
    for (let column = 0; column < columns; column++) {
      const row = rowOfColumn[column] ?? -1;
      if (row >= 0) columnOfRow[row] = column;
    }
  } else {
    const columnAtRow = shortestAugmentingPaths(transpose(finite, rows, columns), columns, rows);
    columnOfRow.set(columnAtRow);
  }
  for (let row = 0; row < rows; row++) {
    const column = columnOfRow[row] ?? -1;
    if (column >= 0 && cost[row * columns + column] === Number.POSITIVE_INFINITY) columnOfRow[row] = -1;
  }
  return columnOfRow;
}

/** Makes a forbidden pair dearer than any set of permitted ones, so that it is taken only when nothing is left. */
function withoutInfinity(cost: ArrayLike<number>): Float64Array {
  let magnitude = 1;
  for (let at = 0; at < cost.length; at++) {
    const value = cost[at] ?? Number.NaN;
    if (Number.isNaN(value) || value === Number.NEGATIVE_INFINITY) {
      throw new RangeError(`cost ${at} is ${value}`);
    }
    if (value !== Number.POSITIVE_INFINITY) magnitude += 2 * Math.abs(value);
  }
  return Float64Array.from(cost, (value) => (value === Number.POSITIVE_INFINITY ? magnitude : value));
}

function transpose(cost: Float64Array, rows: number, columns: number): Float64Array {
  const turned = new Float64Array(cost.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      turned[column * rows + row] = cost[row * columns + column] ?? 0;
    }
  }
  return turned;
}

/** Row of each column, -1 for columns left over. Requires rows <= columns and finite costs. */
function shortestAugmentingPaths(cost: Float64Array, rows: number, columns: number): Int32Array {
  const rowOfColumn = new Int32Array(columns).fill(-1);
  const columnOfRow = new Int32Array(rows).fill(-1);
  const rowPrice = new Float64Array(rows);
  const columnPrice = new Float64Array(columns);
  const distance = new Float64Array(columns);
  const reachedFrom = new Int32Array(columns);
  const settled = new Uint8Array(columns);

  for (let root = 0; root < rows; root++) {
    distance.fill(Number.POSITIVE_INFINITY);
    settled.fill(0);
    let row = root;
    let pathLength = 0;
    let free = -1;
    while (free < 0) {
      let nearest = -1;
      let nearestDistance = Number.POSITIVE_INFINITY;
      for (let column = 0; column < columns; column++) {
        if (settled[column] === 1) continue;
        const reduced =
          (cost[row * columns + column] ?? 0) - (rowPrice[row] ?? 0) - (columnPrice[column] ?? 0);
        if (pathLength + reduced < (distance[column] ?? 0)) {
          distance[column] = pathLength + reduced;
          reachedFrom[column] = row;
        }
        const reach = distance[column] ?? 0;
        // Among equals a free column ends the search at once.
        if (reach < nearestDistance || (reach === nearestDistance && rowOfColumn[column] === -1)) {
          nearestDistance = reach;
          nearest = column;
        }
      }
      settled[nearest] = 1;
      pathLength = nearestDistance;
      const owner = rowOfColumn[nearest] ?? -1;
      if (owner < 0) free = nearest;
      else row = owner;
    }

    rowPrice[root] = (rowPrice[root] ?? 0) + pathLength;
    for (let column = 0; column < columns; column++) {
      if (settled[column] === 0 || column === free) continue;
      const slack = pathLength - (distance[column] ?? 0);
      const owner = rowOfColumn[column] ?? 0;
      rowPrice[owner] = (rowPrice[owner] ?? 0) + slack;
      columnPrice[column] = (columnPrice[column] ?? 0) - slack;
    }

    let column = free;
    while (column >= 0) {
      const from = reachedFrom[column] ?? root;
      const next = columnOfRow[from] ?? -1;
      rowOfColumn[column] = from;
      columnOfRow[from] = column;
      column = from === root ? -1 : next;
    }
  }
  return rowOfColumn;
}
