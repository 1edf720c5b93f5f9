import type { ChannelModel, ConfirmChannel, Options } from 'amqplib';
import { DrainWaiters } from './drain-waiters.ts';
import { Outbox, type OutboxEntry, type OutboxLimits } from './outbox.ts';
import type { MaskFormat, OutgoingMessage } from './outgoing-message.ts';
import type { Publisher, PublisherCounters, PublisherDropReason } from './publisher.ts';

/** A connection to the broker that comes back by itself after every fault. */
export interface BrokerLink {
  start(): Promise<void>;
  close(): Promise<void>;
}

/** What the publisher does with a connection. */
export interface BrokerLinkHooks {
  /** Called with every new connection; a rejection, or a call of `fail`, ends it. */
  readonly setUp: (connection: ChannelModel, fail: (error: unknown) => void) => Promise<void>;
}

export interface AmqpPublisherOptions {
  readonly openLink: (hooks: BrokerLinkHooks) => BrokerLink;
  /** Durable topic exchange. */
  readonly exchange: string;
  /** Whether frames survive a restart of the broker. Events always do. */
  readonly persistentFrames: boolean;
  readonly masks: MaskFormat;
  readonly outbox: OutboxLimits;
  /** Unconfirmed messages at any time; less than `outbox.maxMessages`. */
  readonly maxUnconfirmed: number;
  /** Told of a message that the broker refused for good. */
  readonly onRefused?: (message: OutgoingMessage) => void;
}

export const defaultAmqpPublisherOptions = {
  exchange: 'video.tracks',
  persistentFrames: false,
  masks: 'rle',
  outbox: { maxMessages: 10_000, maxBytes: 64 * 1024 * 1024 },
  maxUnconfirmed: 512,
} as const satisfies Partial<AmqpPublisherOptions>;

/** One connection's channel, and the way to end that connection. */
interface Session {
  readonly channel: ConfirmChannel;
  readonly fail: (error: unknown) => void;
}

/** A broker that refuses (a full queue with `reject-publish`) is asked again this often and this late. */
const maxAttemptsAfterRefusal = 3;
const refusalPauseMs = 200;

/**
 * Publishes to a topic exchange with confirms. Unconfirmed messages stay in an outbox that outlives connections
 * and are sent again, in order and under the same message id, when the broker is back: at least once delivery.
 */
