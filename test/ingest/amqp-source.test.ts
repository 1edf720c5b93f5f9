import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { AmqpLinkState } from '../../src/broker/amqp-link.ts';
import type { TrackcastError } from '../../src/errors.ts';
import { AcknowledgementLedger } from '../../src/ingest/acknowledgement-ledger.ts';
import { AmqpSource, type AmqpSourceOptions } from '../../src/ingest/amqp-source.ts';
import type { Chunk } from '../../src/ingest/chunk.ts';
import { BrokerFixture, BrokerProxy, brokerUrl, isBrokerThere } from './broker-fixture.ts';
import { describeChunkSource } from './chunk-source-conformance.ts';
import { eventually } from './eventually.ts';

const hasBroker = await isBrokerThere();
const fastBackoff = { initialMs: 20, maxMs: 100, factor: 2, jitter: 0.5 };

describeChunkSource(
  'AmqpSource',
  async (parts) => {
    const fixture = await BrokerFixture.create();
    await fixture.declare();
    const source = new AmqpSource({ url: brokerUrl, topology: fixture.topology });
    return {
      source,
      streamId: 'camera-1',
      feed: async () => {
        for (const [sequence, part] of parts.entries()) {
          await fixture.publish('camera-1', sequence, part);
        }
        await fixture.publish('camera-1', parts.length, new Uint8Array(0), { endOfStream: true });
      },
      feedBadInput: async () => {
        await fixture.publish('no stream id', 0, Buffer.from('x'));
        await fixture.publish('camera-1', 0, Buffer.from('x'), { headers: { 'x-codec': 'vp9' } });
        await fixture.publish('camera-2', 0, Buffer.from('x'), { headers: { 'x-sequence': 'seven' } });
      },
      dispose: () => fixture.remove(),
    };
  },
  !hasBroker,
);

