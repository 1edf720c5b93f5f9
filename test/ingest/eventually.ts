import { vi } from 'vitest';

/** Resolves when `check` passes; fails with its last complaint after ten seconds. */
export function eventually<T>(check: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(check, { timeout: 10_000, interval: 10 });
}
