import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { BrokerProxy, isBrokerThere } from '../ingest/broker-fixture.ts';
import { BrokerUnderTest } from './broker-under-test.ts';
import { sceneUnits } from './scene-clip.ts';
import { ProgramUnderTest, ServiceUnderTest } from './service-process.ts';
import { until } from './until.ts';

const hasBroker = await isBrokerThere();
const realClip = fileURLToPath(
  new URL('../../../shared/video/dev/surgical/video/laparoscopy_video3.mp4', import.meta.url),
);
if (!existsSync(realClip)) console.warn('SKIPPED: no real clip, the service is shown the generated scene.');

describe.skipIf(!hasBroker)('the service with a broker', () => {
  let folder: string;
  let broker: BrokerUnderTest;
  let programs: ProgramUnderTest[];

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'trackcast-system-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  beforeEach(async () => {
    programs = [];
    broker = await BrokerUnderTest.connect();
  });
  afterEach(async () => {
    await Promise.all(programs.map((program) => program.end()));
    expect(broker.malformed).toEqual([]);
    await broker.close();
  });

  async function serve(environment: Record<string, string> = {}): Promise<ServiceUnderTest> {
    const service = await ServiceUnderTest.start({ ...broker.environment, ...environment });
    programs.push(service);
    await until(async () => expect((await service.get('/readyz')).status).toBe(200));
    return service;
  }

  /** Publishes like a camera, one chunk in 40 ms, and goes on until told to stop. */
  function film(streamId: string, units: readonly Uint8Array[]) {
    const camera = { published: 0, isStopped: false, done: Promise.resolve() };
    camera.done = (async () => {
      for (const unit of units) {
        if (camera.isStopped) return;
        await broker.publish(streamId, camera.published, unit);
        camera.published += 1;
        await delay(40);
      }
    })();
    return camera;
  }

  async function endStream(streamId: string, sequence: number): Promise<void> {
    await broker.publish(streamId, sequence, new Uint8Array(0), { endOfStream: true });
    await until(() =>
      expect(broker.eventsOf('stream.ended').map((event) => event.streamId)).toContain(streamId),
    );
  }

  it('publishes tracks of every tracked frame of a clip split anywhere, once, and its numbers add up', async () => {
    let clip = realClip;
    if (!existsSync(clip)) {
      clip = join(folder, 'scene.h264');
      writeFileSync(clip, Buffer.concat(await sceneUnits(80, 25)));
    }
    const service = await serve();
    const publisher = new ProgramUnderTest(
      ['publish', clip, '--stream', 'or-3', '--chunk-bytes', '100-4000', '--loop'],
      broker.environment,
    );
    programs.push(publisher);
    const framesOfLongestTrack = () => {
      const lengths = new Map<number, number>([[0, 0]]);
      for (const { message } of broker.frames) {
        for (const { id } of message.tracks) lengths.set(id, (lengths.get(id) ?? 0) + 1);
      }
      return Math.max(...lengths.values());
    };
    await until(() => expect(framesOfLongestTrack()).toBeGreaterThan(40));
    publisher.signal('SIGINT');
    expect(await publisher.ended).toBe(0);
    expect(JSON.parse(publisher.stdout)).toMatchObject({ chunks: expect.any(Number) });
    await until(() => expect(broker.eventsOf('stream.ended')).toHaveLength(1));

    const [ended] = broker.eventsOf('stream.ended');
    const frames = await service.frames();
    expect(frames.received).toBe(frames.tracked + frames.dropped + frames.failed);
    expect(frames.failed).toBe(0);
    expect(ended?.frames).toEqual(frames);
    await until(() => expect(broker.frames).toHaveLength(frames.tracked));
    expect(new Set(broker.frames.map(({ messageId }) => messageId)).size).toBe(frames.tracked);
    expect(await service.metric('trackcast_frames_in_flight')).toBe(0);
    expect(await service.metric('trackcast_chunk_acknowledgements_total', 'kind="ack"')).toBe(
      JSON.parse(publisher.stdout).chunks,
    );

    const indices = broker.frames.map(({ message }) => message.frame.index);
    expect(indices).toEqual([...indices].sort((a, b) => a - b));
    expect(broker.eventsOf('track.created').length).toBeGreaterThan(0);
  });

  it('shows a picture before the next keyframe when its process was killed, under ids that tell repeats', async () => {
    const units = await sceneUnits(500, 1000);
    const settings = { INGEST_MAX_UNACKED_SECONDS: '60' };
    const first = await serve(settings);
    const camera = film('cam', units);
    await until(() => expect(broker.frames.length).toBeGreaterThan(20));
    first.signal('SIGKILL');
    expect(await first.ended).toBe('SIGKILL');
    const seen = broker.frames.length;
    const [firstEpoch = 0] = broker.frames.map(({ message }) => message.epoch);

    // The very port: nothing of the first process is left.
    const second = await serve({ ...settings, HTTP_PORT: new URL(first.address).port });
    await until(() => expect(broker.frames.length).toBeGreaterThan(seen + 20));
    const published = camera.published;
    camera.isStopped = true;
    await camera.done;
    expect(published).toBeLessThan(units.length);

    const later = broker.frames.slice(seen);
    expect(later.every(({ message }) => message.epoch > firstEpoch)).toBe(true);
    const sequenceOf = (messageId: string) => Number(messageId.split(':')[1]);
    const [opening] = later;
    expect(opening && sequenceOf(opening.messageId)).toBeLessThan(published);
    // Only the first picture of all was a keyframe: whatever is shown was decoded from there on.
    expect(opening?.message.frame.damaged).toBe(false);
    await until(() => {
      const newest = Math.max(...broker.frames.map(({ messageId }) => sequenceOf(messageId)));
      expect(newest).toBeGreaterThanOrEqual(published - 3);
    });
    const ofFirst = new Set(broker.frames.slice(0, seen).map(({ messageId }) => messageId));
    expect(ofFirst.size).toBe(seen);
    const ofSecond = broker.frames.slice(seen).map(({ messageId }) => messageId);
    expect(new Set(ofSecond).size).toBe(ofSecond.length);

    await endStream('cam', camera.published);
    const frames = await second.frames();
    expect(frames.received).toBe(camera.published);
    expect(frames.received).toBe(frames.tracked + frames.dropped + frames.failed);
  });

  it('goes on after the broker was away, and decodes every chunk once', async () => {
    const units = await sceneUnits(120, 25);
    const proxy = new BrokerProxy();
    await proxy.up();
    try {
      const service = await serve({ AMQP_URL: proxy.url });
      const camera = film('cam', units);
      await until(() => expect(broker.frames.length).toBeGreaterThan(10));
      await proxy.down();
      await until(async () => expect((await service.get('/readyz')).status).toBe(503));
      expect((await service.get('/healthz')).status).toBe(200);
      await delay(500);
      await proxy.up();
      await camera.done;
      await endStream('cam', camera.published);

      const frames = await service.frames();
      expect(frames.received).toBe(units.length);
      expect(frames.received).toBe(frames.tracked + frames.dropped + frames.failed);
      await until(() =>
        expect(new Set(broker.frames.map(({ messageId }) => messageId)).size).toBe(frames.tracked),
      );
      expect(new Set(broker.frames.map(({ message }) => message.epoch)).size).toBe(1);
      service.signal('SIGTERM');
      expect(await service.ended).toBe(0);
      expect(await broker.waitingChunks()).toBe(0);
    } finally {
      await proxy.down();
    }
  });

  it('gives what no keyframe has confirmed back to the broker when it is stopped', async () => {
    const units = await sceneUnits(60, 25);
    const service = await serve();
    for (const [sequence, unit] of units.slice(0, 40).entries()) {
      await broker.publish('cam', sequence, unit);
      await delay(20);
    }
    await until(async () => expect((await service.frames()).received).toBe(40));
    service.signal('SIGTERM');
    expect(await service.ended).toBe(0);
    expect(await broker.waitingChunks()).toBe(15);
    const [ended] = broker.eventsOf('stream.ended');
    expect(ended?.frames).toMatchObject({ received: 40, failed: 0 });
  });

  it('sets poison aside with its reason, and another stream does not notice', async () => {
    const units = await sceneUnits(100, 25);
    const service = await serve();
    const camera = film('good', units);
    const [unit = new Uint8Array(0)] = units;
    const noise = Buffer.alloc(20_000, 'garbage');
    await broker.publish('bad', 0, unit, { headers: {} });
    await broker.publish('bad', 0, unit, { headers: { 'x-sequence': -1, 'x-timestamp-ns': '1' } });
    await broker.publish('bad', 0, unit, {
      headers: { 'x-sequence': 0, 'x-timestamp-ns': '1', 'x-codec': 'hevc' },
    });
    await broker.publish('bad', 1, Buffer.alloc(16 * 1024 * 1024 + 1));
    await broker.publish('bad', 2, noise);
    await broker.publish('bad', 3, noise, { endOfStream: true });
    await camera.done;
    await endStream('good', camera.published);

    const reasons = (await broker.deadLetters()).map(String).sort();
    expect(reasons).toEqual(['bad_sequence', 'bad_sequence', 'oversize', 'unsupported_codec']);
    expect(await service.metric('trackcast_chunks_rejected_total')).toBe(4);
    const good = broker.eventsOf('stream.ended').find(({ streamId }) => streamId === 'good');
    expect(good?.frames).toMatchObject({ received: units.length, failed: 0 });
    await until(() => expect(broker.framesOf('good')).toHaveLength(good?.frames.tracked ?? 0));
    expect(broker.framesOf('bad')).toEqual([]);
    expect(service.stdout).not.toContain('garbage');
  });
});
