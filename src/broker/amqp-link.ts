import { setTimeout as delay } from 'node:timers/promises';
import amqp, { type ChannelModel } from 'amqplib';
import { monotonicMs } from '../clock.ts';
import { TrackcastError } from '../errors.ts';

/**
 * Life of a link to the broker:
 *
 * ```
 * idle ──► connecting ──► connected ──► disconnected ──► connecting …
 *              └────────────────────────────▲
 * any ──► stopped
 * ```
 */
export type AmqpLinkState = 'idle' | 'connecting' | 'connected' | 'disconnected' | 'stopped';

const nextStates: Readonly<Record<AmqpLinkState, readonly AmqpLinkState[]>> = {
  idle: ['connecting', 'stopped'],
  connecting: ['connected', 'disconnected', 'stopped'],
  connected: ['disconnected', 'stopped'],
  disconnected: ['connecting', 'stopped'],
  stopped: [],
};

/** Waits between attempts: `initialMs * factor^n`, at most `maxMs`, of which a random share up to `jitter` is taken off. */
export interface Backoff {
  readonly initialMs: number;
  readonly maxMs: number;
  readonly factor: number;
  /** 0 to 1. Spreads the programs that lost the same broker. */
  readonly jitter: number;
}

export const defaultBackoff: Backoff = { initialMs: 200, maxMs: 10_000, factor: 2, jitter: 0.5 };

/** Milliseconds to wait before attempt `attempt` (from 0). `random` is in [0, 1). */
export function backoffMs(backoff: Backoff, attempt: number, random: number): number {
  const full = Math.min(backoff.maxMs, backoff.initialMs * backoff.factor ** attempt);
  return full * (1 - backoff.jitter * random);
}

export interface AmqpLinkOptions {
  /** `amqp://` or `amqps://`. Its `heartbeat` parameter wins over `heartbeatSeconds`. */
  readonly url: string;
  /** Shown in the broker's list of connections. */
  readonly connectionName: string;
  readonly heartbeatSeconds: number;
  readonly connectTimeoutMs: number;
  readonly backoff: Backoff;
  /** Makes the connection useful: channels, topology, consumers. Its rejection ends the connection. */
  readonly setUp: (connection: ChannelModel, fail: (error: unknown) => void) => Promise<void>;
  readonly onState?: (state: AmqpLinkState, error?: TrackcastError) => void;
}

/** A connection that lasted this long was a good one: the next wait is short again. */
const goodConnectionMs = 10_000;
const closeTimeoutMs = 2_000;

/**
 * Keeps a connection to the broker up. Any fault, of the connection, of a channel or in the setup, ends the
 * connection as a whole and begins anew after a while: one way to recover, which every fault takes. (amqplib's
 * own recovery leaves channel errors and cancelled consumers to its user.)
 */
export class AmqpLink {
  readonly #options: AmqpLinkOptions;
  readonly #stopping = new AbortController();
  #state: AmqpLinkState = 'idle';
  #connection: ChannelModel | undefined;
  #connections = 0;
  #running: Promise<void> | undefined;

  /** @throws TrackcastError `TRACKCAST_CONFIG_INVALID` when the URL can never be connected to */
  constructor(options: AmqpLinkOptions) {
    this.#options = { ...options, url: withHeartbeat(options.url, options.heartbeatSeconds) };
  }

  get state(): AmqpLinkState {
    return this.#state;
  }

