/** Events in order of time; those of the same time in the order in which they were added. A binary heap. */
export class EventQueue<Event> {
  readonly #heap: { readonly atMs: number; readonly order: number; readonly event: Event }[] = [];
  #added = 0;

  add(atMs: number, event: Event): void {
    const heap = this.#heap;
    let at = heap.push({ atMs, order: this.#added++, event }) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#isBefore(at, parent)) return;
      this.#swap(at, parent);
      at = parent;
    }
  }

  /** The next event; null when there is none. */
  take(): { readonly atMs: number; readonly event: Event } | null {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined) return null;
    if (heap.length === 0) return first;
    heap[0] = last;
    for (let at = 0; ; ) {
      const left = 2 * at + 1;
      const right = left + 1;
      let least = at;
      if (left < heap.length && this.#isBefore(left, least)) least = left;
      if (right < heap.length && this.#isBefore(right, least)) least = right;
      if (least === at) return first;
      this.#swap(at, least);
      at = least;
    }
  }

  #isBefore(a: number, b: number): boolean {
    const one = this.#heap[a];
    const other = this.#heap[b];
    if (one === undefined || other === undefined) return false;
    return one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order);
  }

  #swap(a: number, b: number): void {
    const heap = this.#heap;
    const held = heap[a];
    const other = heap[b];
    if (held === undefined || other === undefined) return;
    heap[a] = other;
    heap[b] = held;
  }
}
