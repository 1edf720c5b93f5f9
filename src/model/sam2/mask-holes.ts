/** Logit of a filled hole: just inside. */
const filledLogit = 0.1;

/**
 * Fills small holes of a mask, in place: pixels that are not inside (logit 0 or less) and touch each other,
 * also at corners, become 0.1 where they are `maxArea` or fewer (`fill_holes_in_mask_scores` of the published
 * predictor). Specks of ground at the picture's border count as holes too.
 *
 * Works on runs of pixels, of which a mask has far fewer than pixels, and joins the runs of neighbouring rows
 * in a union-find forest. Its memory is used again by the next call.
 */
export class HoleFiller {
  #starts = new Int32Array(0);
  #ends = new Int32Array(0);
  /** Index of an earlier run of the same hole, or its own. */
  #parents = new Int32Array(0);
  /** Pixels of the hole, at its first run. */
  #areas = new Int32Array(0);

  /**
   * @param logits `height` rows of `width` values
   * @param maxArea of a hole to be filled, pixels
   * @throws RangeError for logits that are too few
   */
  fill(logits: Float32Array, width: number, height: number, maxArea: number): void {
    if (logits.length < width * height) {
      throw new RangeError(`a mask of ${width}x${height} has ${logits.length} logits only`);
    }
    this.#reserve(Math.ceil(width / 2) * height);
    let runs = 0;
    let above = 0;
    for (let row = 0; row < height; row++) {
      const first = runs;
      runs = this.#findRuns(logits, row * width, (row + 1) * width, runs);
      this.#joinRows(above, first, runs, width);
      above = first;
    }
    for (let run = 0; run < runs; run++) {
      if ((this.#areas[this.#rootOf(run)] as number) > maxArea) continue;
      logits.fill(filledLogit, this.#starts[run], this.#ends[run]);
    }
  }

  #reserve(runs: number): void {
    if (this.#starts.length >= runs) return;
    this.#starts = new Int32Array(runs);
    this.#ends = new Int32Array(runs);
    this.#parents = new Int32Array(runs);
    this.#areas = new Int32Array(runs);
  }

  /** Adds the runs of one row, from `begin` to `end`, and returns how many runs there are then. */
  #findRuns(logits: Float32Array, begin: number, end: number, known: number): number {
    let runs = known;
    let at = begin;
    while (at < end) {
      while (at < end && !((logits[at] as number) <= 0)) at++;
      if (at === end) break;
      const start = at;
      while (at < end && (logits[at] as number) <= 0) at++;
      this.#starts[runs] = start;
      this.#ends[runs] = at;
      this.#parents[runs] = runs;
      this.#areas[runs] = at - start;
      runs++;
    }
    return runs;
  }

  /** Joins the runs `above` to `first` with those of the next row, `first` to `end`, where they touch. */
  #joinRows(above: number, first: number, end: number, width: number): void {
    let upper = above;
    let lower = first;
    while (upper < first && lower < end) {
      const upperEnd = (this.#ends[upper] as number) + width;
      const lowerEnd = this.#ends[lower] as number;
      const upperStart = (this.#starts[upper] as number) + width;
      // Equal ends and starts touch at a corner.
      if (upperStart <= lowerEnd && (this.#starts[lower] as number) <= upperEnd) this.#join(upper, lower);
      if (upperEnd < lowerEnd) upper++;
      else lower++;
    }
  }

  #join(a: number, b: number): void {
    const rootA = this.#rootOf(a);
    const rootB = this.#rootOf(b);
    if (rootA === rootB) return;
    const [root, child] = rootA < rootB ? [rootA, rootB] : [rootB, rootA];
    this.#parents[child] = root;
    this.#areas[root] = (this.#areas[root] as number) + (this.#areas[child] as number);
  }

  #rootOf(run: number): number {
    const parents = this.#parents;
    let at = run;
    while (parents[at] !== at) {
      // Halving the path keeps the trees flat.
      const next = parents[parents[at] as number] as number;
      parents[at] = next;
      at = next;
    }
    return at;
  }
}
