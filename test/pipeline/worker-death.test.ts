import type { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it } from 'vitest';
import { spawnWorker } from '../../src/spawn-worker.ts';
import type { TrackingWorkerData } from '../../src/tracker/tracking-messages.ts';
import { encodeClip } from '../ingest/clip-fixture.ts';
import { eventually } from '../ingest/eventually.ts';
import { killWorker, PipelineUnderTest } from './pipeline-fixture.ts';

const units = encodeClip({ frames: 20, gop: 5 });
const sources = new URL('../../src/pipeline/pipeline.ts', import.meta.url).href;
const tracking: TrackingWorkerData = {
  kind: 'mobile_sam',
  settings: { strategy: 'none', repromptIntervalFrames: 30, maxObjects: 10, maxSegmentationsPerSecond: 5 },
  models: { executionProviders: ['cpu'], intraOpThreads: 1 },
  waitsForSegmentation: false,
};

let subject: PipelineUnderTest;
let decoders: Worker[] = [];
let trackers: Worker[] = [];

async function start(): Promise<void> {
  decoders = [];
  trackers = [];
  subject = await PipelineUnderTest.start({
    tracking,
    bufferFrames: 30,
    startDecodeWorker: () => remember(decoders, spawnWorker('../ingest/decode-worker', sources)),
    startTrackingWorker: () =>
      remember(trackers, spawnWorker('../tracker/tracking-worker', sources, { workerData: tracking })),
  });
}

function remember(workers: Worker[], worker: Worker): Worker {
  workers.push(worker);
  return worker;
}

afterEach(async () => {
  await subject.stop();
});

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, at) => from + at);

describe('when a decode worker dies', () => {
  it('gives unconfirmed chunks back in order, decodes them again, and publishes no frame twice', async () => {
    await start();
    const { source, pipeline } = subject;
    await subject.trackAll('a', units.slice(0, 13), { redelivered: false });
    await eventually(() => expect(subject.indices('a')).toHaveLength(13));
    killWorker(decoders[0]);
    await pipeline.idle();
    expect(subject.ended).toMatchObject([{ end: { kind: 'failed', code: 'TRACKCAST_WORKER_DIED' } }]);
    expect(source.sequences('requeue')).toEqual([10, 11, 12]);

    // Chunks that were on their way behind those given back keep their place.
    await source.giveAll('a', units.slice(13, 15), { from: 13, redelivered: false });
    expect(source.sequences('requeue')).toEqual(range(10, 15));
    expect(subject.started).toHaveLength(1);

    await subject.trackAll('a', units.slice(10, 15), { from: 10, redelivered: true });
    await subject.trackAll('a', units.slice(15), { from: 15, redelivered: false, ends: true });
    await pipeline.idle();
    expect(subject.units('a')).toEqual(range(0, 20).map((sequence) => `${sequence}:0`));
    expect(subject.ended[1]).toMatchObject({
      end: { kind: 'ended' },
      frames: { received: 10, tracked: 7, dropped: { already_published: 3 } },
    });
    expect(source.sequences('ack')).toEqual(range(0, 20));
    subject.expectAllAccountedFor();
    expect(decoders).toHaveLength(2);
  });

  it('accounts for frames whose counts died with it', async () => {
    await start();
    const { source, pipeline } = subject;
    for (const streamId of ['a', 'b']) void source.giveAll(streamId, units, { redelivered: false });
    await eventually(() => expect(subject.started).toHaveLength(2));
    killWorker(decoders[0]);
    await eventually(() => expect(subject.ended).toHaveLength(2));
    await pipeline.idle();
    subject.expectAllAccountedFor();
    for (const streamId of ['a', 'b']) {
      const ended = [...source.sequences('ack', streamId), ...source.sequences('requeue', streamId)];
      expect(ended).toEqual(range(0, 20));
    }
  });
});

describe('when the tracking worker dies', () => {
  it('fails its streams, starts another, and tracks what is delivered again', async () => {
    await start();
    const { source, pipeline } = subject;
    await subject.trackAll('a', units.slice(0, 13), { redelivered: false });
    await eventually(() => expect(subject.indices('a')).toHaveLength(13));
    killWorker(trackers[0]);
    await pipeline.idle();
    expect(subject.ended).toMatchObject([{ end: { kind: 'failed', code: 'TRACKCAST_WORKER_DIED' } }]);
    expect(pipeline.modelState).not.toBeNull();
    expect(source.sequences('requeue')).toEqual([10, 11, 12]);

    await subject.trackAll('a', units.slice(10), { from: 10, redelivered: true, ends: true });
    await pipeline.idle();
    expect(trackers).toHaveLength(2);
    expect(subject.units('a')).toEqual(range(0, 20).map((sequence) => `${sequence}:0`));
    expect(source.sequences('ack')).toEqual(range(0, 20));
    subject.expectAllAccountedFor();
    await eventually(() => expect(pipeline.modelState).toBeNull());
  });

  it('can be stopped before another one has started', async () => {
    await start();
    const { source, pipeline } = subject;
    killWorker(trackers[0]);
    await eventually(() => expect(pipeline.modelState).toContain('streamId'));
    const given = source.give('a', 0, units[0] ?? new Uint8Array(0));
    await pipeline.stop();
    await given;
    expect(source.settled).toMatchObject([{ settlement: 'requeue' }]);
  });
});
