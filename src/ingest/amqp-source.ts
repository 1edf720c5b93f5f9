import type { Channel, ChannelModel, ConfirmChannel, ConsumeMessage } from 'amqplib';
import { AmqpLink, type AmqpLinkState, type Backoff, defaultBackoff } from '../broker/amqp-link.ts';
import type { TrackcastError } from '../errors.ts';
import { publishDeadLetter } from './amqp-dead-letter.ts';
import { type ChunkTopology, declareChunkTopology, defaultChunkTopology } from './amqp-topology.ts';
import { type Chunk, type ChunkHandler, type ChunkSource, maxChunkBytes, type Settlement } from './chunk.ts';
import { type ChunkRejectionReason, chunkRejectionReasons, readChunkHeaders } from './chunk-headers.ts';
import { DeliveryLanes } from './delivery-lanes.ts';

export interface AmqpSourceOptions {
  /** `amqp://` or `amqps://` */
  readonly url: string;
  readonly topology?: Partial<ChunkTopology>;
  /**
   * Chunks that the broker hands over before it wants settlements, 1 to 65535; default 4096. Must hold all that
   * the streams of this process send within `INGEST_MAX_UNACKED_SECONDS`, or the streams stall.
   */
  readonly prefetch?: number;
  /** Default 10; a dead connection is noticed after about three of them. */
  readonly heartbeatSeconds?: number;
  /** Default 10 000. */
  readonly connectTimeoutMs?: number;
  /** Default 16 MiB. */
  readonly maxChunkBytes?: number;
  readonly backoff?: Backoff;
  /** The error says why a link came down. */
  readonly onState?: (state: AmqpLinkState, error?: TrackcastError) => void;
  /** A message that is not a chunk. `streamId` is given only where it is one. */
  readonly onRejected?: (reason: ChunkRejectionReason, streamId: string | undefined) => void;
}

/** Totals since the source was made. */
export interface AmqpSourceCounters {
  /** Valid chunks and the bytes of their bodies. */
  readonly chunks: number;
  readonly bytes: number;
  /** Deliveries that the broker marked as repeated. */
  readonly redelivered: number;
  readonly rejected: Readonly<Record<ChunkRejectionReason, number>>;
  readonly settled: Readonly<Record<Settlement, number>>;
  /** Settlements that came after their channel was gone: the broker delivers those chunks again. */
  readonly staleSettlements: number;
  readonly reconnects: number;
}

/** One consumer on one channel. Delivery tags mean nothing beyond it. */
interface Consumption {
  readonly channel: Channel;
  readonly confirms: ConfirmChannel;
  readonly tag: string;
}

/**
 * Chunks from RabbitMQ. Keeps trying while the broker is away, and begins to deliver when it is there. Unsettled
 * chunks return to their queue, in their order, when the connection ends. Chunks of one stream are handed over
 * one at a time; the streams do not wait for each other, except that together they share the prefetch.
 */
export class AmqpSource implements ChunkSource {
  readonly name = 'amqp';
  readonly #options: AmqpSourceOptions;
  readonly #topology: ChunkTopology;
  readonly #link: AmqpLink;
  #lanes: DeliveryLanes | undefined;
  #consumption: Consumption | undefined;
  #stopped = false;
  #chunks = 0;
  #bytes = 0;
  #redelivered = 0;
  #staleSettlements = 0;
  readonly #rejected = Object.fromEntries(chunkRejectionReasons.map((reason) => [reason, 0])) as Record<
    ChunkRejectionReason,
    number
  >;
  readonly #settled: Record<Settlement, number> = { ack: 0, requeue: 0, reject: 0 };

