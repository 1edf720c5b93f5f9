import { Counter, Gauge, type Registry } from 'prom-client';
import type { Publisher } from './publisher.ts';

/** Registers the metrics that are read from publishers at every scrape. */
export function registerPublisherMetrics(registry: Registry, publishers: () => Iterable<Publisher>): void {
  const registers = [registry];
  new Counter({
    name: 'trackcast_publisher_messages_total',
    help: 'Messages by what happened to them; resent ones were published before.',
    labelNames: ['publisher', 'outcome'],
    registers,
    collect() {
      this.reset();
      for (const publisher of publishers()) {
        const { published, confirmed, nacked, resent } = publisher.counters();
        for (const [outcome, count] of Object.entries({ published, confirmed, nacked, resent })) {
          this.inc({ publisher: publisher.name, outcome }, count);
        }
      }
    },
  });
  new Counter({
    name: 'trackcast_publisher_dropped_total',
    help: 'Messages given up.',
    labelNames: ['publisher', 'reason'],
    registers,
    collect() {
      this.reset();
      for (const publisher of publishers()) {
        for (const [reason, count] of Object.entries(publisher.counters().dropped)) {
          this.inc({ publisher: publisher.name, reason }, count);
        }
      }
    },
  });
  new Gauge({
    name: 'trackcast_publisher_queued_messages',
    help: 'Messages that wait or are unconfirmed.',
    labelNames: ['publisher'],
    registers,
    collect() {
      for (const publisher of publishers()) {
        this.set({ publisher: publisher.name }, publisher.counters().queuedMessages);
      }
    },
  });
  new Gauge({
    name: 'trackcast_publisher_queued_bytes',
    help: 'Bytes that wait or are unconfirmed.',
    labelNames: ['publisher'],
    registers,
    collect() {
      for (const publisher of publishers()) {
        this.set({ publisher: publisher.name }, publisher.counters().queuedBytes);
      }
    },
  });
}
