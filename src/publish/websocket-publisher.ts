import type { WebSocket } from 'ws';
import { DrainWaiters } from './drain-waiters.ts';
import { LiveClient, type LiveClientLimits, type LiveCounts, liveCloseCodes } from './live-client.ts';
import { type LiveSubscription, wantsStream } from './live-subscription.ts';
import type { OutgoingMessage } from './outgoing-message.ts';
import { type PictureHeader, packPicture } from './picture-packet.ts';
import type { Publisher, PublisherCounters } from './publisher.ts';

export interface WebSocketPublisherOptions extends LiveClientLimits {
  readonly maxClients: number;
  /** How often slow clients are looked for. */
  readonly checkMs: number;
  /** How often clients are asked whether they are still there. */
  readonly pingMs: number;
}

const defaultWebSocketPublisherOptions: WebSocketPublisherOptions = {
  bufferedBytes: 1024 * 1024,
  queuedEvents: 256,
  behindMs: 10_000,
  closeGraceMs: 2_000,
  maxClients: 256,
  checkMs: 1_000,
  pingMs: 30_000,
};

/** What live clients need of one stream beyond its tracks. */
export interface LiveDemand {
  readonly pictures: boolean;
  readonly polygons: boolean;
}

/** Pushes messages to live clients. A slow client loses old messages, is told how many, and delays nobody. */
export class WebSocketPublisher implements Publisher {
  readonly name = 'websocket';
  readonly #options: WebSocketPublisherOptions;
  readonly #clients = new Set<LiveClient>();
  readonly #counts: LiveCounts = { published: 0, confirmed: 0, slowClient: 0, closed: 0, sending: 0 };
  readonly #demandListeners = new Set<() => void>();
  readonly #drained = new DrainWaiters();
  readonly #timers: readonly NodeJS.Timeout[];
  #closed = false;

  constructor(options: Partial<WebSocketPublisherOptions> = {}) {
    this.#options = { ...defaultWebSocketPublisherOptions, ...options };
    this.#timers = [
      setInterval(
        () => this.#forEach((client) => client.checkPace(performance.now())),
        this.#options.checkMs,
      ),
      setInterval(() => this.#forEach((client) => client.ping()), this.#options.pingMs),
    ];
    for (const timer of this.#timers) timer.unref();
  }

  get clients(): number {
    return this.#clients.size;
  }

  /** Takes over an open socket. What the client sends is ignored. */
  accept(socket: WebSocket, subscription: LiveSubscription): void {
    if (this.#closed || this.#clients.size >= this.#options.maxClients) {
      socket.on('error', () => socket.terminate());
      socket.close(1013, 'too many clients');
      return;
    }
    const client = new LiveClient(socket, subscription, this.#options, this.#counts, this.#notifyIdle);
    this.#clients.add(client);
    // A protocol error of one client ends that client: ws closes the socket after this event.
    socket.on('error', () => socket.terminate());
    socket.on('close', () => {
      this.#clients.delete(client);
      this.#notifyIdle();
      this.#demandChanged();
    });
    this.#demandChanged();
  }

  publishFrame(message: OutgoingMessage): void {
    const now = performance.now();
    for (const client of this.#clients) client.sendFrame(message, now);
  }

  publishEvent(message: OutgoingMessage): void {
    const now = performance.now();
    for (const client of this.#clients) client.sendEvent(message, now);
  }

  /** Sends a preview picture to the clients that want it. Nothing is packed when nobody does. */
  publishPicture(header: PictureHeader, jpeg: Uint8Array): void {
    if (!this.demand(header.streamId).pictures) return;
    const packet = packPicture(header, jpeg);
    const now = performance.now();
    for (const client of this.#clients) client.sendPicture(header.streamId, packet, now);
  }

  /** What is wanted of a stream now, so that nobody works for nobody. */
  demand(streamId: string): LiveDemand {
    let pictures = false;
    let polygons = false;
    for (const { subscription } of this.#clients) {
      if (!wantsStream(subscription, streamId)) continue;
      pictures ||= subscription.pictures;
      polygons ||= subscription.masks === 'polygon';
    }
    return { pictures, polygons };
  }

  /** Whether any client draws masks from polygons. */
  wantsPolygons(): boolean {
    for (const { subscription } of this.#clients) if (subscription.masks === 'polygon') return true;
    return false;
  }

  /** Tells when `demand` may give other answers. Returns a function that ends the telling. */
  onDemandChange(listener: () => void): () => void {
    this.#demandListeners.add(listener);
    return () => this.#demandListeners.delete(listener);
  }

  async drain(timeoutMs: number): Promise<void> {
    if (this.#isIdle()) return;
    await this.#drained.wait(timeoutMs);
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const timer of this.#timers) clearInterval(timer);
    const goodbyes = [...this.#clients].map((client) =>
      client.close(liveCloseCodes.goingAway, 'the service stops'),
    );
    await Promise.all(goodbyes);
  }

  counters(): PublisherCounters {
    const { published, confirmed, slowClient, closed, sending } = this.#counts;
    let queuedMessages = sending;
    let queuedBytes = 0;
    for (const client of this.#clients) {
      queuedMessages += client.queued;
      queuedBytes += client.bufferedBytes;
    }
    return {
      published,
      confirmed,
      nacked: 0,
      resent: 0,
      dropped: { outbox_full: 0, refused: 0, slow_client: slowClient, closed },
      queuedMessages,
      queuedBytes,
    };
  }

  #forEach(action: (client: LiveClient) => void): void {
    for (const client of this.#clients) action(client);
  }

  #isIdle(): boolean {
    if (this.#counts.sending > 0) return false;
    for (const client of this.#clients) if (client.queued > 0) return false;
    return true;
  }

  readonly #notifyIdle = (): void => {
    if (!this.#drained.isAnyoneWaiting || !this.#isIdle()) return;
    this.#drained.wake();
  };

  #demandChanged(): void {
    for (const listener of this.#demandListeners) listener();
  }
}
