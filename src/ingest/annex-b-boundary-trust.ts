const firstRequirement = 8;
const requirementGrowth = 16;

/**
 * Learns whether a stream's chunks end where its pictures end. Cameras send one access unit per chunk, but the
 * byte stream cannot say that a picture is complete: only the next start code does. So a chunk's end is taken
 * for a picture's end after the last 8 chunk ends, without exception, have turned out to be such. One exception
 * withdraws the trust and multiplies the number to prove by 16.
 */
export class BoundaryTrust {
  #run = 0;
  #required = firstRequirement;

  get trusted(): boolean {
    return this.#run >= this.#required;
  }

  /** Tells what the end of a chunk turned out to be, once the following chunk has shown it. */
  learn(boundary: 'between_pictures' | 'inside_picture'): void {
    if (boundary === 'between_pictures') {
      this.#run += 1;
      return;
    }
    this.#run = 0;
    this.#required = Math.min(this.#required * requirementGrowth, Number.MAX_SAFE_INTEGER);
  }
}
