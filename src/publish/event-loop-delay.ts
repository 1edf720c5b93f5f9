import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Gauge, type Registry } from 'prom-client';

const resolutionMs = 10;

/** Shows how late this thread's timers are. Measures until it is disabled. */
export function registerEventLoopDelay(registry: Registry): { disable(): void } {
  const eventLoop = monitorEventLoopDelay({ resolution: resolutionMs });
  eventLoop.enable();
  new Gauge({
    name: 'trackcast_event_loop_delay_p99_seconds',
    help: 'Delay of the main thread since the last scrape, 99th percentile.',
    registers: [registry],
    collect() {
      // Node's histogram holds the sampling interval along with the delay.
      const seconds = eventLoop.percentile(99) / 1e9 - resolutionMs / 1000;
      this.set(Number.isFinite(seconds) ? Math.max(0, seconds) : 0);
      eventLoop.reset();
    },
  });
  return eventLoop;
}
