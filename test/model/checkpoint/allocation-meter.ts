import { vi } from 'vitest';

/** Counts bytes of typed arrays that are made by length while a piece of work runs; views are not counted. */
export class AllocationMeter {
  #bytes = 0;

  /** Bytes that were asked for. */
  get bytes(): number {
    return this.#bytes;
  }

  start(): void {
    for (const each of [Uint8Array, Uint16Array, Uint32Array, Float32Array, Float64Array]) {
      const counted = new Proxy(each, {
        construct: (target, [first, ...others]: unknown[], newTarget) => {
          if (typeof first === 'number') this.#bytes += first * each.BYTES_PER_ELEMENT;
          return Reflect.construct(target, [first, ...others], newTarget) as object;
        },
      });
      vi.stubGlobal(each.name, counted);
    }
  }

  reset(): void {
    this.#bytes = 0;
  }

  stop(): void {
    vi.unstubAllGlobals();
  }
}