describe.skipIf(!hasBroker)('AmqpSource', () => {
  let fixture: BrokerFixture;
  let proxy: BrokerProxy;
  let source: AmqpSource | undefined;
  const states: AmqpLinkState[] = [];
  const errors: TrackcastError[] = [];

  function open(options: Partial<AmqpSourceOptions> = {}): AmqpSource {
    source = new AmqpSource({
      url: brokerUrl,
      topology: fixture.topology,
      backoff: fastBackoff,
      onState: (state, error) => {
        states.push(state);
        if (error !== undefined) {
          errors.push(error);
        }
      },
      ...options,
    });
    return source;
  }

  async function publishNumbered(count: number, from = 0): Promise<void> {
    for (let sequence = from; sequence < from + count; sequence += 1) {
      await fixture.publish('camera', sequence, Buffer.from([sequence]));
    }
  }

  beforeEach(async () => {
    states.length = 0;
    errors.length = 0;
    fixture = await BrokerFixture.create();
    await fixture.declare();
    proxy = new BrokerProxy();
  });

  afterEach(async () => {
    await source?.close();
    source = undefined;
    await proxy.down();
    await fixture.remove();
  });

  const refused = [
    ['bad_stream_id', 'not a stream id', {}],
    ['bad_sequence', 'camera', { 'x-sequence': -1 }],
    ['bad_timestamp', 'camera', { 'x-timestamp-ns': 'yesterday' }],
    ['bad_end_of_stream', 'camera', { 'x-end-of-stream': 'no' }],
    ['unsupported_codec', 'camera', { 'x-codec': 'av1' }],
    ['oversize', 'camera', {}],
  ] as const;

  it.each(refused)(
    'moves a message with %s to the dead letters, with the reason',
    async (reason, key, headers) => {
      const reported: unknown[] = [];
      const opened = open({ maxChunkBytes: 8, onRejected: (...rejection) => reported.push(rejection) });
      await opened.start(() => {
        throw new Error('a refused message must not be delivered');
      });
      const body = Buffer.alloc(reason === 'oversize' ? 9 : 8, 7);
      await fixture.publish(key, 3, body, { headers });
      const letter = await vi.waitUntil(() => fixture.deadLetter(), 10_000);
      expect(letter.properties.headers?.['x-trackcast-reason']).toBe(reason);
      expect(letter.properties.headers?.['x-codec']).toBe(reason === 'unsupported_codec' ? 'av1' : 'h264');
      expect(letter.content.equals(body)).toBe(true);
      expect(opened.counters.rejected[reason]).toBe(1);
      expect(reported).toEqual([[reason, reason === 'bad_stream_id' ? undefined : 'camera']]);
      // The letter may be seen before its confirmation is: closed in between, the original would come again.
      await eventually(() => expect(opened.counters.settled.ack).toBe(1));
      await opened.close();
      expect(await fixture.takeAll()).toEqual([]);
    },
  );

  it('leaves a chunk that its reader rejects to the dead letters of the broker', async () => {
    const opened = open();
    await opened.start((chunk) => chunk.settle('reject'));
    await publishNumbered(1);
    const letter = await vi.waitUntil(() => fixture.deadLetter(), 10_000);
    expect(letter.properties.headers?.['x-first-death-reason']).toBe('rejected');
    expect(opened.counters.settled.reject).toBe(1);
  });

  it('treats a chunk on which its reader throws as rejected, and goes on', async () => {
    const opened = open();
    const delivered: number[] = [];
    await opened.start((chunk) => {
      if (chunk.sequence === 0) {
        throw new Error('poison');
      }
      delivered.push(chunk.sequence);
      chunk.settle('ack');
    });
    await publishNumbered(3);
    await eventually(() => expect(delivered).toEqual([1, 2]));
    expect((await vi.waitUntil(() => fixture.deadLetter(), 10_000)).content).toEqual(Buffer.from([0]));
  });

  it('takes no more chunks in hand than the prefetch', async () => {
    const chunks: Chunk[] = [];
    await open({ prefetch: 3 }).start((chunk) => {
      chunks.push(chunk);
    });
    await publishNumbered(6);
    await eventually(() => expect(chunks).toHaveLength(3));
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(chunks).toHaveLength(3);
    chunks[0]?.settle('ack');
    await eventually(() => expect(chunks.map((chunk) => chunk.sequence)).toEqual([0, 1, 2, 3]));
  });

  it('does not let a stream that waits hold up another', async () => {
    const others: number[] = [];
    await open().start((chunk) => {
      if (chunk.streamId === 'camera') {
        return new Promise<void>(() => {});
      }
      others.push(chunk.sequence);
      return undefined;
    });
    await publishNumbered(2);
    await fixture.publish('other', 0, Buffer.from('a'));
    await fixture.publish('other', 1, Buffer.from('b'));
    await eventually(() => expect(others).toEqual([0, 1]));
  });

  it('returns what is not settled to the queue, in its order, when it is closed', async () => {
    const chunks: Chunk[] = [];
    const opened = open();
    await opened.start((chunk) => {
      chunks.push(chunk);
    });
    await publishNumbered(6);
    await eventually(() => expect(chunks).toHaveLength(6));
    chunks[0]?.settle('ack');
    chunks[1]?.settle('ack');
    await opened.close();
    const returned = await fixture.takeAll();
    expect(returned.map((message) => message.content[0])).toEqual([2, 3, 4, 5]);
    expect(returned.every((message) => message.fields.redelivered)).toBe(true);
  });

  it('tells the broker of the first settlement only, which would end the channel otherwise', async () => {
    const chunks: Chunk[] = [];
    const opened = open();
    await opened.start((chunk) => {
      chunks.push(chunk);
      chunk.settle('ack');
      chunk.settle('ack');
      chunk.settle('reject');
    });
    await publishNumbered(3);
    await eventually(() => expect(chunks).toHaveLength(3));
    await opened.close();
    expect(states).toEqual(['connecting', 'connected', 'stopped']);
    expect(opened.counters.settled).toEqual({ ack: 3, requeue: 0, reject: 0 });
  });

  it('does not keep the bytes of a chunk alive for its settlement', async () => {
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    const settles: Chunk['settle'][] = [];
    const data: WeakRef<Uint8Array>[] = [];
    await open().start((chunk) => {
      settles.push(chunk.settle);
      data.push(new WeakRef(chunk.data));
    });
    await publishNumbered(3);
    await eventually(() => expect(settles).toHaveLength(3));
    await eventually(() => {
      collectGarbage();
      expect(data.slice(0, 2).map((each) => each.deref())).toEqual([undefined, undefined]);
    });
    for (const settle of settles) {
      settle('ack');
    }
  });

  it('gets requeued chunks again in their order, before those that wait in the queue', async () => {
    const chunks: Chunk[] = [];
    await open({ prefetch: 4 }).start((chunk) => {
      chunks.push(chunk);
    });
    await publishNumbered(6);
    await eventually(() => expect(chunks).toHaveLength(4));
    for (const chunk of chunks.slice()) {
      chunk.settle('requeue');
    }
    await eventually(() => expect(chunks).toHaveLength(8));
    expect(chunks.slice(4).map((chunk) => chunk.sequence)).toEqual([0, 1, 2, 3]);
    expect(chunks.slice(4).every((chunk) => chunk.redelivered)).toBe(true);
  });

  it('comes back after the connection has broken, and what is in hand is delivered but not decoded again', async () => {
    await proxy.up();
    const ledger = new AcknowledgementLedger({ maxUnackedMs: 60_000 });
    const decoded: number[] = [];
    const repeated: number[] = [];
    const opened = open({ url: proxy.url });
    await opened.start((chunk) => {
      if (ledger.admit(chunk, 0) === 'decode') {
        decoded.push(chunk.sequence);
        ledger.decoded(chunk.sequence);
      } else {
        repeated.push(chunk.sequence);
      }
    });
    await publishNumbered(8);
    await eventually(() => expect(decoded).toHaveLength(8));
    ledger.restartAt(5);
    await eventually(() => expect(opened.counters.settled.ack).toBe(5));

    proxy.cut();
    await eventually(() => expect(opened.counters.reconnects).toBe(1));
    await eventually(() => expect(repeated.slice(-3)).toEqual([5, 6, 7]));
    await publishNumbered(2, 8);
    await eventually(() => expect(decoded).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]));
    expect(opened.counters.staleSettlements).toBeGreaterThanOrEqual(3);
    expect(opened.counters.redelivered).toBeGreaterThanOrEqual(3);
    expect(states).toEqual(['connecting', 'connected', 'disconnected', 'connecting', 'connected']);
    expect(errors[0]?.code).toBe('TRACKCAST_BROKER_UNAVAILABLE');

    ledger.endOfStream();
    await opened.close();
    expect(await fixture.takeAll()).toEqual([]);
  });

  it('starts while the broker is down and delivers when it is up', async () => {
    await proxy.up();
    const { url } = proxy;
    await proxy.down();
    const chunks: Chunk[] = [];
    const opened = open({ url });
    await opened.start((chunk) => {
      chunks.push(chunk);
    });
    expect(states).toContain('disconnected');
    expect(errors[0]?.code).toBe('TRACKCAST_BROKER_UNAVAILABLE');
    expect(errors[0]?.message).not.toContain('guest');
    await publishNumbered(2);
    await proxy.up();
    await eventually(() => expect(chunks).toHaveLength(2));
    expect(opened.state).toBe('connected');
  });

  it('can be closed while the broker is down', async () => {
    await proxy.up();
    const { url } = proxy;
    await proxy.down();
    const opened = open({ url });
    await opened.start(() => {});
    await opened.close();
    expect(opened.state).toBe('stopped');
  });

  it('declares its queue again when someone has deleted it', async () => {
    const chunks: Chunk[] = [];
    const opened = open();
    await opened.start((chunk) => {
      chunks.push(chunk);
      chunk.settle('ack');
    });
    await fixture.channel.deleteQueue(fixture.topology.queue);
    await eventually(() => expect(opened.counters.reconnects).toBe(1));
    await publishNumbered(1);
    await eventually(() => expect(chunks).toHaveLength(1));
  });

  it('says which queue exists with other arguments, and takes its place when that one is gone', async () => {
    await fixture.channel.deleteQueue(fixture.topology.queue);
    await fixture.channel.assertQueue(fixture.topology.queue, { durable: true });
    const opened = open();
    await opened.start(() => {});
    expect(errors[0]?.code).toBe('TRACKCAST_BROKER_TOPOLOGY');
    expect(errors[0]?.place.key).toBe(fixture.topology.queue);
    await fixture.channel.deleteQueue(fixture.topology.queue);
    await eventually(() => expect(opened.state).toBe('connected'));
  });

  it('has all chunks of a stream read by one of several processes', async () => {
    const first: number[] = [];
    const second: number[] = [];
    const opened = open();
    await opened.start((chunk) => {
      first.push(chunk.sequence);
      if (chunk.sequence < 4) {
        chunk.settle('ack');
      }
    });
    const successor = new AmqpSource({ url: brokerUrl, topology: fixture.topology });
    await successor.start((chunk) => {
      second.push(chunk.sequence);
      chunk.settle('ack');
    });
    try {
      await publishNumbered(6);
      await eventually(() => expect(first).toEqual([0, 1, 2, 3, 4, 5]));
      expect(second).toEqual([]);
      await opened.close();
      await eventually(() => expect(second).toEqual([4, 5]));
    } finally {
      await successor.close();
    }
  });
});

describe('the URL of an AmqpSource', () => {
  it.each(['', 'rabbit', 'http://user:secret@127.0.0.1'])(
    'is refused when it is %j, and not repeated',
    (url) => {
      expect(() => new AmqpSource({ url })).toThrow(
        expect.objectContaining({
          code: 'TRACKCAST_CONFIG_INVALID',
          message: expect.not.stringContaining('secret'),
        }),
      );
    },
  );
});
