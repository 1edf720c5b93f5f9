import type {
  MemoryPolicy,
  ObjectPolicy,
  PolicyContext,
  RecalledMemory,
  StoredMemory,
} from './memory-policy.ts';

/**
 * The published model's memory (Ravi et al. 2024, section 4): the last six frames, whatever they show. A frame that
 * is k frames back has row k - 1. Conditioning frames beyond the limit count as any other frame.
 */
export const recentMemoryPolicy: MemoryPolicy = {
  wantsCandidates: false,
  open: (context) => new RecentMemories(context),
};

class RecentMemories implements ObjectPolicy {
  readonly #reach: number;
  readonly #release: PolicyContext['release'];
  #kept: StoredMemory[] = [];

  constructor({ rows, release }: PolicyContext) {
    this.#reach = rows - 1;
    this.#release = release;
  }

  get size(): number {
    return this.#kept.length;
  }

  keep(memory: StoredMemory): void {
    // The next frame is one later at the earliest, and sees what is at most `reach` back.
    const oldest = memory.time + 1 - this.#reach;
    while (this.#kept[0] !== undefined && this.#kept[0].time < oldest) {
      this.#release((this.#kept.shift() as StoredMemory).memory);
    }
    this.#kept.push(memory);
  }

  recall(now: number, unselected: readonly StoredMemory[]): RecalledMemory[] {
    const recalled: RecalledMemory[] = [];
    for (let back = this.#reach; back > 0; back--) {
      const isThen = ({ time }: StoredMemory) => time === now - back;
      const stored = this.#kept.find(isThen) ?? unselected.find(isThen);
      if (stored !== undefined) recalled.push({ stored, row: back - 1 });
    }
    return recalled;
  }

  clear(): void {
    for (const { memory } of this.#kept) this.#release(memory);
    this.#kept = [];
  }
}
