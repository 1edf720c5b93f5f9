import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import type { Chunk } from '../../src/ingest/chunk.ts';
import { WebSocketSource, type WebSocketSourceOptions } from '../../src/ingest/websocket-source.ts';
import { describeChunkSource } from './chunk-source-conformance.ts';
import { eventually } from './eventually.ts';

/** Hands every connection to a source, with its path as stream id. */
class PublishingServer {
  readonly #server: WebSocketServer;

  private constructor(server: WebSocketServer) {
    this.#server = server;
  }

  static async open(source: WebSocketSource): Promise<PublishingServer> {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false });
    server.on('connection', (socket, request) => {
      source.handleConnection(socket, decodeURIComponent((request.url ?? '/').slice(1)));
    });
    await new Promise<void>((resolve) => server.once('listening', resolve));
    return new PublishingServer(server);
  }

  async connect(streamId: string): Promise<WebSocket> {
    const { port } = this.#server.address() as AddressInfo;
    const socket = new WebSocket(`ws://127.0.0.1:${port}/${encodeURIComponent(streamId)}`);
    await new Promise<void>((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('error', reject);
    });
    return socket;
  }

  async close(): Promise<void> {
    for (const socket of this.#server.clients) {
      socket.terminate();
    }
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

function closeCode(socket: WebSocket): Promise<number> {
  return new Promise((resolve) => socket.once('close', resolve));
}

describeChunkSource('WebSocketSource', async (parts) => {
  const source = new WebSocketSource({ gracePeriodMs: 20 });
  const server = await PublishingServer.open(source);
  return {
    source,
    streamId: 'browser-1',
    feed: async () => {
      const socket = await server.connect('browser-1');
      for (const part of parts) {
        socket.send(part);
      }
      socket.close();
      await closeCode(socket);
    },
    feedBadInput: async () => {
      const noStream = await server.connect('no stream id');
      expect(await closeCode(noStream)).toBe(1008);
    },
    dispose: () => server.close(),
  };
});

describe('WebSocketSource', () => {
  let source: WebSocketSource;
  let server: PublishingServer;
  let chunks: Chunk[];

  async function open(
    options: WebSocketSourceOptions = {},
    handle: (chunk: Chunk) => void | Promise<void> = () => {},
  ): Promise<void> {
    source = new WebSocketSource({ gracePeriodMs: 20, ...options });
    server = await PublishingServer.open(source);
    chunks = [];
    await source.start((chunk) => {
      chunks.push(chunk);
      return handle(chunk);
    });
  }

  beforeEach(async () => {
    await open();
  });

  afterEach(async () => {
    await source.close();
    await server.close();
  });

  async function reopen(...args: Parameters<typeof open>): Promise<void> {
    await source.close();
    await server.close();
    await open(...args);
  }

  it('closes on text with 1003 and ends that stream only', async () => {
    const good = await server.connect('good');
    good.send(Buffer.from([1]));
    const bad = await server.connect('bad');
    bad.send('hello');
    expect(await closeCode(bad)).toBe(1003);
    good.send(Buffer.from([2]));
    await eventually(() => expect(chunks.filter((chunk) => chunk.streamId === 'good')).toHaveLength(2));
    await eventually(() =>
      expect(chunks.filter((chunk) => chunk.streamId === 'bad').map((chunk) => chunk.endOfStream)).toEqual([
        true,
      ]),
    );
    expect(source.counters.refused.unsupportedData).toBe(1);
  });

  it('closes on a message beyond the limit with 1009, and does not deliver it', async () => {
    await reopen({ maxMessageBytes: 10 });
    const socket = await server.connect('camera');
    socket.send(Buffer.alloc(10));
    socket.send(Buffer.alloc(11));
    expect(await closeCode(socket)).toBe(1009);
    expect(chunks.filter((chunk) => !chunk.endOfStream).map((chunk) => chunk.data.length)).toEqual([10]);
  });

  it('refuses a second publisher of a live stream with 4409, and the first goes on', async () => {
    const first = await server.connect('camera');
    first.send(Buffer.from([1]));
    await eventually(() => expect(chunks).toHaveLength(1));
    expect(source.isTaken('camera')).toBe(true);
    const second = await server.connect('camera');
    expect(await closeCode(second)).toBe(4409);
    first.send(Buffer.from([2]));
    await eventually(() => expect(chunks).toHaveLength(2));
  });

  it('continues the stream of a publisher that comes back in time', async () => {
    await reopen({ gracePeriodMs: 60_000 });
    const first = await server.connect('camera');
    first.send(Buffer.from([1]));
    await eventually(() => expect(chunks).toHaveLength(1));
    first.terminate();
    await eventually(() => expect(source.isTaken('camera')).toBe(false));
    const second = await server.connect('camera');
    second.send(Buffer.from([2]));
    await eventually(() => expect(chunks).toHaveLength(2));
    expect(chunks.map((chunk) => [chunk.sequence, chunk.endOfStream])).toEqual([
      [0, false],
      [1, false],
    ]);
  });

  it('ends a stream whose publisher does not come back, and begins another one after that', async () => {
    const first = await server.connect('camera');
    first.send(Buffer.from([1]));
    await eventually(() => expect(chunks).toHaveLength(1));
    first.close();
    await eventually(() => expect(chunks).toHaveLength(2));
    const second = await server.connect('camera');
    second.send(Buffer.from([2]));
    await eventually(() => expect(chunks).toHaveLength(3));
    expect(chunks.map((chunk) => [chunk.sequence, chunk.endOfStream])).toEqual([
      [0, false],
      [1, true],
      [0, false],
    ]);
  });

  it('gives every chunk a later time, even when the wall clock is set back', async () => {
    const clock = [500n, 400n, 900n];
    await reopen({ nowNs: () => clock.shift() ?? 0n, gracePeriodMs: 60_000 });
    const socket = await server.connect('camera');
    for (let index = 0; index < 3; index += 1) {
      socket.send(Buffer.from([index]));
    }
    await eventually(() => expect(chunks).toHaveLength(3));
    expect(chunks.map((chunk) => chunk.timestampNs)).toEqual([500n, 501n, 900n]);
  });

  it('does not read from a publisher that is ahead of the handler, and loses nothing', async () => {
    let open1: () => void = () => {};
    const gate = new Promise<void>((resolve) => {
      open1 = resolve;
    });
    await reopen({ highWaterBytes: 100_000, gracePeriodMs: 60_000 }, () => gate);
    const socket = await server.connect('camera');
    const sent = 400;
    for (let index = 0; index < sent; index += 1) {
      socket.send(Buffer.alloc(50_000, index));
    }
    await eventually(() => expect(chunks).toHaveLength(1));
    // 20 MB do not fit into the buffers of the operating system: the rest has to wait with the publisher.
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(socket.bufferedAmount).toBeGreaterThan(0);
    expect(source.counters.bytes).toBeLessThan(1_000_000);
    open1();
    await eventually(() => expect(chunks).toHaveLength(sent));
    expect(chunks.every((chunk, index) => chunk.data[0] === (index & 255))).toBe(true);
  });

  it('gives up a publisher that does not answer', async () => {
    await reopen({ pingIntervalMs: 20 });
    const silent = await server.connect('camera');
    silent.pause();
    await eventually(() => expect(source.isTaken('camera')).toBe(false));
    const second = await server.connect('camera');
    second.send(Buffer.from([2]));
    await eventually(() => expect(chunks.some((chunk) => chunk.data[0] === 2)).toBe(true));
    silent.terminate();
  });

  it('sends publishers away before it is started, and when it is stopped', async () => {
    const early = new WebSocketSource();
    const earlyServer = await PublishingServer.open(early);
    expect(await closeCode(await earlyServer.connect('camera'))).toBe(1013);
    await earlyServer.close();

    const live = await server.connect('camera');
    live.send(Buffer.from([1]));
    await eventually(() => expect(chunks).toHaveLength(1));
    const closed = closeCode(live);
    await source.stop();
    expect(await closed).toBe(1001);
    expect(await closeCode(await server.connect('camera'))).toBe(1013);
    expect(chunks).toHaveLength(1);
  });
});
