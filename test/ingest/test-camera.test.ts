import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AmqpSource } from '../../src/ingest/amqp-source.ts';
import type { Chunk } from '../../src/ingest/chunk.ts';
import { runTestCamera } from '../../src/ingest/test-camera.ts';
import { BrokerFixture, BrokerProxy, brokerUrl, isBrokerThere } from './broker-fixture.ts';
import { encodeClip, TemporaryFolder } from './clip-fixture.ts';
import { eventually } from './eventually.ts';

const hasBroker = await isBrokerThere();
const folder = new TemporaryFolder();
afterAll(() => folder.remove());
const pace = { kind: 'asFastAsPossible' } as const;

describe.skipIf(!hasBroker)('runTestCamera', () => {
  const units = encodeClip({ frames: 20, gop: 5 });
  const bytes = Buffer.concat(units);
  const path = folder.write('clip.h264', bytes);
  let fixture: BrokerFixture;
  let source: AmqpSource;
  let chunks: Chunk[];

  beforeEach(async () => {
    fixture = await BrokerFixture.create();
    source = new AmqpSource({ url: brokerUrl, topology: fixture.topology });
    chunks = [];
    await source.start((chunk) => {
      chunks.push(chunk);
      chunk.settle('ack');
    });
  });

  afterEach(async () => {
    await source.close();
    await fixture.remove();
  });

  const common = () => ({
    path,
    amqpUrl: brokerUrl,
    streamId: 'test-camera',
    topology: fixture.topology,
    pace,
  });

  it('publishes a file so that the service reads the same bytes, and counts what was confirmed', async () => {
    const result = await runTestCamera({
      ...common(),
      chunking: { kind: 'bytes', min: 20, max: 90, seed: 3 },
      sequenceStart: 40,
      startTimestampNs: 1_763_683_200_123_456_789n,
      maxUnconfirmed: 3,
    });
    await eventually(() => expect(chunks.at(-1)?.endOfStream).toBe(true));
    expect(Buffer.concat(chunks.map((chunk) => chunk.data)).equals(bytes)).toBe(true);
    expect(chunks.map((chunk) => chunk.sequence)).toEqual(chunks.map((_, index) => 40 + index));
    expect(chunks[0]?.timestampNs).toBe(1_763_683_200_123_456_789n);
    expect(result).toMatchObject({ chunks: chunks.length, bytes: bytes.length });
  });

  it('ends the stream when it is interrupted', async () => {
    const interrupt = new AbortController();
    const running = runTestCamera({ ...common(), loop: true }, interrupt.signal);
    await eventually(() => expect(chunks.length).toBeGreaterThan(units.length + 5));
    interrupt.abort();
    const result = await running;
    await eventually(() => expect(chunks.at(-1)?.endOfStream).toBe(true));
    expect(chunks).toHaveLength(result.chunks);
    expect(chunks.map((chunk) => chunk.sequence)).toEqual(chunks.map((_, index) => index));
  });

  it('waits when the broker confirms no more', async () => {
    const proxy = new BrokerProxy();
    await proxy.up();
    const running = runTestCamera({ ...common(), amqpUrl: proxy.url, loop: true, maxUnconfirmed: 3 });
    const outcome = expect(running).rejects.toMatchObject({ code: 'TRACKCAST_BROKER_UNAVAILABLE' });
    await eventually(() => expect(chunks.length).toBeGreaterThan(10));
    proxy.holdAnswers();
    await new Promise((resolve) => setTimeout(resolve, 300));
    const published = chunks.length;
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(chunks).toHaveLength(published);
    await proxy.down();
    await outcome;
  });

  it('says so when the broker is not there, or goes', async () => {
    const proxy = new BrokerProxy();
    await proxy.up();
    const amqpUrl = proxy.url;
    const running = runTestCamera({ ...common(), amqpUrl, loop: true, streamId: 'cut' });
    const outcome = expect(running).rejects.toMatchObject({ code: 'TRACKCAST_BROKER_UNAVAILABLE' });
    await eventually(() => expect(chunks.length).toBeGreaterThan(0));
    await proxy.down();
    await outcome;
    await expect(runTestCamera({ ...common(), amqpUrl })).rejects.toMatchObject({
      code: 'TRACKCAST_BROKER_UNAVAILABLE',
    });
  });

  it('says so when the file cannot be read', async () => {
    await expect(runTestCamera({ ...common(), path: `${path}.absent` })).rejects.toMatchObject({
      code: 'TRACKCAST_SOURCE_UNREADABLE',
    });
  });
});
