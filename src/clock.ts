/**
 * Milliseconds of the machine's monotonic clock. Unlike `performance.now()`, all threads of a process share
 * its origin, so that a time taken in one thread can be subtracted from a time taken in another.
 */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
