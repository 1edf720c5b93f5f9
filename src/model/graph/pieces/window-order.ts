/** Windows of one size, which lie one after the other. */
export interface WindowGroup {
  /** How many there are in each picture. */
  readonly windows: number;
  /** Tokens of each. */
  readonly tokens: number;
  /** Tokens that each lacks because the picture ends within it. */
  readonly missing: number;
}

/**
 * An order of a square grid's tokens in which each attention window's tokens lie together, and within a window the
 * four that pooling joins. Everything but attention between tokens is the same in any order, so the tokens of
 * several layers can stay in one.
 */
export interface WindowOrder {
  /** Side of the grid. */
  readonly side: number;
  /** Side of a whole window. */
  readonly window: number;
  /** Row-major index of the token at each place. */
  readonly tokens: Int32Array;
  readonly groups: readonly WindowGroup[];
}

/**
 * Whole windows come first, then those that the right and the lower border cut, then that of the corner.
 *
 * @param side of the grid
 * @param window side of a whole window
 * @param poolings how often 2x2 tokens can be joined into one, without changing the order otherwise
 * @throws RangeError when windows cannot be pooled that often
 */
export function windowOrder(side: number, window: number, poolings: number): WindowOrder {
  const whole = Math.floor(side / window);
  const rest = side % window;
  const quads = 2 ** poolings;
  if (window % quads !== 0 || rest % quads !== 0) {
    throw new RangeError(`windows of ${window} in a grid of ${side} cannot be pooled ${poolings} times`);
  }
  const groups: WindowGroup[] = [];
  const tokens = new Int32Array(side * side);
  let count = 0;
  const add = (top: number, left: number, rows: number, columns: number) => {
    for (const [row, column] of quadOrder(rows, columns, poolings)) {
      tokens[count++] = (top + row) * side + left + column;
    }
  };
  const close = (windows: number, size: number) => {
    if (windows > 0 && size > 0) groups.push({ windows, tokens: size, missing: window * window - size });
  };
  for (let y = 0; y < whole; y++) {
    for (let x = 0; x < whole; x++) add(y * window, x * window, window, window);
  }
  close(whole * whole, window * window);
  for (let y = 0; y < whole; y++) add(y * window, whole * window, window, rest);
  for (let x = 0; x < whole; x++) add(whole * window, x * window, rest, window);
  close(2 * whole, window * rest);
  add(whole * window, whole * window, rest, rest);
  close(1, rest * rest);
  return { side, window, tokens, groups };
}

/** The order after 2x2 tokens were joined into one: that of every fourth token, in a grid of half the side. */
export function pooledOrder(order: WindowOrder): WindowOrder {
  const side = order.side / 2;
  const tokens = new Int32Array(side * side);
  for (let at = 0; at < tokens.length; at++) {
    const token = order.tokens[at * 4] as number;
    tokens[at] = Math.floor(token / order.side / 2) * side + Math.floor((token % order.side) / 2);
  }
  const groups = order.groups.map(({ windows, tokens: size, missing }) => ({
    windows,
    tokens: size / 4,
    missing: missing / 4,
  }));
  return { side, window: order.window / 2, tokens, groups };
}

/** Where the token at each place of the order `to` lies in the order `from`; both are of one grid. */
export function reordering(from: ArrayLike<number>, to: ArrayLike<number>): number[] {
  const places = new Int32Array(from.length);
  for (let place = 0; place < from.length; place++) places[from[place] as number] = place;
  return Array.from(to, (token) => places[token] as number);
}

/** Tokens `[row, column]` of a window, those of 2x2 next to each other, and of 4x4 by 2x2, as often as asked. */
function quadOrder(rows: number, columns: number, depth: number): (readonly [number, number])[] {
  if (depth > 0) {
    return quadOrder(rows / 2, columns / 2, depth - 1).flatMap(([row, column]) =>
      quadOrder(2, 2, 0).map(([y, x]) => [row * 2 + y, column * 2 + x] as const),
    );
  }
  return Array.from({ length: rows * columns }, (_, at) => [Math.floor(at / columns), at % columns] as const);
}
