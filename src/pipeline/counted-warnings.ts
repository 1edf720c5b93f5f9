import type { Logger } from '../log.ts';

/** Different warnings between two flushes; those beyond share one line. */
const maxKinds = 50;

/**
 * Warnings about what can happen for every chunk or frame: counted, and logged as one line per kind whenever
 * `flush` is called, so that bad input cannot flood the log.
 */
export class CountedWarnings {
  readonly #log: Logger;
  readonly #pending = new Map<
    string,
    { message: string; fields: Readonly<Record<string, unknown>>; times: number }
  >();

  constructor(log: Logger) {
    this.#log = log;
  }

  /** @param kind what makes the warning one of its kind, besides its message, such as a reason or a stream id */
  count(
    message: string,
    kind: Readonly<Record<string, string>>,
    details: Readonly<Record<string, unknown>> = {},
  ) {
    const name = JSON.stringify([message, kind]);
    const key = this.#pending.has(name) || this.#pending.size < maxKinds ? name : 'others';
    const known = this.#pending.get(key);
    if (known === undefined) {
      const fields = { ...kind, ...details };
      this.#pending.set(key, { message: key === name ? message : 'further warnings', fields, times: 1 });
    } else {
      known.times++;
    }
  }

  flush(): void {
    for (const { message, fields, times } of this.#pending.values()) {
      this.#log.warn({ ...fields, times }, message);
    }
    this.#pending.clear();
  }
}
