import { afterEach, describe, expect, it } from 'vitest';
import { outgoingFrame } from '../../src/publish/outgoing-message.ts';
import { lostNoticeSchema, trackMessageSchema } from '../../src/publish/track-message.ts';
import { WebSocketPublisher, type WebSocketPublisherOptions } from '../../src/publish/websocket-publisher.ts';
import {
  exampleFrame,
  exampleOutgoingEvent,
  exampleOutgoingFrame,
  exampleTrack,
} from './example-messages.ts';
import { connectClient, startLiveServer, type TestClient } from './live-server.ts';
import { describePublisherConformance } from './publisher-conformance.ts';

const disposals: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const dispose of disposals.splice(0).reverse()) await dispose();
});

async function open(options: Partial<WebSocketPublisherOptions> = {}) {
  const publisher = new WebSocketPublisher(options);
  const server = await startLiveServer((socket, subscription) => publisher.accept(socket, subscription));
  disposals.push(server.close, () => publisher.close());
  let expected = 0;
  const connect = async (query = ''): Promise<TestClient> => {
    const client = await connectClient(server.url + query);
    expected += 1;
    await expect.poll(() => publisher.clients).toBe(expected);
    return client;
  };
  return { publisher, connect, url: server.url };
}

describePublisherConformance('WebSocketPublisher', async () => {
  const { publisher, connect } = await open();
  const client = await connect();
  return { publisher, received: () => client.texts, dispose: () => publisher.close() };
});

