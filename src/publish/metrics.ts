import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { monotonicMs } from '../clock.ts';
import type { TrackFrame } from '../tracker/track.ts';
import type { TrackerCounters } from '../tracker/video-tracker.ts';
import { registerEventLoopDelay } from './event-loop-delay.ts';
import type { Publisher } from './publisher.ts';
import { registerPublisherMetrics } from './publisher-metrics.ts';
import { RateMeter } from './rate-meter.ts';
import { registerStreamMetrics } from './stream-metrics.ts';
import {
  type DropReason,
  type FailureStage,
  type FrameLedger,
  type StreamReading,
  StreamTotals,
  type TracksByState,
} from './stream-totals.ts';

export interface PipelineMetricsOptions {
  /** Streams with series of their own at any time; those beyond share the label `other`. */
  readonly maxStreams?: number;
  /** Node's own metrics; they keep a timer and an observer running. */
  readonly processMetrics?: boolean;
  readonly nowMs?: () => number;
}

/** Label of streams beyond the limit. */
const otherStreams = 'other';
/** Label of the totals of streams that have ended, so that sums over streams never fall. */
const closedStreams = 'closed';

const latencyBuckets = [
  0.001, 0.0025, 0.005, 0.01, 0.02, 0.033, 0.05, 0.067, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10,
];
const latencyStages = ['decode', 'queue', 'track', 'publish', 'end_to_end'] as const;
/** Reasons come from other parts of the program; this many get a series, the rest share one. */
const maxReasons = 32;

/** What is known of an open stream. */
interface OpenStream {
  readonly label: string;
  readonly totals: StreamTotals;
  readonly rate: RateMeter;
  tracks: TracksByState;
  ringFrames: number;
}

/** What a stream has done so far. */
export interface StreamActivity {
  readonly ledger: FrameLedger;
  readonly tracks: Readonly<TracksByState>;
  /** Tracked frames per second, over the last seconds. */
  readonly fps: number;
}

/**
 * Counts what happens, exactly, per stream, and shows it to Prometheus. Calls for streams that are not open count
 * towards those that have closed.
 */
export class PipelineMetrics {
  readonly registry = new Registry();
  readonly #maxStreams: number;
  readonly #nowMs: () => number;
  readonly #streams = new Map<string, OpenStream>();
  readonly #closed: StreamReading = emptyReading(closedStreams);
  readonly #closedOthers: StreamReading = emptyReading(otherStreams);
  readonly #publishers: Publisher[] = [];
  readonly #reasons = new Set<string>();
  readonly #stageLatency: Histogram<'stream' | 'stage'>;
  readonly #segmentation: Histogram;
  readonly #rejectedChunks: Counter<'reason'>;
  readonly #acknowledgements: Counter<'kind'>;
  readonly #broker: Gauge<'link'>;
  readonly #model: Gauge<'provider'>;
  readonly #eventLoop: { disable(): void };
  #liveClients: () => number = () => 0;

