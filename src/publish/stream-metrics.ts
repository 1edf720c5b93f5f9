import { Counter, Gauge, type Registry } from 'prom-client';
import { framesInFlight, type StreamReading, type StreamTotals } from './stream-totals.ts';

type Readings = () => Iterable<StreamReading>;

/** Registers the metrics that are read from streams at every scrape. Readings with the same label are summed. */
export function registerStreamMetrics(registry: Registry, readings: Readings): void {
  plainCounter(registry, readings, 'frames_received', 'Frames whose access unit arrived.', (t) => t.received);
  plainCounter(registry, readings, 'chunks_received', 'Chunks taken from a source.', (t) => t.chunks);
  plainCounter(registry, readings, 'chunk_bytes', 'Bytes of the chunks taken.', (t) => t.bytes);
  plainCounter(registry, readings, 'segmentations', 'Runs of the image encoder.', (t) => t.segmentations);
  plainCounter(registry, readings, 'prompts', 'Prompts that strategies made.', (t) => t.prompts);
  splitCounter(registry, readings, 'frames_tracked', 'provenance', 'Frames with tracks.', (t) => t.tracked);
  splitCounter(registry, readings, 'frames_dropped', 'reason', 'Frames skipped.', (t) => t.dropped);
  splitCounter(registry, readings, 'frames_failed', 'stage', 'Frames lost to an error.', (t) => t.failed);
  splitCounter(registry, readings, 'track_events', 'kind', 'Changes of objects.', (t) => t.trackEvents);
  splitCounter(registry, readings, 'reprompts', 'cause', 'Rounds of prompting.', (t) => t.reprompts);
  splitCounter(
    registry,
    readings,
    'rejected_candidates',
    'reason',
    'Candidates not made into objects.',
    (t) => t.rejectedCandidates,
  );
  splitCounter(
    registry,
    readings,
    'identity_decisions',
    'decision',
    'Decisions about identities.',
    (t) => t.identities,
  );
  streamGauges(registry, readings);
}

function plainCounter(
  registry: Registry,
  readings: Readings,
  name: string,
  help: string,
  read: (totals: StreamTotals) => number,
): void {
  new Counter({
    name: `trackcast_${name}_total`,
    help,
    labelNames: ['stream'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { label, totals } of readings()) this.inc({ stream: label }, read(totals));
    },
  });
}

function splitCounter(
  registry: Registry,
  readings: Readings,
  name: string,
  by: string,
  help: string,
  read: (totals: StreamTotals) => Readonly<Record<string, number>>,
): void {
  new Counter({
    name: `trackcast_${name}_total`,
    help,
    labelNames: ['stream', by],
    registers: [registry],
    collect() {
      this.reset();
      for (const { label, totals } of readings()) {
        for (const [key, value] of Object.entries(read(totals)))
          this.inc({ stream: label, [by]: key }, value);
      }
    },
  });
}

function streamGauges(registry: Registry, readings: Readings): void {
  new Gauge({
    name: 'trackcast_tracks',
    help: 'Objects on the newest frame.',
    labelNames: ['stream', 'state'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { label, tracks } of readings()) {
        for (const [state, count] of Object.entries(tracks)) this.inc({ stream: label, state }, count);
      }
    },
  });
  new Gauge({
    name: 'trackcast_ring_frames',
    help: 'Decoded frames that wait for the tracker.',
    labelNames: ['stream'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { label, ringFrames } of readings()) this.inc({ stream: label }, ringFrames);
    },
  });
  new Gauge({
    name: 'trackcast_frames_in_flight',
    help: 'Frames received and neither tracked, dropped nor failed yet.',
    labelNames: ['stream'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { label, totals } of readings())
        this.inc({ stream: label }, framesInFlight(totals.ledger()));
    },
  });
}
