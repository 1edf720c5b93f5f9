import { vi } from 'vitest';

/** Resolves when `check` passes; fails with its last complaint after a while that is ample for a whole service. */
export function until<T>(check: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(check, { timeout: 25_000, interval: 50 });
}
