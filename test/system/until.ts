import { vi } from 'vitest';

// Programs are started, models are loaded, and other tests want the same processors.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 });

/** Resolves when `check` passes; fails with its last complaint after a while that is ample for a whole service. */
export function until<T>(check: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(check, { timeout: 45_000, interval: 50 });
}