describe('WebSocketPublisher', () => {
  it('sends each client the streams and the masks that it asked for', async () => {
    const { publisher, connect } = await open();
    const all = await connect();
    const one = await connect('?streams=b&masks=none');
    const polygons = await connect('?streams=a,c&masks=polygon');
    const tracks = [exampleTrack({ polygons: [[10, 20, 14, 20, 14, 23, 10, 23]] })];
    for (const streamId of ['a', 'b']) {
      publisher.publishFrame(outgoingFrame(exampleFrame(streamId, 1, { tracks }), { streamId, epoch: 0 }));
    }
    await publisher.drain(10_000);
    await expect.poll(() => all.texts.length).toBe(2);
    await expect.poll(() => one.texts.length).toBe(1);
    await expect.poll(() => polygons.texts.length).toBe(1);
    const parse = (client: TestClient) =>
      client.texts.map((text) => trackMessageSchema.parse(JSON.parse(text)));
    expect(parse(all).map(({ streamId }) => streamId)).toEqual(['a', 'b']);
    expect(parse(all)[0]?.tracks[0]?.mask).not.toBeNull();
    expect(parse(all)[0]?.tracks[0]?.polygons).toBeUndefined();
    expect(parse(one)[0]).toMatchObject({ streamId: 'b', tracks: [{ mask: null }] });
    expect(parse(polygons)[0]).toMatchObject({
      streamId: 'a',
      tracks: [{ mask: null, polygons: [[10, 20, 14, 20, 14, 23, 10, 23]] }],
    });
  });

  it('serialises a frame once for all clients with the same masks', async () => {
    const { publisher, connect } = await open();
    await connect();
    await connect();
    const frame = exampleOutgoingFrame('a', 1);
    publisher.publishFrame(frame);
    expect(frame.json('rle')).toBe(frame.json('rle'));
    await publisher.drain(10_000);
    expect(publisher.counters()).toMatchObject({ published: 2, confirmed: 2 });
  });

  it('knows which streams need pictures and polygons, and says when that changes', async () => {
    const { publisher, connect } = await open();
    let changes = 0;
    const end = publisher.onDemandChange(() => {
      changes += 1;
    });
    expect(publisher.demand('a')).toEqual({ pictures: false, polygons: false });
    const client = await connect('?streams=a&pictures=jpeg');
    await connect('?masks=polygon');
    expect(publisher.demand('a')).toEqual({ pictures: true, polygons: true });
    expect(publisher.demand('b')).toEqual({ pictures: false, polygons: true });
    client.socket.close();
    await expect.poll(() => publisher.demand('a')).toEqual({ pictures: false, polygons: true });
    expect(changes).toBe(3);
    end();
  });

  it('sends pictures, as one binary message each, to clients that asked for them', async () => {
    const { publisher, connect } = await open();
    const watching = await connect('?pictures=jpeg');
    const reading = await connect();
    const jpeg = Uint8Array.of(0xff, 0xd8, 1, 2, 3, 0xff, 0xd9);
    const header = { streamId: 'a', frameIndex: 12, timestampNs: '17', width: 640, height: 360 };
    publisher.publishPicture(header, jpeg);
    await expect.poll(() => watching.binaries.length).toBe(1);
    const [packet] = watching.binaries;
    if (packet === undefined) throw new Error('unreachable');
    expect(packet.toString('latin1', 0, 4)).toBe('TCP1');
    const headerBytes = packet.readUInt16LE(4);
    expect(JSON.parse(packet.toString('utf8', 6, 6 + headerBytes))).toEqual(header);
    expect(new Uint8Array(packet.subarray(6 + headerBytes))).toEqual(jpeg);
    publisher.publishEvent(exampleOutgoingEvent('a', 1));
    await expect.poll(() => reading.texts.length).toBe(1);
    expect(reading.binaries).toEqual([]);
  });

  const large = 200_000;
  const slowLimits = { bufferedBytes: 100_000, queuedEvents: 4, checkMs: 20, closeGraceMs: 100 };

  it('drops old frames of a stalled client, goes on serving others, and tells how many were lost', async () => {
    const { publisher, connect } = await open({ ...slowLimits, behindMs: 60_000 });
    const fast = await connect();
    const stalled = await connect();
    stalled.socket.pause();
    const total = 150;
    for (let index = 0; index < total; index++) {
      publisher.publishFrame(exampleOutgoingFrame(index % 2 === 0 ? 'a' : 'b', index, large));
      if (index % 10 === 0) publisher.publishEvent(exampleOutgoingEvent('a', index));
      await expect
        .poll(() => fast.texts.length, { interval: 1 })
        .toBe(index + 1 + Math.floor(index / 10) + 1);
    }
    const lost = publisher.counters().dropped.slow_client;
    expect(lost).toBeGreaterThan(0);
    expect(stalled.texts).toEqual([]);

    stalled.socket.resume();
    await publisher.drain(10_000);
    const sent = publisher.counters().confirmed - fast.texts.length;
    const notices = () =>
      stalled.texts
        .filter((text) => text.startsWith('{"type":"lost"'))
        .map((text) => lostNoticeSchema.parse(JSON.parse(text)));
    const messages = () => stalled.texts.filter((text) => !text.startsWith('{"type":"lost"'));
    await expect.poll(() => messages().length).toBe(sent);
    expect(notices().reduce((sum, notice) => sum + notice.count, 0)).toBe(lost);
    expect(new Set(notices().map(({ streamId, what }) => `${what} of ${streamId}`))).toEqual(
      new Set(['frames of a', 'frames of b', 'events of a']),
    );
    expect(sent + lost).toBe(fast.texts.length);
    const newest = messages()
      .filter((text) => !text.startsWith('{"type"'))
      .map((text) => trackMessageSchema.parse(JSON.parse(text)).frame.index);
    expect(newest.slice(-2).sort((a, b) => a - b)).toEqual([total - 2, total - 1]);
  });

  it('closes a client that stays behind and keeps the others', async () => {
    const { publisher, connect } = await open({ ...slowLimits, behindMs: 50 });
    const fast = await connect();
    const stalled = await connect();
    stalled.socket.pause();
    for (let index = 0; publisher.clients === 2 && index < 3000; index++) {
      publisher.publishFrame(exampleOutgoingFrame('a', index, large));
      await expect.poll(() => fast.texts.length, { interval: 1 }).toBe(index + 1);
    }
    expect(publisher.clients).toBe(1);
    publisher.publishEvent(exampleOutgoingEvent('a', 1));
    await expect.poll(() => fast.texts.at(-1)).toContain('track.created');
    const { queuedMessages, queuedBytes } = publisher.counters();
    expect({ queuedMessages, queuedBytes }).toEqual({ queuedMessages: 0, queuedBytes: 0 });
  });

  it('tells a client that begins to read again in time why it is closed', async () => {
    const { publisher, connect } = await open({ ...slowLimits, behindMs: 50, closeGraceMs: 20_000 });
    const fast = await connect();
    const stalled = await connect();
    stalled.socket.pause();
    for (let index = 0; publisher.counters().dropped.closed === 0 && index < 3000; index++) {
      publisher.publishFrame(exampleOutgoingFrame('a', index, large));
      await expect.poll(() => fast.texts.length, { interval: 1 }).toBe(index + 1);
    }
    stalled.socket.resume();
    expect(await stalled.closed).toBe(4008);
  });

  it('cuts a client that no longer answers', async () => {
    const { publisher, connect } = await open({ pingMs: 30 });
    const alive = await connect();
    const dead = await connect();
    dead.socket.pause();
    await expect.poll(() => publisher.clients, { timeout: 10_000 }).toBe(1);
    expect(alive.socket.readyState).toBe(alive.socket.OPEN);
  });

  it('turns clients beyond its limit away', async () => {
    const { publisher, connect, url } = await open({ maxClients: 1 });
    const first = await connect();
    const second = await connectClient(url);
    expect(await second.closed).toBe(1013);
    expect(publisher.clients).toBe(1);
    expect(first.socket.readyState).toBe(first.socket.OPEN);
  });

  it('says goodbye when it closes', async () => {
    const { publisher, connect } = await open();
    const client = await connect();
    await publisher.close();
    expect(await client.closed).toBe(1001);
  });

  it('ignores what clients say and outlives what they do wrong', async () => {
    const { publisher, connect } = await open();
    const rude = await connect();
    const polite = await connect();
    rude.socket.send('hello');
    const { _socket: raw } = rude.socket as unknown as { _socket: { write(data: Buffer): void } };
    raw.write(Buffer.from([0xff, 0xff, 0xff, 0xff]));
    await rude.closed;
    publisher.publishEvent(exampleOutgoingEvent('a', 1));
    await expect.poll(() => polite.texts.length).toBe(1);
  });
});
