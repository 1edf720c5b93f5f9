/**
 * Which pictures to call damaged: from the first one that lost something to the next IDR picture, because each
 * is predicted from those before. Pictures are numbered in decoding order.
 */
export class DamageRecord {
  #groupStart = 0;
  #damagedFrom: number | null = null;

  /** Number of the newest IDR picture. */
  get groupStart(): number {
    return this.#groupStart;
  }

  startGroup(number: number): void {
    this.#groupStart = number;
  }

  /** The picture `number` lost something. */
  mark(number: number): void {
    if (this.#damagedFrom === null || this.#damagedFrom < this.#groupStart || number < this.#damagedFrom) {
      this.#damagedFrom = number;
    }
  }

  /** @param groupStart number of the IDR picture that the picture depends on */
  isDamaged(number: number, groupStart: number): boolean {
    return this.#damagedFrom !== null && this.#damagedFrom >= groupStart && this.#damagedFrom <= number;
  }
}