export class AmqpPublisher implements Publisher {
  readonly name = 'amqp';
  readonly #options: AmqpPublisherOptions;
  readonly #outbox: Outbox;
  readonly #link: BrokerLink;
  readonly #drained = new DrainWaiters();
  readonly #dropped: Record<PublisherDropReason, number> = {
    outbox_full: 0,
    refused: 0,
    slow_client: 0,
    closed: 0,
  };
  #session: Session | undefined;
  #socketFull = false;
  #pause: NodeJS.Timeout | undefined;
  #closed = false;
  #published = 0;
  #confirmed = 0;
  #nacked = 0;
  #resent = 0;

  constructor(options: AmqpPublisherOptions) {
    this.#options = options;
    this.#outbox = new Outbox(options.outbox);
    this.#link = options.openLink({ setUp: (connection, fail) => this.#setUp(connection, fail) });
  }

  /** Resolves when the first attempt to connect has succeeded or failed; messages may be published before. */
  async start(): Promise<void> {
    await this.#link.start();
  }

  publishFrame(message: OutgoingMessage): void {
    this.#publish(message);
  }

  publishEvent(message: OutgoingMessage): void {
    this.#publish(message);
  }

  async drain(timeoutMs: number): Promise<void> {
    if (this.#outbox.size === 0) return;
    await this.#drained.wait(timeoutMs);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#pause);
    this.#session = undefined;
    this.#drop('closed', this.#outbox.clear());
    await this.#link.close();
  }

  counters(): PublisherCounters {
    return {
      published: this.#published,
      confirmed: this.#confirmed,
      nacked: this.#nacked,
      resent: this.#resent,
      dropped: { ...this.#dropped },
      queuedMessages: this.#outbox.size,
      queuedBytes: this.#outbox.bytes,
    };
  }

  #publish(message: OutgoingMessage): void {
    if (this.#closed) {
      this.#drop('closed', 1);
      return;
    }
    this.#drop('outbox_full', this.#outbox.add(message, message.json(this.#options.masks)));
    this.#send();
  }

  async #setUp(connection: ChannelModel, fail: (error: unknown) => void): Promise<void> {
    const channel = await connection.createConfirmChannel();
    channel.on('error', fail);
    channel.on('close', () => {
      if (this.#session?.channel === channel) {
        this.#session = undefined;
        this.#outbox.putBack();
      }
      fail(new Error('the channel was closed'));
    });
    channel.on('drain', () => {
      this.#socketFull = false;
      this.#send();
    });
    await channel.assertExchange(this.#options.exchange, 'topic', { durable: true });
    if (this.#closed) return;
    this.#socketFull = false;
    this.#session = { channel, fail };
    this.#send();
  }

  #send(): void {
    while (
      this.#session !== undefined &&
      !this.#socketFull &&
      this.#pause === undefined &&
      this.#outbox.handedOut < this.#options.maxUnconfirmed
    ) {
      const entry = this.#outbox.next();
      if (entry === undefined) return;
      this.#sendEntry(this.#session, entry);
    }
  }

  #sendEntry(session: Session, entry: OutboxEntry): void {
    const { channel } = session;
    try {
      this.#socketFull = !channel.publish(
        this.#options.exchange,
        routingKey(entry.message),
        entry.body,
        this.#properties(entry.message),
        (error: unknown) => this.#answered(channel, entry, error),
      );
    } catch (error) {
      // A channel that closes throws before it says so; the entry waits for the next connection.
      this.#session = undefined;
      this.#outbox.putBack();
      session.fail(error);
      return;
    }
    if (entry.attempts === 1) this.#published += 1;
    else this.#resent += 1;
  }

  /** A channel that closes calls back too, with an error, for everything that it leaves unconfirmed. */
  #answered(channel: ConfirmChannel, entry: OutboxEntry, error: unknown): void {
    if (this.#session?.channel !== channel) return;
    if (error === null || error === undefined) {
      if (this.#outbox.settle(entry)) this.#confirmed += 1;
    } else if (error instanceof Error && error.message === 'message nacked') {
      this.#refused(entry);
    } else {
      return;
    }
    this.#notifyIdle();
    this.#send();
  }

  #refused(entry: OutboxEntry): void {
    this.#nacked += 1;
    if (entry.attempts >= maxAttemptsAfterRefusal) {
      if (this.#outbox.settle(entry)) this.#drop('refused', 1);
      this.#options.onRefused?.(entry.message);
      return;
    }
    this.#outbox.putBack(entry);
    this.#pause ??= setTimeout(() => {
      this.#pause = undefined;
      this.#send();
    }, refusalPauseMs);
  }

  #properties(message: OutgoingMessage): Options.Publish {
    const { attributes } = message;
    return {
      persistent: message.kind === 'event' || this.#options.persistentFrames,
      contentType: attributes.datacontenttype,
      messageId: message.messageId,
      type: attributes.type,
      appId: 'trackcast',
      timestamp: Math.floor(Date.parse(attributes.time) / 1000),
      headers: cloudEventHeaders(message),
    };
  }

  #drop(reason: PublisherDropReason, count: number): void {
    this.#dropped[reason] += count;
    this.#notifyIdle();
  }

  #notifyIdle(): void {
    if (this.#outbox.size > 0) return;
    this.#drained.wake();
  }
}

/** `tracks.<streamId>` or `events.<streamId>`. */
function routingKey(message: OutgoingMessage): string {
  return `${message.kind === 'frame' ? 'tracks' : 'events'}.${message.streamId}`;
}

/**
 * CloudEvents has no binding for AMQP 0-9-1. The names are those of its AMQP 1.0 binding (section 3.1.3.1), so
 * that a consumer which reads the same queue over AMQP 1.0 finds them as application properties.
 */
function cloudEventHeaders(message: OutgoingMessage): Record<string, string> {
  return Object.fromEntries(
    Object.entries(message.attributes).map(([name, value]) => [`cloudEvents:${name}`, String(value)]),
  );
}
