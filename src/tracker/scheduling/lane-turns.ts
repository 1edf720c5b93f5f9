import { inTurn, type Waiting } from './turn-order.ts';

/** A stream that asked within this time still wants its turn, milliseconds. */
const wantsTurnMs = 500;
/** A stream is passed over until others have had so many rounds of turns while it waited. */
const patientRounds = 1.5;
/** How fast the usual length of a turn follows the last one. */
const lengthPace = 0.2;

interface AskingStream {
  askedAtMs: number;
  /** First question since its last turn; null while it has not asked since. */
  waitsSinceMs: number | null;
  /** Turns that others had before that. */
  waitsSinceTurn: number;
  /** First question for a person since then; null while no person waits. */
  personSinceMs: number | null;
  /** Its last turn; null before the first one. */
  beganAtMs: number | null;
}

/** A stream that has had no turn yet goes before all others, as if it had waited for so long already. */
const newcomerAgeMs = 3_600_000;

/**
 * Whose turn it is on a device that does one thing at a time, where streams ask whenever they have a frame. The order
 * is that of `inTurn`. The device stands idle for a stream that is before the asking one and will ask again. Once it has
 * for as long as a turn usually takes, going after another turn costs that stream less than waiting costs all: then it is
 * passed over, unless a person waits for it or it has waited for long.
 *
 * Times are milliseconds of one monotonic clock.
 */
export class LaneTurns {
  readonly #streams = new Map<string, AskingStream>();
  #usualLengthMs = wantsTurnMs;
  /** Null before the first turn. */
  #freeSinceMs: number | null = null;
  #beganAtMs: number | null = null;
  #turnsBegun = 0;

  /** Whether the stream has asked and was not forgotten. */
  has(streamId: string): boolean {
    return this.#streams.has(streamId);
  }

  /**
   * Takes note that a stream wants a turn, or work that needs none.
   *
   * @param isUrgent whether a person waits for it
   */
  ask(streamId: string, isUrgent: boolean, nowMs: number): void {
    const stream = this.#streams.get(streamId) ?? newStream();
    this.#streams.set(streamId, stream);
    stream.askedAtMs = nowMs;
    if (stream.waitsSinceMs === null) {
      stream.waitsSinceMs = nowMs;
      stream.waitsSinceTurn = this.#turnsBegun;
    }
    stream.personSinceMs = isUrgent ? (stream.personSinceMs ?? nowMs) : null;
  }

  /** Whether it is the turn of a stream that has just asked. Changes nothing. */
  isTurnOf(streamId: string, nowMs: number): boolean {
    const waiting: Waiting[] = [];
    for (const [id, stream] of this.#streams) {
      if (nowMs - stream.askedAtMs >= wantsTurnMs) continue;
      const waitedMs = nowMs - (stream.waitsSinceMs ?? nowMs);
      waiting.push({
        streamId: id,
        weightedAgeMs: stream.beganAtMs === null ? newcomerAgeMs + waitedMs : nowMs - stream.beganAtMs,
        weightedLatenessMs: waitedMs,
        personWaitMs: stream.personSinceMs === null ? null : nowMs - stream.personSinceMs,
      });
    }
    const first = inTurn(waiting, waiting.length * this.#usualLengthMs)[0];
    if (first === undefined || first.streamId === streamId) return true;
    const hasIdled = this.#freeSinceMs !== null && nowMs - this.#freeSinceMs >= this.#usualLengthMs;
    if (!hasIdled || first.personWaitMs !== null) return false;
    const since = this.#streams.get(first.streamId)?.waitsSinceTurn ?? 0;
    return this.#turnsBegun - since < patientRounds * waiting.length;
  }

  /** @param isTurn false for work that takes no picture, which takes no turn either */
  began(streamId: string, isTurn: boolean, nowMs: number): void {
    const stream = this.#streams.get(streamId);
    this.#beganAtMs = isTurn ? nowMs : null;
    if (isTurn) this.#turnsBegun++;
    if (stream === undefined) return;
    stream.personSinceMs = null;
    if (!isTurn) return;
    stream.beganAtMs = nowMs;
    stream.waitsSinceMs = null;
  }

  /** The device is free again. */
  ended(nowMs: number): void {
    this.#freeSinceMs = nowMs;
    if (this.#beganAtMs === null) return;
    this.#usualLengthMs += lengthPace * (nowMs - this.#beganAtMs - this.#usualLengthMs);
    this.#beganAtMs = null;
  }

  forget(streamId: string): void {
    this.#streams.delete(streamId);
  }
}

function newStream(): AskingStream {
  return { askedAtMs: 0, waitsSinceMs: null, waitsSinceTurn: 0, personSinceMs: null, beganAtMs: null };
}
