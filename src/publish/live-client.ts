import type { WebSocket } from 'ws';
import { type LiveSubscription, wantsStream } from './live-subscription.ts';
import type { OutgoingMessage } from './outgoing-message.ts';
import type { LostNotice } from './track-message.ts';

/** When a client counts as slow, and for how long it may. */
export interface LiveClientLimits {
  /** Above this, messages wait and newer frames replace older ones. */
  readonly bufferedBytes: number;
  readonly queuedEvents: number;
  /** Closed after so long without falling below `bufferedBytes`. */
  readonly behindMs: number;
  /** From the close message to cutting the connection. */
  readonly closeGraceMs: number;
}

export const liveCloseCodes = {
  /** The service stops or restarts: connect again later. */
  goingAway: 1001,
  /** The client did not keep up: connect again with fewer streams, without pictures or with `masks=none`. */
  tooSlow: 4008,
} as const;

/** Counts of all clients together, kept by their publisher. */
export interface LiveCounts {
  published: number;
  confirmed: number;
  slowClient: number;
  closed: number;
  /** Handed to a socket, not yet to the operating system. */
  sending: number;
}

/**
 * One live client:
 *
 * ```
 * flowing ──(buffer above limit)──► behind ──(behindMs)──► closed
 *    ▲                                │
 *    └──────(buffer below limit)──────┘
 * ```
 *
 * While behind, only the newest frame and picture of each stream and a bounded number of events wait.
 */
export class LiveClient {
  readonly subscription: LiveSubscription;
  readonly #socket: WebSocket;
  readonly #limits: LiveClientLimits;
  readonly #counts: LiveCounts;
  readonly #onSettled: () => void;
  #events: OutgoingMessage[] = [];
  readonly #frames = new Map<string, OutgoingMessage>();
  readonly #pictures = new Map<string, Buffer>();
  readonly #lostFrames = new Map<string, number>();
  readonly #lostEvents = new Map<string, number>();
  #behindSinceMs: number | undefined;
  #answered = true;

  constructor(
    socket: WebSocket,
    subscription: LiveSubscription,
    limits: LiveClientLimits,
    counts: LiveCounts,
    onSettled: () => void,
  ) {
    this.#socket = socket;
    this.subscription = subscription;
    this.#limits = limits;
    this.#counts = counts;
    this.#onSettled = onSettled;
    socket.on('pong', () => {
      this.#answered = true;
    });
    socket.on('close', () => this.#dropQueue());
  }

  get queued(): number {
    return this.#events.length + this.#frames.size;
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedAmount;
  }

  sendFrame(message: OutgoingMessage, nowMs: number): void {
    if (!this.#isOpen() || !wantsStream(this.subscription, message.streamId)) return;
    if (!this.#mustWait(nowMs)) {
      this.#sendMessage(message);
      return;
    }
    if (this.#frames.delete(message.streamId)) this.#lose(this.#lostFrames, message.streamId);
    this.#frames.set(message.streamId, message);
  }

  sendEvent(message: OutgoingMessage, nowMs: number): void {
    if (!this.#isOpen() || !wantsStream(this.subscription, message.streamId)) return;
    if (!this.#mustWait(nowMs)) {
      this.#sendMessage(message);
      return;
    }
    this.#events.push(message);
    if (this.#events.length > this.#limits.queuedEvents) {
      const oldest = this.#events.shift();
      if (oldest !== undefined) this.#lose(this.#lostEvents, oldest.streamId);
    }
  }

  sendPicture(streamId: string, packet: Buffer, nowMs: number): void {
    if (!this.#isOpen() || !this.subscription.pictures || !wantsStream(this.subscription, streamId)) return;
    if (this.#mustWait(nowMs)) this.#pictures.set(streamId, packet);
    else this.#socket.send(packet, { binary: true }, this.#afterPicture);
  }

  /** Closes the connection when it has been behind for too long. */
  checkPace(nowMs: number): void {
    if (this.#behindSinceMs === undefined || nowMs - this.#behindSinceMs < this.#limits.behindMs) return;
    if (this.#isOpen()) void this.close(liveCloseCodes.tooSlow, 'the client did not keep up');
  }

  /** Cuts the connection when the last ping went unanswered, and sends the next one. */
  ping(): void {
    if (!this.#isOpen()) return;
    if (!this.#answered) {
      this.#socket.terminate();
      return;
    }
    this.#answered = false;
    this.#socket.ping();
  }

  /** Says goodbye, and cuts the connection when the client does not answer. Resolves when it is closed. */
  async close(code: number, reason: string): Promise<void> {
    this.#dropQueue();
    await new Promise<void>((resolve) => {
      const cut = setTimeout(() => this.#socket.terminate(), this.#limits.closeGraceMs);
      this.#socket.once('close', () => {
        clearTimeout(cut);
        resolve();
      });
      this.#socket.close(code, reason);
    });
  }

  #isOpen(): boolean {
    return this.#socket.readyState === this.#socket.OPEN;
  }

  #mustWait(nowMs: number): boolean {
    if (this.#behindSinceMs !== undefined) return true;
    if (this.#socket.bufferedAmount <= this.#limits.bufferedBytes) return false;
    this.#behindSinceMs = nowMs;
    return true;
  }

  #lose(counts: Map<string, number>, streamId: string): void {
    counts.set(streamId, (counts.get(streamId) ?? 0) + 1);
    this.#counts.slowClient += 1;
    this.#onSettled();
  }

  #sendMessage(message: OutgoingMessage): void {
    this.#counts.published += 1;
    this.#counts.sending += 1;
    this.#socket.send(message.json(this.subscription.masks), { binary: false }, this.#afterMessage);
  }

  readonly #afterMessage = (error?: Error | null): void => {
    this.#counts.sending -= 1;
    if (error) this.#counts.closed += 1;
    else this.#counts.confirmed += 1;
    this.#catchUp();
    this.#onSettled();
  };

  readonly #afterPicture = (): void => this.#catchUp();

  /** Sends what waited, as far as the buffer takes it; what does not fit goes on waiting from now. */
  #catchUp(): void {
    if (this.#behindSinceMs === undefined || !this.#isOpen()) return;
    const hasRoom = () => this.#socket.bufferedAmount <= this.#limits.bufferedBytes;
    if (!hasRoom()) return;
    this.#notifyLost('events', this.#lostEvents);
    this.#notifyLost('frames', this.#lostFrames);
    while (hasRoom()) {
      const event = this.#events.shift();
      if (event === undefined) break;
      this.#sendMessage(event);
    }
    for (const [streamId, message] of this.#frames) {
      if (!hasRoom()) break;
      this.#frames.delete(streamId);
      this.#sendMessage(message);
    }
    for (const [streamId, packet] of this.#pictures) {
      if (!hasRoom()) break;
      this.#pictures.delete(streamId);
      this.#socket.send(packet, { binary: true }, this.#afterPicture);
    }
    // The buffer has moved, so the client is alive: its time begins anew with the next message that must wait.
    this.#behindSinceMs = this.queued + this.#pictures.size > 0 ? performance.now() : undefined;
  }

  #notifyLost(what: LostNotice['what'], counts: Map<string, number>): void {
    for (const [streamId, count] of counts) {
      const notice: LostNotice = { type: 'lost', streamId, what, count };
      this.#socket.send(JSON.stringify(notice), { binary: false });
    }
    counts.clear();
  }

  #dropQueue(): void {
    this.#counts.closed += this.queued;
    this.#events = [];
    this.#frames.clear();
    this.#pictures.clear();
    this.#onSettled();
  }
}
