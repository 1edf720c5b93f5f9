import type { OutgoingMessage } from './outgoing-message.ts';

/**
 * Why a publisher gave a message up.
 * - `outbox_full`: more was waiting for the broker than the outbox holds
 * - `refused`: the broker refused it several times
 * - `slow_client`: a newer message of the same stream took its place in a client's queue
 * - `closed`: it was still waiting when the publisher or its client closed
 */
export type PublisherDropReason = 'outbox_full' | 'refused' | 'slow_client' | 'closed';

/** All but the last two only grow. */
export interface PublisherCounters {
  /** Messages handed to the network for the first time; for WebSocket, per client. */
  readonly published: number;
  /** Taken over by the broker, or by the operating system for WebSocket. */
  readonly confirmed: number;
  /** Refusals by the broker. */
  readonly nacked: number;
  /** Messages handed to the network again, because their confirmation never came. */
  readonly resent: number;
  readonly dropped: Readonly<Record<PublisherDropReason, number>>;
  /** Waiting or unconfirmed now. */
  readonly queuedMessages: number;
  readonly queuedBytes: number;
}

/** Where messages go. Never throws into, and never delays, whoever publishes. Implementations pass one suite. */
export interface Publisher {
  /** For logs and metrics, such as `amqp`, `websocket`. */
  readonly name: string;
  /** Frames may be dropped in favour of newer ones. */
  publishFrame(message: OutgoingMessage): void;
  /** Events are dropped last. */
  publishEvent(message: OutgoingMessage): void;
  /** Resolves when nothing waits any more, or after `timeoutMs`. */
  drain(timeoutMs: number): Promise<void>;
  /** Releases connections; what still waits is dropped and counted. */
  close(): Promise<void>;
  counters(): PublisherCounters;
}
