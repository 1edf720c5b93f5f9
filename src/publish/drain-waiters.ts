/** Those who wait until a publisher has nothing left to send. */
export class DrainWaiters {
  readonly #waiting = new Set<() => void>();

  get isAnyoneWaiting(): boolean {
    return this.#waiting.size > 0;
  }

  /** Resolves with the next `wake`, or after `timeoutMs`. */
  async wait(timeoutMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#waiting.delete(done);
        resolve();
      };
      const timer = setTimeout(done, timeoutMs);
      this.#waiting.add(done);
    });
  }

  /** Nothing is left to send. */
  wake(): void {
    for (const done of this.#waiting) done();
  }
}
