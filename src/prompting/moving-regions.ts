/** A connected region of a grid of cells. */
export interface Region {
  readonly cells: readonly number[];
  /** The cell deepest inside it. */
  readonly innerCell: number;
  /** Steps from there to the nearest cell that is not of the region. */
  readonly depth: number;
}

/** Regions of cells of a mask that are connected by their sides, the largest first. */
export function regionsOf(mask: Uint8Array, columns: number): Region[] {
  const depths = depthsOf(mask, columns);
  const isVisited = new Uint8Array(mask.length);
  const regions: Region[] = [];
  for (let start = 0; start < mask.length; start++) {
    if (mask[start] === 0 || isVisited[start] === 1) continue;
    const cells = [start];
    isVisited[start] = 1;
    for (const cell of cells) {
      for (const next of neighboursOf(cell, columns, mask.length)) {
        if (mask[next] === 0 || isVisited[next] === 1) continue;
        isVisited[next] = 1;
        cells.push(next);
      }
    }
    const depth = cells.reduce((most, cell) => Math.max(most, depths[cell] as number), 0);
    regions.push({ cells, innerCell: mostCentral(cells, depths, depth, columns), depth });
  }
  return regions.sort((a, b) => b.cells.length - a.cells.length || a.innerCell - b.innerCell);
}

/** Cells beside a cell, up to four. */
function neighboursOf(cell: number, columns: number, count: number): number[] {
  const column = cell % columns;
  const neighbours: number[] = [];
  if (column > 0) neighbours.push(cell - 1);
  if (column < columns - 1) neighbours.push(cell + 1);
  if (cell >= columns) neighbours.push(cell - columns);
  if (cell + columns < count) neighbours.push(cell + columns);
  return neighbours;
}

/** Steps from each cell of the mask to the nearest one outside; beyond the grid it goes on. */
function depthsOf(mask: Uint8Array, columns: number): Uint16Array {
  const farthest = 0xffff;
  const depths = Uint16Array.from(mask, (inside) => (inside === 0 ? 0 : farthest));
  let front = [...mask.keys()].filter((cell) => mask[cell] === 0);
  for (let depth = 1; front.length > 0; depth++) {
    const next: number[] = [];
    for (const cell of front) {
      for (const neighbour of neighboursOf(cell, columns, mask.length)) {
        if (depths[neighbour] !== farthest) continue;
        depths[neighbour] = depth;
        next.push(neighbour);
      }
    }
    front = next;
  }
  return depths;
}

/** Of the deepest cells, the one nearest to their mean. */
function mostCentral(cells: readonly number[], depths: Uint16Array, depth: number, columns: number): number {
  const deepest = cells.filter((cell) => depths[cell] === depth);
  const meanX = deepest.reduce((sum, cell) => sum + (cell % columns), 0) / deepest.length;
  const meanY = deepest.reduce((sum, cell) => sum + Math.floor(cell / columns), 0) / deepest.length;
  const distance = (cell: number) => Math.hypot((cell % columns) - meanX, Math.floor(cell / columns) - meanY);
  return deepest.reduce((best, cell) => (distance(cell) < distance(best) ? cell : best));
}
