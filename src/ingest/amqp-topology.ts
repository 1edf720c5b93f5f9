import type { Channel } from 'amqplib';
import { TrackcastError } from '../errors.ts';

/** Names and limits of the exchanges and queues through which chunks come in. */
export interface ChunkTopology {
  /** Durable topic exchange; the routing key is the stream id. */
  readonly exchange: string;
  /** Quorum queue that is bound to all streams. */
  readonly queue: string;
  /** Durable topic exchange for what is refused. */
  readonly deadLetterExchange: string;
  readonly deadLetterQueue: string;
  /**
   * Of several consumers only one is served, the others stand by. Without it a broker deals the chunks of one
   * stream to all of them, and none could decode it.
   */
  readonly singleActiveConsumer: boolean;
  /**
   * How often a chunk may come back before it is a dead letter, so that one that kills its readers stops doing
   * so. Must be set: a quorum queue without a limit puts what is requeued behind all other messages instead of
   * where it was (measured on RabbitMQ 3.10).
   */
  readonly deliveryLimit: number;
  /** The oldest dead letters are dropped beyond any of these. */
  readonly deadLetterMaxMessages: number;
  readonly deadLetterMaxBytes: number;
  readonly deadLetterMaxAgeMs: number;
}

export const defaultChunkTopology: ChunkTopology = {
  exchange: 'video.chunks',
  queue: 'trackcast.chunks',
  deadLetterExchange: 'video.chunks.dead',
  deadLetterQueue: 'trackcast.chunks.dead',
  singleActiveConsumer: true,
  deliveryLimit: 20,
  deadLetterMaxMessages: 1_000,
  deadLetterMaxBytes: 256 * 1024 * 1024,
  deadLetterMaxAgeMs: 24 * 60 * 60 * 1_000,
};

/**
 * Declares exchanges, queues and bindings. Idempotent.
 *
 * @throws TrackcastError `TRACKCAST_BROKER_TOPOLOGY` when one exists already with other arguments; the broker
 *   has closed `channel` then.
 */
export async function declareChunkTopology(
  channel: Pick<Channel, 'assertExchange' | 'assertQueue' | 'bindQueue'>,
  topology: ChunkTopology,
): Promise<void> {
  const { exchange, queue, deadLetterExchange, deadLetterQueue } = topology;
  await declare('exchange', exchange, () => channel.assertExchange(exchange, 'topic', { durable: true }));
  await declare('exchange', deadLetterExchange, () =>
    channel.assertExchange(deadLetterExchange, 'topic', { durable: true }),
  );
  await declare('queue', deadLetterQueue, () =>
    channel.assertQueue(deadLetterQueue, {
      durable: true,
      arguments: {
        'x-queue-type': 'classic',
        'x-max-length': topology.deadLetterMaxMessages,
        'x-max-length-bytes': topology.deadLetterMaxBytes,
        'x-message-ttl': topology.deadLetterMaxAgeMs,
        'x-overflow': 'drop-head',
      },
    }),
  );
  await declare('queue', queue, () =>
    channel.assertQueue(queue, {
      durable: true,
      arguments: {
        'x-queue-type': 'quorum',
        'x-single-active-consumer': topology.singleActiveConsumer,
        'x-delivery-limit': topology.deliveryLimit,
        'x-dead-letter-exchange': deadLetterExchange,
      },
    }),
  );
  await declare('queue', deadLetterQueue, () => channel.bindQueue(deadLetterQueue, deadLetterExchange, '#'));
  await declare('queue', queue, () => channel.bindQueue(queue, exchange, '#'));
}

const preconditionFailed = 406;

async function declare(kind: 'exchange' | 'queue', name: string, action: () => Promise<unknown>) {
  try {
    await action();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === preconditionFailed) {
      throw new TrackcastError(
        'TRACKCAST_BROKER_TOPOLOGY',
        `The ${kind} ${name} exists with other arguments than this program declares.`,
        { key: name },
        { cause: error },
      );
    }
    throw error;
  }
}
