import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { encodeClip } from '../ingest/clip-fixture.ts';
import { eventually } from '../ingest/eventually.ts';
import { HandFedSource, PipelineUnderTest } from './pipeline-fixture.ts';

const units = encodeClip({ frames: 20, gop: 5 });
const nothing = new Uint8Array(0);

let subject: PipelineUnderTest;

afterEach(async () => {
  await subject.stop();
});

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, at) => from + at);

describe('a pipeline', () => {
  it('tracks every frame of a recording, in order, and makes its source wait', async () => {
    subject = await PipelineUnderTest.start({}, { lossless: true });
    const { pipeline, source } = subject;
    await source.giveAll('a', units, { ends: true });
    await pipeline.idle();

    expect(subject.indices('a')).toEqual(range(0, 20));
    expect(subject.ended).toMatchObject([
      { streamId: 'a', end: { kind: 'ended' }, frames: { received: 20, tracked: 20, failed: 0 } },
    ]);
    expect(source.sequences('ack')).toEqual(range(0, 20));
  });

  it('accounts for every frame when a source pushes more than can be tracked', async () => {
    const many = encodeClip({ frames: 400, gop: 50, bFrames: 2 });
    subject = await PipelineUnderTest.start({ bufferFrames: 4 });
    const { pipeline, source } = subject;
    await Promise.all(['a', 'b'].map((streamId) => source.giveAll(streamId, many, { ends: true })));
    await pipeline.idle();

    subject.expectAllAccountedFor();
    for (const { frames, streamId } of subject.ended) {
      expect(frames.received).toBe(400);
      expect(frames.tracked).toBe(subject.indices(streamId).length);
      expect(frames.tracked).toBeGreaterThan(0);
      expect(frames.tracked).toBeLessThan(400);
      const indices = subject.indices(streamId);
      expect(indices).toEqual([...new Set(indices)].sort((a, b) => a - b));
    }
    expect(subject.ended).toHaveLength(2);
  });

  it('acknowledges up to the last keyframe, and gives the rest back in order when it stops', async () => {
    subject = await PipelineUnderTest.start();
    const { source, pipeline } = subject;
    await source.giveAll('a', units.slice(0, 13));
    await eventually(() => expect(subject.metrics.ledger('a')?.received).toBe(13));
    expect(source.sequences('ack')).toEqual(range(0, 10));

    await pipeline.stop();
    expect(source.sequences('ack')).toEqual(range(0, 10));
    expect(source.sequences('requeue')).toEqual([10, 11, 12]);
    subject.expectAllAccountedFor();
    expect(subject.ended).toMatchObject([{ frames: { received: 13 } }]);
  });

  it('accounts for pictures that a decoder holds back for their order when it is stopped', async () => {
    subject = await PipelineUnderTest.start();
    await subject.source.giveAll('a', encodeClip({ frames: 20, gop: 10, bFrames: 2 }).slice(0, 17));
    await eventually(() => expect(subject.metrics.ledger('a')?.received).toBe(17));
    await subject.stop();
    subject.expectAllAccountedFor();
    expect(subject.ended).toHaveLength(1);
  });

  it('gives chunks back that wait for the next life of their stream when it stops', async () => {
    subject = await PipelineUnderTest.start();
    const { source, pipeline } = subject;
    await source.giveAll('a', units, { ends: true });
    const waiting = source.give('a', 20, units[0] ?? nothing);
    await pipeline.stop();
    await waiting;
    const { settled } = source;
    expect(settled.filter(({ sequence }) => sequence === 20)).toMatchObject([{ settlement: 'requeue' }]);
    expect(source.sequences('reject')).toEqual([]);
  });

  it('continues frame and track numbers in the next life of a stream, under a later epoch', async () => {
    subject = await PipelineUnderTest.start({}, { lossless: true });
    const { source, pipeline } = subject;
    const prompt = {
      shape: { kind: 'box', box: { x: 20, y: 10, width: 40, height: 30 } },
      author: 'person',
    } as const;
    const ids: number[] = [];
    await pipeline.ready;
    for (const from of [0, 20]) {
      await source.giveAll('a', units.slice(0, 19), { from });
      await eventually(() => expect(subject.indices('a').at(-1)).toBe(from + 17));
      ids.push((await pipeline.control.prompt('a', prompt)).objectId);
      await source.give('a', from + 19, units[19] ?? nothing, { endOfStream: true });
      await pipeline.idle();
    }
    expect(subject.indices('a')).toEqual(range(0, 40));
    expect(new Set(ids).size).toBe(2);
    const [first = 0, second = 0] = subject.started.map(({ epoch }) => epoch);
    expect(second).toBeGreaterThan(first);
    expect(new Set(subject.frames.map(({ epoch }) => epoch))).toEqual(new Set([first, second]));
  });

  it('takes chunks that arrive while a stream ends as the beginning of its next life', async () => {
    subject = await PipelineUnderTest.start();
    const { source, pipeline } = subject;
    await source.giveAll('a', units, { ends: true });
    // Without waiting: the first life is still being tracked.
    await source.giveAll('a', units, { from: 20, ends: true });
    await pipeline.idle();
    expect(subject.ended).toMatchObject([{ frames: { received: 20 } }, { frames: { received: 20 } }]);
    subject.expectAllAccountedFor();
    expect(source.sequences('ack')).toEqual(range(0, 40));
  });

  it('does not open an ended stream again for chunks that are redelivered, but for the same recording sent again', async () => {
    subject = await PipelineUnderTest.start({}, { lossless: true });
    const { source, pipeline } = subject;
    await source.giveAll('a', units, { ends: true });
    await pipeline.idle();
    await source.giveAll('a', units.slice(-3), { from: 17, ends: true, redelivered: true });
    expect(subject.started).toHaveLength(1);
    expect(source.sequences('ack')).toHaveLength(23);

    await source.giveAll('a', units, { ends: true, redelivered: false });
    await pipeline.idle();
    expect(subject.started).toHaveLength(2);
    expect(subject.units('a')).toHaveLength(40);
  });

  it('begins anew with a camera whose clock and numbers begin anew', async () => {
    subject = await PipelineUnderTest.start({}, { lossless: true });
    const { source, pipeline } = subject;
    await source.giveAll('a', units, { from: 100 });
    for (const [sequence, unit] of units.entries()) {
      await source.give('a', sequence, unit, { timestampNs: BigInt(sequence), endOfStream: sequence === 19 });
    }
    await pipeline.idle();
    expect(subject.ended.map(({ frames }) => frames.tracked)).toEqual([20, 20]);
    expect(subject.indices('a')).toEqual(range(0, 40));
    expect(source.sequences('ack')).toHaveLength(40);
    subject.expectAllAccountedFor();
  });

  it('refuses streams beyond the limit until there is room', async () => {
    subject = await PipelineUnderTest.start({ maxStreams: 1 });
    const { source, pipeline } = subject;
    const [first = nothing] = units;
    await source.give('a', 0, first);
    await source.give('b', 0, first);
    await source.give('b', 1, first);
    expect(source.sequences('reject', 'b')).toEqual([0, 1]);
    expect(await subject.metrics.text()).toContain(
      'trackcast_chunks_rejected_total{reason="stream_limit"} 2',
    );

    await source.give('a', 1, nothing, { endOfStream: true });
    await pipeline.idle();
    await source.giveAll('b', units, { ends: true });
    await pipeline.idle();
    expect(subject.ended.map(({ streamId }) => streamId)).toEqual(['a', 'b']);
  });

  it('refuses a second publisher of a stream that is open', async () => {
    subject = await PipelineUnderTest.start();
    const { source, pipeline } = subject;
    const intruder = new HandFedSource('intruder');
    await pipeline.attach(intruder, { lossless: false });
    const [first = nothing] = units;
    await source.give('a', 0, first);
    await intruder.give('a', 0, first);
    await intruder.give('b', 0, first);
    expect(intruder.sequences('reject')).toEqual([0]);
    expect(pipeline.control.list().map(({ id }) => id)).toEqual(['a', 'b']);
  });

  it('ends a stream that falls silent, and tracks what had come of it', async () => {
    subject = await PipelineUnderTest.start({ streamTimeoutSeconds: 0.2 }, { lossless: true });
    const { source, pipeline } = subject;
    await source.giveAll('a', units);
    await pipeline.idle();
    expect(subject.ended).toMatchObject([{ end: { kind: 'ended' }, frames: { received: 20, tracked: 20 } }]);
    expect(source.sequences('ack')).toEqual(range(0, 20));
    expect(pipeline.control.list()).toEqual([]);
  });

  it('does not let garbage in one stream disturb another, and counts it', async () => {
    subject = await PipelineUnderTest.start({}, { lossless: true });
    const { source, pipeline } = subject;
    const noise = Uint8Array.from({ length: 5000 }, (_, at) => (at * 7919 + (at >> 3)) & 0xff);
    await Promise.all([
      source.giveAll(
        'bad',
        units.map(() => noise),
        { ends: true },
      ),
      source.giveAll('good', units, { ends: true }),
    ]);
    await pipeline.idle();
    expect(subject.indices('good')).toEqual(range(0, 20));
    expect(subject.ended.map(({ streamId }) => streamId).sort()).toEqual(['bad', 'good']);
    subject.expectAllAccountedFor();
  });

  it('lets a source go on that would wait for a keyframe with all its chunks unsettled', async () => {
    const long = encodeClip({ frames: 100, gop: 200 });
    subject = await PipelineUnderTest.start({}, { maxUnsettled: 20 });
    const { source } = subject;
    for (const [sequence, unit] of long.entries()) {
      // As a broker does: nothing more while 20 are unsettled.
      await eventually(() => expect(sequence - source.settled.length).toBeLessThan(20));
      await source.give('a', sequence, unit);
      await delay(10);
    }
    expect(source.sequences('ack').length).toBeGreaterThanOrEqual(80);
  });
});
