import type { OutgoingMessage } from './outgoing-message.ts';

/** A message on its way, and its place in the order of publication. */
export interface OutboxEntry {
  readonly ordinal: number;
  readonly message: OutgoingMessage;
  readonly body: Buffer;
  /** How often it was handed out by `next`. */
  attempts: number;
}

export interface OutboxLimits {
  readonly maxMessages: number;
  readonly maxBytes: number;
}

/**
 * Messages between publication and confirmation, in order and bounded. An entry waits, is handed out by `next`,
 * and leaves by `settle`, or comes back by `putBack` to be handed out again before all younger ones. When full,
 * the oldest waiting frame makes room, then the oldest waiting event; entries handed out are never dropped.
 */
export class Outbox {
  readonly #limits: OutboxLimits;
  #frames: OutboxEntry[] = [];
  #events: OutboxEntry[] = [];
  readonly #handedOut = new Map<number, OutboxEntry>();
  #ordinal = 0;
  #bytes = 0;

  constructor(limits: OutboxLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#frames.length + this.#events.length + this.#handedOut.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get handedOut(): number {
    return this.#handedOut.size;
  }

  /** Appends a message. Returns how many were dropped to stay within the limits, itself included. */
  add(message: OutgoingMessage, body: Buffer): number {
    const entry: OutboxEntry = { ordinal: this.#ordinal++, message, body, attempts: 0 };
    this.#queueOf(entry).push(entry);
    this.#bytes += body.length;
    let dropped = 0;
    while (this.size > this.#limits.maxMessages || this.#bytes > this.#limits.maxBytes) {
      const oldest = this.#frames.shift() ?? this.#events.shift();
      if (oldest === undefined) break;
      this.#bytes -= oldest.body.length;
      dropped += 1;
    }
    return dropped;
  }

  /** Hands out the oldest waiting message. */
  next(): OutboxEntry | undefined {
    const frame = this.#frames[0];
    const event = this.#events[0];
    const queue =
      event === undefined || (frame && frame.ordinal < event.ordinal) ? this.#frames : this.#events;
    const entry = queue.shift();
    if (entry === undefined) return undefined;
    entry.attempts += 1;
    this.#handedOut.set(entry.ordinal, entry);
    return entry;
  }

  /** Ends the way of a message that was handed out. Returns false when it was not. */
  settle(entry: OutboxEntry): boolean {
    if (!this.#handedOut.delete(entry.ordinal)) return false;
    this.#bytes -= entry.body.length;
    return true;
  }

  /** Lets one message, or all, that were handed out wait again in their old places. */
  putBack(entry?: OutboxEntry): void {
    const returned = entry === undefined ? [...this.#handedOut.values()] : [entry];
    for (const one of returned) {
      if (this.#handedOut.delete(one.ordinal)) this.#queueOf(one).push(one);
    }
    this.#frames.sort(byOrdinal);
    this.#events.sort(byOrdinal);
  }

  /** Forgets everything. Returns how many messages that were. */
  clear(): number {
    const { size } = this;
    this.#frames = [];
    this.#events = [];
    this.#handedOut.clear();
    this.#bytes = 0;
    return size;
  }

  #queueOf(entry: OutboxEntry): OutboxEntry[] {
    return entry.message.kind === 'frame' ? this.#frames : this.#events;
  }
}

function byOrdinal(a: OutboxEntry, b: OutboxEntry): number {
  return a.ordinal - b.ordinal;
}
