import { randomUUID } from 'node:crypto';
import amqp, { type ChannelModel, type ConfirmChannel } from 'amqplib';
import { rejectionReasonHeader } from '../../src/ingest/amqp-dead-letter.ts';
import { declareChunkTopology, defaultChunkTopology } from '../../src/ingest/amqp-topology.ts';
import { writeChunkHeaders } from '../../src/ingest/chunk-headers.ts';
import {
  type StreamEvent,
  streamEventSchema,
  type TrackMessage,
  trackMessageSchema,
} from '../../src/publish/track-message.ts';
import { brokerUrl } from '../ingest/broker-fixture.ts';

/** What a subscriber of tracks has received, in the order of arrival. */
export interface ReceivedFrame {
  readonly messageId: string;
  readonly message: TrackMessage;
}

/** Exchanges and queues of one test on the real broker, a camera for them, and a subscriber to what comes out. */
export class BrokerUnderTest {
  /** Settings that make the program use them. */
  readonly environment: Readonly<Record<string, string>>;
  readonly frames: ReceivedFrame[] = [];
  readonly events: StreamEvent[] = [];
  /** Messages that are not as documented. */
  readonly malformed: string[] = [];
  readonly channel: ConfirmChannel;
  readonly #connection: ChannelModel;
  readonly #names: Readonly<Record<'chunks' | 'queue' | 'dead' | 'deadQueue' | 'tracks', string>>;

  private constructor(connection: ChannelModel, channel: ConfirmChannel) {
    const suffix = randomUUID().slice(0, 8);
    this.#connection = connection;
    this.channel = channel;
    this.#names = {
      chunks: `test.chunks.${suffix}`,
      queue: `test.queue.${suffix}`,
      dead: `test.dead.${suffix}`,
      deadQueue: `test.dead.queue.${suffix}`,
      tracks: `test.tracks.${suffix}`,
    };
    this.environment = {
      AMQP_URL: brokerUrl,
      AMQP_CHUNK_EXCHANGE: this.#names.chunks,
      AMQP_CHUNK_QUEUE: this.#names.queue,
      AMQP_DEAD_LETTER_EXCHANGE: this.#names.dead,
      AMQP_DEAD_LETTER_QUEUE: this.#names.deadQueue,
      AMQP_TRACK_EXCHANGE: this.#names.tracks,
    };
  }

  static async connect(): Promise<BrokerUnderTest> {
    const connection = await amqp.connect(brokerUrl);
    const broker = new BrokerUnderTest(connection, await connection.createConfirmChannel());
    await broker.#declareAndSubscribe();
    return broker;
  }

  /** Publishes a chunk as a camera would; resolves when the broker has it. */
  async publish(
    streamId: string,
    sequence: number,
    data: Uint8Array,
    more: { endOfStream?: boolean; headers?: Record<string, unknown> } = {},
  ): Promise<void> {
    const { endOfStream = false } = more;
    const timestampNs = BigInt(1_763_683_200_000_000 + sequence * 40_000) * 1000n;
    const headers = more.headers ?? writeChunkHeaders({ sequence, timestampNs, endOfStream });
    await new Promise<void>((resolve, reject) => {
      this.channel.publish(this.#names.chunks, streamId, Buffer.from(data), { headers }, (error) =>
        error === null || error === undefined ? resolve() : reject(error),
      );
    });
  }

  /** Chunks that wait in the queue and are with no consumer. */
  async waitingChunks(): Promise<number> {
    return (await this.channel.checkQueue(this.#names.queue)).messageCount;
  }

  /** Why chunks were refused, oldest first. */
  async deadLetters(): Promise<unknown[]> {
    const reasons: unknown[] = [];
    for (;;) {
      const message = await this.channel.get(this.#names.deadQueue, { noAck: true });
      if (message === false) return reasons;
      reasons.push(message.properties.headers?.[rejectionReasonHeader]);
    }
  }

  framesOf(streamId: string): ReceivedFrame[] {
    return this.frames.filter(({ message }) => message.streamId === streamId);
  }

  eventsOf<Type extends StreamEvent['type']>(type: Type): Extract<StreamEvent, { type: Type }>[] {
    return this.events.filter((event): event is Extract<StreamEvent, { type: Type }> => event.type === type);
  }

  async close(): Promise<void> {
    const { queue, deadQueue, chunks, dead, tracks } = this.#names;
    for (const name of [queue, deadQueue]) await this.channel.deleteQueue(name);
    for (const name of [chunks, dead, tracks]) await this.channel.deleteExchange(name);
    await this.#connection.close();
  }

  async #declareAndSubscribe(): Promise<void> {
    const { channel } = this;
    const { chunks, queue, dead, deadQueue, tracks } = this.#names;
    await declareChunkTopology(channel, {
      ...defaultChunkTopology,
      exchange: chunks,
      queue,
      deadLetterExchange: dead,
      deadLetterQueue: deadQueue,
    });
    await channel.assertExchange(tracks, 'topic', { durable: true });
    const mine = await channel.assertQueue('', { exclusive: true });
    for (const key of ['tracks.#', 'events.#']) await channel.bindQueue(mine.queue, tracks, key);
    await channel.consume(
      mine.queue,
      (delivery) => {
        if (delivery === null) return;
        const body: unknown = JSON.parse(delivery.content.toString());
        if (delivery.fields.routingKey.startsWith('tracks.')) {
          const frame = trackMessageSchema.safeParse(body);
          if (frame.success) {
            this.frames.push({ messageId: String(delivery.properties.messageId), message: frame.data });
          } else this.malformed.push(frame.error.message);
        } else {
          const event = streamEventSchema.safeParse(body);
          if (event.success) this.events.push(event.data);
          else this.malformed.push(event.error.message);
        }
      },
      { noAck: true },
    );
  }
}
