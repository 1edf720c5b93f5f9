import type { ExecutionProvider } from '../runtime.ts';

/**
 * Sizes of batches on graphics processors: 1, 2, 3, 4, 6, 8, 12, 16, 24 and so on. There, kernels are chosen or compiled
 * when a shape comes for the first time, for up to seconds. With few sizes, all of them can be run before they are needed,
 * and what is added to a batch to fill it is less than half of it. A CPU takes every size as it comes.
 */
export class BatchSizes {
  readonly #isFixed: boolean;

  constructor(provider: ExecutionProvider) {
    this.#isFixed = provider !== 'cpu';
  }

  /** The largest batch of not more than `limit`. */
  within(limit: number): number {
    return this.#isFixed ? (this.upTo(limit).at(-1) ?? 1) : limit;
  }

  /** The items, and the last one again as often as the next size demands. */
  filled<Item>(items: readonly Item[]): Item[] {
    const size = this.#isFixed ? nextSize(items.length) : items.length;
    return Array.from({ length: size }, (_, at) => items[Math.min(at, items.length - 1)] as Item);
  }

  /** Sizes up to `limit` whose first run takes longer than later ones; on a CPU there are none. */
  upTo(limit: number): number[] {
    const sizes: number[] = [];
    if (!this.#isFixed) return sizes;
    for (let size = 1; size <= limit; size = nextSize(size + 1)) sizes.push(size);
    return sizes;
  }
}

/** The least power of two, or three times such a power, that is not below `count`. */
function nextSize(count: number): number {
  const power = 2 ** Math.ceil(Math.log2(count));
  return count <= power * 0.75 && power >= 4 ? power * 0.75 : power;
}
