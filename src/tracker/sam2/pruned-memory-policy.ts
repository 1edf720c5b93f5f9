import { fromHalf } from '../../model/graph/half-float.ts';
import type { Activations } from '../../model/sam2/sam2-runtime.ts';
import {
  type MemoryPolicy,
  type ObjectPolicy,
  type PolicyContext,
  type RecalledMemory,
  rankedByAge,
  type StoredMemory,
} from './memory-policy.ts';

/** Memories let go of at a time, so that comparisons are rare and most frames attend to less. */
const prunedAtOnce = 2;

/**
 * Pruning by usefulness (Surgical SAM 2, Liu et al. 2024, arXiv 2408.07931): when the memory is full, the frames that are
 * most like the newest one, by the cosine of their memories, are let go of. What stays differs, and may be old.
 */
export const prunedMemoryPolicy: MemoryPolicy = {
  wantsCandidates: false,
  open: (context) => new PrunedMemories(context),
};

class PrunedMemories implements ObjectPolicy {
  readonly #capacity: number;
  readonly #release: PolicyContext['release'];
  #kept: StoredMemory[] = [];

  constructor({ rows, release }: PolicyContext) {
    this.#capacity = rows - 1;
    this.#release = release;
  }

  get size(): number {
    return this.#kept.length;
  }

  keep(memory: StoredMemory): void {
    if (this.#kept.length >= this.#capacity) this.#prune(memory.memory);
    this.#kept.push(memory);
  }

  recall(): RecalledMemory[] {
    return rankedByAge(this.#kept);
  }

  clear(): void {
    for (const { memory } of this.#kept) this.#release(memory);
    this.#kept = [];
  }

  #prune(newest: Activations): void {
    const values = toNumbers(newest);
    const likest = this.#kept
      .map((stored) => ({ stored, likeness: cosine(toNumbers(stored.memory), values) }))
      .sort((a, b) => b.likeness - a.likeness)
      .slice(0, prunedAtOnce)
      .map(({ stored }) => stored);
    for (const { memory } of likest) this.#release(memory);
    this.#kept = this.#kept.filter((stored) => !likest.includes(stored));
  }
}

function toNumbers(values: Activations): Float32Array {
  return values instanceof Float32Array ? values : fromHalf(values);
}

function cosine(a: Float32Array, b: Float32Array): number {
  let product = 0;
  let lengthA = 0;
  let lengthB = 0;
  for (let at = 0; at < a.length; at++) {
    const [x, y] = [a[at] as number, b[at] as number];
    product += x * y;
    lengthA += x * x;
    lengthB += y * y;
  }
  return product / Math.sqrt(lengthA * lengthB || 1);
}