  /** @throws TrackcastError `TRACKCAST_CONFIG_INVALID` when the URL is none */
  constructor(options: AmqpSourceOptions) {
    this.#options = options;
    this.#topology = { ...defaultChunkTopology, ...options.topology };
    this.#link = new AmqpLink({
      url: options.url,
      connectionName: 'trackcast ingest',
      heartbeatSeconds: options.heartbeatSeconds ?? 10,
      connectTimeoutMs: options.connectTimeoutMs ?? 10_000,
      backoff: options.backoff ?? defaultBackoff,
      setUp: (connection, fail) => this.#consume(connection, fail),
      ...(options.onState === undefined ? {} : { onState: options.onState }),
    });
  }

  get state(): AmqpLinkState {
    return this.#link.state;
  }

  get counters(): AmqpSourceCounters {
    return {
      chunks: this.#chunks,
      bytes: this.#bytes,
      redelivered: this.#redelivered,
      rejected: { ...this.#rejected },
      settled: { ...this.#settled },
      staleSettlements: this.#staleSettlements,
      reconnects: this.#link.reconnects,
    };
  }

  /** Resolves after the first attempt to connect, whatever came of it: `state` and `onState` tell. Never rejects. */
  async start(handler: ChunkHandler): Promise<void> {
    this.#lanes = new DeliveryLanes(handler);
    await this.#link.start();
  }

  async stop(): Promise<void> {
    if (this.#stopped) {
      return;
    }
    this.#stopped = true;
    this.#lanes?.stop();
    const consumption = this.#consumption;
    if (consumption === undefined) {
      // Nothing that could still be settled: a new connection would serve no one.
      await this.#link.close();
      return;
    }
    // Fails only when the connection is lost meanwhile, which ends deliveries as well.
    await consumption.channel.cancel(consumption.tag).catch(() => {});
  }

  async close(): Promise<void> {
    await this.stop();
    await this.#link.close();
  }

  async #consume(connection: ChannelModel, fail: (error: unknown) => void): Promise<void> {
    if (this.#stopped) {
      void this.#link.close();
      throw new Error('the source is stopped');
    }
    const channel = await connection.createChannel();
    const confirms = await connection.createConfirmChannel();
    // Until all is declared, faults show as rejections, which know more than the channel's own event.
    channel.on('error', () => {});
    confirms.on('error', () => {});
    await declareChunkTopology(channel, this.#topology);
    await channel.prefetch(this.#options.prefetch ?? 4_096);

    const lost = (error?: unknown) => {
      if (this.#consumption?.channel === channel) {
        this.#consumption = undefined;
        this.#lanes?.discardWaiting();
      }
      fail(error);
    };
    for (const each of [channel, confirms]) {
      each.on('error', lost);
      each.on('close', lost);
    }
    const isLive = () => this.#consumption?.channel === channel;
    // Deliveries may arrive before the answer to `consume`.
    this.#consumption = { channel, confirms, tag: '' };
    const { consumerTag } = await channel.consume(this.#topology.queue, (message) => {
      if (message === null) {
        lost(new Error('the queue was deleted'));
      } else if (isLive()) {
        this.#receive(message, channel, confirms, isLive);
      }
    });
    if (isLive()) {
      this.#consumption = { channel, confirms, tag: consumerTag };
    }
  }

  #receive(message: ConsumeMessage, channel: Channel, confirms: ConfirmChannel, isLive: () => boolean): void {
    const { routingKey, redelivered, deliveryTag } = message.fields;
    if (this.#stopped) {
      return;
    }
    this.#redelivered += redelivered ? 1 : 0;
    const result = readChunkHeaders(
      { routingKey, headers: message.properties.headers, bodyBytes: message.content.length },
      this.#options.maxChunkBytes ?? maxChunkBytes,
    );
    const settle = this.#settlementOf(deliveryTag, channel, isLive);
    if (result.kind === 'rejected') {
      const { reason } = result;
      this.#rejected[reason] += 1;
      this.#options.onRejected?.(reason, reason === 'bad_stream_id' ? undefined : routingKey);
      publishDeadLetter(confirms, this.#topology.deadLetterExchange, message, reason, (confirmed) =>
        settle(confirmed ? 'ack' : 'reject'),
      );
      return;
    }
    this.#chunks += 1;
    this.#bytes += message.content.length;
    const chunk: Chunk = { ...result.headers, data: message.content, redelivered, settle };
    this.#lanes?.push(chunk);
  }

  /** A function of its own, so that what it returns holds the tag and not the message. */
  #settlementOf(deliveryTag: number, channel: Channel, isLive: () => boolean): Chunk['settle'] {
    let isSettled = false;
    return (settlement) => {
      if (isSettled) {
        return;
      }
      isSettled = true;
      if (!isLive()) {
        this.#staleSettlements += 1;
        return;
      }
      try {
        settleDelivery(channel, deliveryTag, settlement);
        this.#settled[settlement] += 1;
      } catch {
        // The channel began to close a moment ago.
        this.#staleSettlements += 1;
      }
    };
  }
}

const noContent = Buffer.alloc(0);

/** amqplib wants the message back but reads only its delivery tag. */
function settleDelivery(channel: Channel, deliveryTag: number, settlement: Settlement): void {
  const message = { content: noContent, fields: { deliveryTag }, properties: {} } as ConsumeMessage;
  switch (settlement) {
    case 'ack':
      channel.ack(message);
      break;
    case 'requeue':
      channel.nack(message, false, true);
      break;
    case 'reject':
      // The queue's own dead-letter exchange takes it, with the reason `rejected` in `x-death`.
      channel.nack(message, false, false);
      break;
  }
}
