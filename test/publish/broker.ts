import { randomUUID } from 'node:crypto';
import amqp, { type ChannelModel, type ConsumeMessage } from 'amqplib';
import { AmqpLink } from '../../src/broker/amqp-link.ts';
import type { AmqpPublisherOptions, BrokerLinkHooks } from '../../src/publish/amqp-publisher.ts';

const brokerUrl = process.env['AMQP_URL'] ?? 'amqp://guest:guest@127.0.0.1:5672';

/** Whether tests with a broker can run; says so when they cannot. */
export async function brokerIsUp(): Promise<boolean> {
  try {
    const connection = await amqp.connect(brokerUrl, { timeout: 3000 });
    await connection.close();
    return true;
  } catch {
    console.warn('SKIPPED: tests with a broker, because none answers at AMQP_URL');
    return false;
  }
}

export function uniqueExchange(): string {
  return `test.video.tracks.${randomUUID()}`;
}

/** A link whose connection a test can cut. */
export function cuttableLink(url = brokerUrl) {
  let current: ChannelModel | undefined;
  let setUps = 0;
  const openLink: AmqpPublisherOptions['openLink'] = (hooks: BrokerLinkHooks) =>
    new AmqpLink({
      url,
      connectionName: 'trackcast publisher test',
      heartbeatSeconds: 10,
      connectTimeoutMs: 3000,
      backoff: { initialMs: 20, maxMs: 100, factor: 2, jitter: 0 },
      setUp: async (connection, fail) => {
        await hooks.setUp(connection, fail);
        current = connection;
        setUps += 1;
      },
    });
  return {
    openLink,
    setUps: () => setUps,
    cut: () => {
      const { stream } = (current as unknown as { connection: { stream: { destroy(error: Error): void } } })
        .connection;
      stream.destroy(new Error('cut by the test'));
    },
  };
}

/** Listens to everything on an exchange, over a connection of its own. */
export async function listen(exchange: string, queueArguments: Record<string, unknown> = {}) {
  const connection = await amqp.connect(brokerUrl);
  const channel = await connection.createChannel();
  await channel.assertExchange(exchange, 'topic', { durable: true });
  const { queue } = await channel.assertQueue('', { exclusive: true, arguments: queueArguments });
  await channel.bindQueue(queue, exchange, '#');
  const messages: ConsumeMessage[] = [];
  return {
    channel,
    messages,
    consume: () =>
      channel.consume(queue, (message) => message !== null && messages.push(message), { noAck: true }),
    dispose: async () => {
      await channel.deleteExchange(exchange);
      await connection.close();
    },
  };
}
