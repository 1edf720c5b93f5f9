import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { PipelineMetrics, type PipelineMetricsOptions } from '../../src/publish/metrics.ts';
import type { Publisher } from '../../src/publish/publisher.ts';
import { dropReasons, framesInFlight } from '../../src/publish/stream-totals.ts';
import { exampleFrame, exampleTrack } from './example-messages.ts';

const opened: PipelineMetrics[] = [];
afterEach(() => {
  for (const metrics of opened.splice(0)) metrics.close();
});

function open(options: PipelineMetricsOptions = {}): PipelineMetrics {
  const metrics = new PipelineMetrics({ processMetrics: false, ...options });
  opened.push(metrics);
  return metrics;
}

/** Value of one series, or undefined when it is not there. */
async function series(metrics: PipelineMetrics, name: string): Promise<number | undefined> {
  const line = (await metrics.text()).split('\n').find((text) => text.startsWith(`${name} `));
  return line === undefined ? undefined : Number(line.slice(name.length + 1));
}

async function sumOf(metrics: PipelineMetrics, name: string): Promise<number> {
  return (await metrics.text())
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
}

describe('PipelineMetrics', () => {
  it('keeps a ledger in which every frame has one outcome', () => {
    const step = fc.oneof(
      fc.constant('tracked' as const),
      fc.constant('failed' as const),
      fc.constantFrom(...dropReasons),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 50 }), (steps) => {
        const metrics = open();
        metrics.streamOpened('a');
        steps.forEach((outcome, index) => {
          metrics.framesReceived('a');
          if (outcome === 'tracked') metrics.frameTracked(exampleFrame('a', index));
          else if (outcome === 'failed') metrics.framesFailed('a', 'track');
          else metrics.framesDropped('a', outcome, 1);
        });
        const ledger = metrics.ledger('a');
        if (ledger === undefined) throw new Error('unreachable');
        expect(framesInFlight(ledger)).toBe(0);
        expect(ledger.received).toBe(steps.length);
        expect(ledger.tracked).toBe(steps.filter((outcome) => outcome === 'tracked').length);
        for (const reason of dropReasons) {
          expect(ledger.dropped[reason]).toBe(steps.filter((outcome) => outcome === reason).length);
        }
        metrics.close();
      }),
      { numRuns: 30 },
    );
  });

  it('shows counts, latencies and tracks of each stream', async () => {
    const metrics = open();
    metrics.streamOpened('a');
    metrics.chunkReceived('a', 1000);
    metrics.framesReceived('a', 3);
    const tracks = [exampleTrack(), exampleTrack({ id: 8, state: 'occluded' })];
    const events = [{ kind: 'created' as const, trackId: 7 }];
    metrics.frameTracked(exampleFrame('a', 1, { tracks, events }));
    metrics.framesDropped('a', 'stale', 2);
    metrics.framePublished('a', 0.002);
    metrics.ringFilled('a', 4);
    metrics.trackerCounted('a', {
      segmentations: 5,
      lastSegmentation: null,
      prompts: 6,
      reprompts: { interval: 1, scene_cut: 2, first_frame: 1 },
      rejectedCandidates: { area: 9 },
    });
    expect(await series(metrics, 'trackcast_chunk_bytes_total{stream="a"}')).toBe(1000);
    expect(await series(metrics, 'trackcast_frames_received_total{stream="a"}')).toBe(3);
    expect(await series(metrics, 'trackcast_frames_tracked_total{stream="a",provenance="segmented"}')).toBe(
      1,
    );
    expect(await series(metrics, 'trackcast_frames_dropped_total{stream="a",reason="stale"}')).toBe(2);
    expect(await series(metrics, 'trackcast_frames_in_flight{stream="a"}')).toBe(0);
    expect(await series(metrics, 'trackcast_track_events_total{stream="a",kind="created"}')).toBe(1);
    expect(await series(metrics, 'trackcast_tracks{stream="a",state="occluded"}')).toBe(1);
    expect(await series(metrics, 'trackcast_ring_frames{stream="a"}')).toBe(4);
    expect(await series(metrics, 'trackcast_segmentations_total{stream="a"}')).toBe(5);
    expect(await series(metrics, 'trackcast_reprompts_total{stream="a",cause="scene_cut"}')).toBe(2);
    const latency = 'trackcast_stage_latency_seconds_sum{stream="a",stage="end_to_end"}';
    expect(await series(metrics, latency)).toBeCloseTo(0.02234);
  });

  it('removes the series of a stream that closes, and never lets a sum fall', async () => {
    const metrics = open();
    metrics.streamOpened('a');
    metrics.streamOpened('b');
    metrics.framesReceived('a', 5);
    metrics.framesReceived('b', 7);
    metrics.frameTracked(exampleFrame('a', 0));
    expect(await sumOf(metrics, 'trackcast_frames_received_total')).toBe(12);
    expect(metrics.streamClosed('a')).toMatchObject({ received: 5, tracked: 1 });
    const text = await metrics.text();
    expect(text).not.toContain('stream="a"');
    expect(await sumOf(metrics, 'trackcast_frames_received_total')).toBe(12);
    expect(await series(metrics, 'trackcast_frames_received_total{stream="closed"}')).toBe(5);
    expect(await series(metrics, 'trackcast_streams')).toBe(1);
    metrics.framesDropped('a', 'stream_closed', 4);
    expect(metrics.ledger('a')).toBeUndefined();
    expect(
      await series(metrics, 'trackcast_frames_dropped_total{stream="closed",reason="stream_closed"}'),
    ).toBe(4);
  });

  it('bounds the number of series, and keeps exact ledgers beyond it', async () => {
    const metrics = open({ maxStreams: 2 });
    for (let index = 0; index < 10; index++) {
      metrics.streamOpened(`s${index}`);
      metrics.framesReceived(`s${index}`, index);
      metrics.frameTracked(exampleFrame(`s${index}`, 0));
    }
    const streams = new Set(
      [...(await metrics.text()).matchAll(/stream="([^"]+)"/g)].map(([, label]) => label),
    );
    expect(streams).toEqual(new Set(['s0', 's1', 'other', 'closed']));
    expect(metrics.ledger('s9')?.received).toBe(9);
    const others = 'trackcast_frames_received_total{stream="other"}';
    expect(await series(metrics, others)).toBe(44);
    metrics.streamClosed('s9');
    expect(await series(metrics, others)).toBe(44);
    metrics.streamClosed('s0');
    metrics.streamOpened('later');
    metrics.framesReceived('later', 3);
    expect(await series(metrics, 'trackcast_frames_received_total{stream="later"}')).toBe(3);
  });

  it('bounds reasons that come from outside', async () => {
    const metrics = open();
    for (let index = 0; index < 100; index++) metrics.chunkRejected(`reason-${index}`);
    expect(await series(metrics, 'trackcast_chunks_rejected_total{reason="reason-3"}')).toBe(1);
    expect(await series(metrics, 'trackcast_chunks_rejected_total{reason="other"}')).toBe(68);
  });

  it('shows publishers, the broker, settlements and live clients', async () => {
    const metrics = open();
    const publisher: Publisher = {
      name: 'amqp',
      publishFrame: () => {},
      publishEvent: () => {},
      drain: async () => {},
      close: async () => {},
      counters: () => ({
        published: 4,
        confirmed: 3,
        nacked: 0,
        resent: 2,
        dropped: { outbox_full: 1, refused: 0, slow_client: 0, closed: 0 },
        queuedMessages: 1,
        queuedBytes: 100,
      }),
    };
    metrics.watchPublisher(publisher);
    metrics.watchLiveClients(() => 3);
    metrics.brokerConnected('tracks', true);
    metrics.chunksSettled('ack', 12);
    metrics.segmentationRan(0.4);
    const resent = 'trackcast_publisher_messages_total{publisher="amqp",outcome="resent"}';
    expect(await series(metrics, resent)).toBe(2);
    expect(
      await series(metrics, 'trackcast_publisher_dropped_total{publisher="amqp",reason="outbox_full"}'),
    ).toBe(1);
    expect(await series(metrics, 'trackcast_publisher_queued_bytes{publisher="amqp"}')).toBe(100);
    expect(await series(metrics, 'trackcast_broker_connected{link="tracks"}')).toBe(1);
    expect(await series(metrics, 'trackcast_chunk_acknowledgements_total{kind="ack"}')).toBe(12);
    expect(await series(metrics, 'trackcast_websocket_clients')).toBe(3);
    expect(await series(metrics, 'trackcast_segmentation_seconds_sum')).toBe(0.4);
    expect(await sumOf(metrics, 'trackcast_model_ready')).toBe(0);
    metrics.modelReady('cuda');
    metrics.modelReady('cpu');
    expect(await series(metrics, 'trackcast_model_ready{provider="cpu"}')).toBe(1);
    expect(await sumOf(metrics, 'trackcast_model_ready')).toBe(1);
    metrics.modelReady(null);
    expect(await sumOf(metrics, 'trackcast_model_ready')).toBe(0);
    expect(await series(metrics, resent)).toBe(2);
  });

  it('names metrics as Prometheus advises', async () => {
    const metrics = open({ processMetrics: true });
    for (const line of (await metrics.text()).split('\n').filter((text) => text.startsWith('# TYPE'))) {
      const [, , name = '', type] = line.split(' ');
      expect(name).toMatch(/^trackcast_/);
      if (type === 'counter') expect(name).toMatch(/_total$/);
      if (type === 'histogram') expect(name).toMatch(/_seconds$/);
    }
  });

  it('measures the rate of tracked frames', () => {
    let nowMs = 10_000;
    const metrics = open({ nowMs: () => nowMs });
    metrics.streamOpened('a');
    expect(metrics.activity('a')?.fps).toBe(0);
    for (let index = 0; index < 150; index++) {
      metrics.frameTracked(exampleFrame('a', index));
      nowMs += 40;
    }
    expect(metrics.activity('a')).toMatchObject({ fps: 25, tracks: { active: 1, occluded: 0, lost: 0 } });
    nowMs += 60_000;
    expect(metrics.activity('a')?.fps).toBe(0);
  });
});
