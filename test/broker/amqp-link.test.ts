import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backoffMs, defaultBackoff } from '../../src/broker/amqp-link.ts';

describe('backoffMs', () => {
  it('doubles up to its limit', () => {
    const backoff = { initialMs: 100, maxMs: 1_000, factor: 2, jitter: 0 };
    expect([0, 1, 2, 3, 4, 5].map((attempt) => backoffMs(backoff, attempt, 0.9))).toEqual([
      100, 200, 400, 800, 1_000, 1_000,
    ]);
  });

  it('takes off a random share, so that programs do not come back all at once', () => {
    const backoff = { initialMs: 100, maxMs: 1_000, factor: 2, jitter: 0.5 };
    expect(backoffMs(backoff, 0, 0)).toBe(100);
    expect(backoffMs(backoff, 0, 0.5)).toBe(75);
    expect(backoffMs(backoff, 10, 0.5)).toBe(750);
  });

  it('stays within its bounds, however often it has failed', () => {
    fc.assert(
      fc.property(
        fc.nat(100_000),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (attempt, random) => {
          const wait = backoffMs(defaultBackoff, attempt, random);
          expect(wait).toBeGreaterThanOrEqual(defaultBackoff.initialMs * (1 - defaultBackoff.jitter));
          expect(wait).toBeLessThanOrEqual(defaultBackoff.maxMs);
        },
      ),
    );
  });
});
