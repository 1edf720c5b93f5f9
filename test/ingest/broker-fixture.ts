import { randomUUID } from 'node:crypto';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import amqp, { type ChannelModel, type ConfirmChannel, type ConsumeMessage, type GetMessage } from 'amqplib';
import {
  type ChunkTopology,
  declareChunkTopology,
  defaultChunkTopology,
} from '../../src/ingest/amqp-topology.ts';
import { writeChunkHeaders } from '../../src/ingest/chunk-headers.ts';

export const brokerUrl = process.env['AMQP_URL'] ?? 'amqp://guest:guest@127.0.0.1:5672';

/** Whether a broker answers; says so where tests will be skipped because none does. */
export async function isBrokerThere(): Promise<boolean> {
  try {
    const connection = await amqp.connect(brokerUrl, { timeout: 3_000 });
    await connection.close();
    return true;
  } catch {
    console.warn('SKIPPED: no RabbitMQ at AMQP_URL or 127.0.0.1:5672, so tests against a broker do not run.');
    return false;
  }
}

/** Exchanges and queues of one test, and a connection of its own to look at them. */
export class BrokerFixture {
  readonly topology: ChunkTopology;
  readonly connection: ChannelModel;
  readonly channel: ConfirmChannel;

  private constructor(topology: ChunkTopology, connection: ChannelModel, channel: ConfirmChannel) {
    this.topology = topology;
    this.connection = connection;
    this.channel = channel;
  }

  static async create(): Promise<BrokerFixture> {
    const suffix = randomUUID().slice(0, 8);
    const topology: ChunkTopology = {
      ...defaultChunkTopology,
      exchange: `test.chunks.${suffix}`,
      queue: `test.trackcast.${suffix}`,
      deadLetterExchange: `test.chunks.dead.${suffix}`,
      deadLetterQueue: `test.trackcast.dead.${suffix}`,
    };
    const connection = await amqp.connect(brokerUrl);
    const channel = await connection.createConfirmChannel();
    return new BrokerFixture(topology, connection, channel);
  }

  async declare(): Promise<void> {
    await declareChunkTopology(this.channel, this.topology);
  }

  async publish(
    streamId: string,
    sequence: number,
    data: Uint8Array,
    options: { endOfStream?: boolean; headers?: Record<string, unknown> } = {},
  ): Promise<void> {
    const headers = {
      ...writeChunkHeaders({
        sequence,
        timestampNs: 1_763_683_200_000_000_000n + BigInt(sequence) * 40_000_000n,
        endOfStream: options.endOfStream ?? false,
      }),
      ...options.headers,
    };
    await new Promise<void>((resolve, reject) => {
      this.channel.publish(this.topology.exchange, streamId, Buffer.from(data), { headers }, (error) =>
        error === null ? resolve() : reject(error),
      );
    });
  }

  async deadLetter(): Promise<GetMessage | undefined> {
    const message = await this.channel.get(this.topology.deadLetterQueue, { noAck: true });
    return message === false ? undefined : message;
  }

  /** Takes everything out of the queue, which must have no other consumer. */
  async takeAll(): Promise<ConsumeMessage[]> {
    const channel = await this.connection.createChannel();
    const messages: ConsumeMessage[] = [];
    await this.channel.sendToQueue(this.topology.queue, Buffer.from('last'), { type: 'last' });
    await new Promise<void>((resolve, reject) => {
      channel
        .consume(this.topology.queue, (message) => {
          if (message === null) {
            reject(new Error('the queue was deleted'));
          } else if (message.properties.type === 'last') {
            channel.ackAll();
            resolve();
          } else {
            messages.push(message);
          }
        })
        .catch(reject);
    });
    await channel.close();
    return messages;
  }

  async remove(): Promise<void> {
    const channel = await this.connection.createChannel();
    await channel.deleteQueue(this.topology.queue);
    await channel.deleteQueue(this.topology.deadLetterQueue);
    await channel.deleteExchange(this.topology.exchange);
    await channel.deleteExchange(this.topology.deadLetterExchange);
    await this.connection.close();
  }
}

/** Stands between a program and the broker, so that a test can take the broker away from that program alone. */
export class BrokerProxy {
  readonly #sockets = new Set<Socket>();
  readonly #brokerSockets = new Set<Socket>();
  #server: Server | undefined;
  #port = 0;

  async up(): Promise<void> {
    const target = new URL(brokerUrl);
    const server = createServer((client) => {
      const broker = connect(Number(target.port || 5672), target.hostname);
      this.#brokerSockets.add(broker);
      for (const [from, to] of [
        [client, broker],
        [broker, client],
      ] as const) {
        this.#sockets.add(from);
        from.pipe(to);
        from.on('error', () => to.destroy());
        from.on('close', () => {
          this.#sockets.delete(from);
          this.#brokerSockets.delete(from);
          to.destroy();
        });
      }
    });
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(this.#port, '127.0.0.1', resolve));
    this.#port = (server.address() as AddressInfo).port;
  }

  get url(): string {
    const url = new URL(brokerUrl);
    url.hostname = '127.0.0.1';
    url.port = String(this.#port);
    return url.href;
  }

  /** What the broker says arrives no more, while what is said to it still does. */
  holdAnswers(): void {
    for (const broker of this.#brokerSockets) {
      broker.unpipe();
      broker.pause();
    }
  }

  cut(): void {
    for (const socket of this.#sockets) {
      socket.destroy();
    }
  }

  async down(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server !== undefined) {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      this.cut();
      await closed;
    }
  }
}