  constructor(options: PipelineMetricsOptions = {}) {
    this.#maxStreams = options.maxStreams ?? 64;
    this.#nowMs = options.nowMs ?? monotonicMs;
    const registers = [this.registry];
    if (options.processMetrics ?? true) {
      collectDefaultMetrics({ register: this.registry, prefix: 'trackcast_' });
    }
    registerStreamMetrics(this.registry, () => this.#readings());
    registerPublisherMetrics(this.registry, () => this.#publishers);
    this.#stageLatency = new Histogram({
      name: 'trackcast_stage_latency_seconds',
      help: 'Time that a frame spent in a stage; end_to_end is from the arrival of its last chunk to its tracks.',
      labelNames: ['stream', 'stage'],
      buckets: latencyBuckets,
      registers,
    });
    this.#segmentation = new Histogram({
      name: 'trackcast_segmentation_seconds',
      help: 'Duration of one run of the segmentation model.',
      buckets: latencyBuckets,
      registers,
    });
    this.#rejectedChunks = new Counter({
      name: 'trackcast_chunks_rejected_total',
      help: 'Chunks refused for good.',
      labelNames: ['reason'],
      registers,
    });
    this.#acknowledgements = new Counter({
      name: 'trackcast_chunk_acknowledgements_total',
      help: 'Chunks settled at their source.',
      labelNames: ['kind'],
      registers,
    });
    this.#broker = new Gauge({
      name: 'trackcast_broker_connected',
      help: '1 while a connection to the broker is up.',
      labelNames: ['link'],
      registers,
    });
    this.#model = new Gauge({
      name: 'trackcast_model_ready',
      help: '1 while the model is ready on this execution provider.',
      labelNames: ['provider'],
      registers,
    });
    const liveClients = () => this.#liveClients();
    new Gauge({
      name: 'trackcast_websocket_clients',
      help: 'Live clients connected now.',
      registers,
      collect() {
        this.set(liveClients());
      },
    });
    const openStreams = () => this.#streams.size;
    new Gauge({
      name: 'trackcast_streams',
      help: 'Open streams.',
      registers,
      collect() {
        this.set(openStreams());
      },
    });
    this.#eventLoop = registerEventLoopDelay(this.registry);
  }

  streamOpened(streamId: string): void {
    if (this.#streams.has(streamId)) return;
    let own = 0;
    for (const { label } of this.#streams.values()) if (label !== otherStreams) own += 1;
    const label = own < this.#maxStreams ? streamId : otherStreams;
    this.#streams.set(streamId, { ...emptyReading(label), rate: new RateMeter() });
  }

  /** Removes the stream's series; its counts live on in the sums. Returns the last state of its ledger. */
  streamClosed(streamId: string): FrameLedger | undefined {
    const stream = this.#streams.get(streamId);
    if (stream === undefined) return undefined;
    this.#streams.delete(streamId);
    if (stream.label === otherStreams) {
      this.#closedOthers.totals.add(stream.totals);
    } else {
      this.#closed.totals.add(stream.totals);
      for (const stage of latencyStages) this.#stageLatency.remove({ stream: stream.label, stage });
    }
    return stream.totals.ledger();
  }

  chunkReceived(streamId: string, bytes: number): void {
    const totals = this.#totals(streamId);
    totals.chunks += 1;
    totals.bytes += bytes;
  }

  chunkRejected(reason: string): void {
    if (this.#reasons.size < maxReasons) this.#reasons.add(reason);
    this.#rejectedChunks.inc({ reason: this.#reasons.has(reason) ? reason : 'other' });
  }

  chunksSettled(kind: 'ack' | 'requeue' | 'reject', count = 1): void {
    this.#acknowledgements.inc({ kind }, count);
  }

  framesReceived(streamId: string, count = 1): void {
    this.#totals(streamId).received += count;
  }

  frameTracked(trackFrame: TrackFrame): void {
    const { streamId } = trackFrame.frame;
    const totals = this.#totals(streamId);
    totals.tracked[trackFrame.provenance] += 1;
    for (const { kind } of trackFrame.events) totals.trackEvents[kind] += 1;
    const stream = this.#streams.get(streamId);
    if (stream === undefined) return;
    stream.rate.count(this.#nowMs());
    stream.tracks = { active: 0, occluded: 0, lost: 0 };
    for (const { state } of trackFrame.tracks) stream.tracks[state] += 1;
    const { decode, queue, track, total } = trackFrame.latencyMs;
    this.#observe(stream.label, 'decode', decode / 1000);
    this.#observe(stream.label, 'queue', queue / 1000);
    this.#observe(stream.label, 'track', track / 1000);
    this.#observe(stream.label, 'end_to_end', total / 1000);
  }

  framesDropped(streamId: string, reason: DropReason, count = 1): void {
    this.#totals(streamId).dropped[reason] += count;
  }

  framesFailed(streamId: string, stage: FailureStage, count = 1): void {
    this.#totals(streamId).failed[stage] += count;
  }

  /** @param seconds from the end of tracking to the message being with all publishers */
  framePublished(streamId: string, seconds: number): void {
    const stream = this.#streams.get(streamId);
    if (stream !== undefined) this.#observe(stream.label, 'publish', seconds);
  }

  segmentationRan(seconds: number): void {
    this.#segmentation.observe(seconds);
  }

  /** @param provider that the model runs on; null while there is no model */
  modelReady(provider: string | null): void {
    this.#model.reset();
    if (provider !== null) this.#model.set({ provider }, 1);
  }

  /** Takes over what a stream's tracker has counted since the stream opened. */
  trackerCounted(streamId: string, counters: TrackerCounters): void {
    this.#streams.get(streamId)?.totals.setTracker(counters);
  }

  /** Frames in the stream's ring that were not read yet. */
  ringFilled(streamId: string, frames: number): void {
    const stream = this.#streams.get(streamId);
    if (stream !== undefined) stream.ringFrames = frames;
  }

  /** @param link which connection, such as `chunks` or `tracks` */
  brokerConnected(link: string, isConnected: boolean): void {
    this.#broker.set({ link }, isConnected ? 1 : 0);
  }

  /** Shows a publisher's counters from now on. */
  watchPublisher(publisher: Publisher): void {
    this.#publishers.push(publisher);
  }

  watchLiveClients(count: () => number): void {
    this.#liveClients = count;
  }

  ledger(streamId: string): FrameLedger | undefined {
    return this.#streams.get(streamId)?.totals.ledger();
  }

  activity(streamId: string): StreamActivity | undefined {
    const stream = this.#streams.get(streamId);
    if (stream === undefined) return undefined;
    return {
      ledger: stream.totals.ledger(),
      tracks: { ...stream.tracks },
      fps: stream.rate.perSecond(this.#nowMs()),
    };
  }

  /** All metrics in Prometheus' text format. */
  async text(): Promise<string> {
    return this.registry.metrics();
  }

  /** Stops observing the event loop. */
  close(): void {
    this.#eventLoop.disable();
    this.registry.clear();
  }

  #totals(streamId: string): StreamTotals {
    return (this.#streams.get(streamId) ?? this.#closed).totals;
  }

  #observe(stream: string, stage: (typeof latencyStages)[number], seconds: number): void {
    this.#stageLatency.observe({ stream, stage }, Math.max(0, seconds));
  }

  *#readings(): Iterable<StreamReading> {
    yield this.#closed;
    yield this.#closedOthers;
    yield* this.#streams.values();
  }
}

function emptyReading(label: string): StreamReading {
  return { label, totals: new StreamTotals(), tracks: { active: 0, occluded: 0, lost: 0 }, ringFrames: 0 };
}