  /** How often a connection was set up again after the first. */
  get reconnects(): number {
    return Math.max(0, this.#connections - 1);
  }

  /** Begins; resolves when the first attempt has succeeded or failed. Never rejects. */
  async start(): Promise<void> {
    if (this.#running !== undefined || this.#stopping.signal.aborted) {
      return;
    }
    const { promise, resolve } = deferred<void>();
    this.#running = this.#run(resolve);
    await promise;
  }

  /** Closes the connection and tries no more. */
  async close(): Promise<void> {
    if (this.#stopping.signal.aborted) {
      await this.#running;
      return;
    }
    this.#stopping.abort();
    if (this.#connection !== undefined) {
      await closeQuietly(this.#connection);
    }
    // A connection attempt cannot be cancelled: what comes of it is closed when it arrives.
    if (this.#state !== 'connecting') {
      await this.#running;
    }
    this.#moveTo('stopped');
  }

  async #run(firstAttemptDone: () => void): Promise<void> {
    const { signal } = this.#stopping;
    let attempt = 0;
    while (!signal.aborted) {
      this.#moveTo('connecting');
      const connectedAt = monotonicMs();
      const error = await this.#runConnection(firstAttemptDone);
      firstAttemptDone();
      if (signal.aborted) {
        return;
      }
      this.#moveTo('disconnected', error);
      attempt = monotonicMs() - connectedAt > goodConnectionMs ? 0 : attempt;
      const waitMs = backoffMs(this.#options.backoff, attempt, Math.random());
      attempt += 1;
      await delay(waitMs, undefined, { signal }).catch(() => {});
    }
  }

  /** Resolves with the reason when the connection has ended, or never came to be. */
  async #runConnection(connected: () => void): Promise<TrackcastError> {
    const { url, connectionName, connectTimeoutMs, setUp } = this.#options;
    const ended = deferred<unknown>();
    let connection: ChannelModel | undefined;
    try {
      connection = await amqp.connect(url, {
        timeout: connectTimeoutMs,
        noDelay: true,
        clientProperties: { connection_name: connectionName },
      });
      connection.on('error', ended.resolve);
      connection.on('close', (error?: Error) => ended.resolve(error));
      if (this.#stopping.signal.aborted) {
        return asBrokerError(undefined);
      }
      this.#connection = connection;
      await Promise.race([setUp(connection, ended.resolve), ended.promise.then(rethrow)]);
      if (!this.#stopping.signal.aborted) {
        this.#connections += 1;
        this.#moveTo('connected');
        connected();
      }
      return asBrokerError(await ended.promise);
    } catch (error) {
      return asBrokerError(error);
    } finally {
      this.#connection = undefined;
      if (connection !== undefined) {
        await closeQuietly(connection);
      }
    }
  }

  #moveTo(state: AmqpLinkState, error?: TrackcastError): void {
    if (!nextStates[this.#state].includes(state)) {
      throw new Error(`a link to the broker cannot go from ${this.#state} to ${state}`);
    }
    this.#state = state;
    this.#options.onState?.(state, error);
  }
}

function withHeartbeat(url: string, heartbeatSeconds: number): string {
  // The message must not repeat the URL: it may hold a password.
  const invalid = () =>
    new TrackcastError('TRACKCAST_CONFIG_INVALID', 'AMQP_URL is not an amqp:// or amqps:// URL.', {
      key: 'AMQP_URL',
    });
  if (!URL.canParse(url)) {
    throw invalid();
  }
  const parsed = new URL(url);
  if (parsed.protocol !== 'amqp:' && parsed.protocol !== 'amqps:') {
    throw invalid();
  }
  if (!parsed.searchParams.has('heartbeat')) {
    parsed.searchParams.set('heartbeat', String(heartbeatSeconds));
  }
  return parsed.href;
}

function asBrokerError(error: unknown): TrackcastError {
  if (error instanceof TrackcastError) {
    return error;
  }
  const reason = error instanceof Error ? error.message : 'the connection was closed';
  return new TrackcastError(
    'TRACKCAST_BROKER_UNAVAILABLE',
    `No connection to the broker: ${reason}.`,
    {},
    {
      cause: error,
    },
  );
}

async function closeQuietly(connection: ChannelModel): Promise<void> {
  const timeout = new AbortController();
  await Promise.race([
    // Closing a connection that is closed already throws.
    Promise.resolve()
      .then(() => connection.close())
      .catch(() => {}),
    delay(closeTimeoutMs, undefined, { signal: timeout.signal }).catch(() => {}),
  ]);
  timeout.abort();
}

function rethrow(error: unknown): never {
  throw error;
}

function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
